//! Reads XML without a word about what it means.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesRef, BytesStart, Event},
};

use super::{MOST_LEVELS, Node, Unreadable};

/// Each is compared with those before it.
const MOST_ATTRIBUTES: usize = 32;

/// Reads one element with all that is in it. Of entities there are the five that XML knows and characters by
/// their numbers: whoever declares others is refused, however small they look.
pub(super) fn read(body: &[u8]) -> Result<Node, Unreadable> {
    let text = str::from_utf8(body).map_err(malformed)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(tag) => {
                if open.len() == MOST_LEVELS {
                    return Err(Unreadable::TooDeep);
                }
                open.push(begun(&tag)?);
            }
            Event::Empty(tag) => close(begun(&tag)?, &mut open, &mut root)?,
            Event::End(_) => {
                let node = open.pop().ok_or_else(|| malformed("an end without a beginning"))?;
                close(node, &mut open, &mut root)?;
            }
            Event::Text(text) => append(&mut open, &text.decode().map_err(malformed)?)?,
            Event::CData(text) => append(&mut open, &text.decode().map_err(malformed)?)?,
            Event::GeneralRef(reference) => append(&mut open, &referred(&reference)?)?,
            Event::DocType(_) => return Err(Unreadable::DocumentType),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof if open.is_empty() => break,
            Event::Eof => return Err(malformed("it ends in the middle")),
        }
    }
    root.ok_or_else(|| malformed("there is no element"))
}

fn malformed(problem: impl std::fmt::Display) -> Unreadable {
    Unreadable::Xml(problem.to_string())
}

fn begun(tag: &BytesStart<'_>) -> Result<Node, Unreadable> {
    let mut node = Node::new(str::from_utf8(tag.local_name().as_ref()).map_err(malformed)?);
    for attribute in tag.attributes() {
        if node.children.len() == MOST_ATTRIBUTES {
            return Err(malformed("an element has more attributes than anybody sends"));
        }
        let attribute = attribute.map_err(malformed)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?;
        let name = attribute.key.local_name();
        let mut child = Node::new(str::from_utf8(name.as_ref()).map_err(malformed)?);
        child.text = Some(value.into_owned());
        node.children.push(child);
    }
    Ok(node)
}

/// What stands around other elements is not text.
fn close(mut node: Node, open: &mut [Node], root: &mut Option<Node>) -> Result<(), Unreadable> {
    if node.text.is_none() && node.children.is_empty() {
        node.text = Some(String::new());
    }
    match open.last_mut() {
        Some(parent) => parent.children.push(node),
        None if root.is_none() => *root = Some(node),
        None => return Err(malformed("there is a second element")),
    }
    Ok(())
}

fn append(open: &mut [Node], text: &str) -> Result<(), Unreadable> {
    match open.last_mut() {
        Some(node) => node.text.get_or_insert_default().push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(malformed("there is text outside of the element")),
    }
    Ok(())
}

fn referred(reference: &BytesRef<'_>) -> Result<String, Unreadable> {
    if let Some(character) = reference.resolve_char_ref().map_err(malformed)? {
        return Ok(character.to_string());
    }
    let name = reference.decode().map_err(malformed)?;
    let known = quick_xml::escape::resolve_predefined_entity(&name);
    known.map(str::to_owned).ok_or(Unreadable::DocumentType)
}
