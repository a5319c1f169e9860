//! Reads XML without a word about what it means.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesRef, BytesStart, Event},
};

use super::{MOST_LEVELS, MOST_NODES, Node, Unreadable};

/// Each is compared with those before it.
const MOST_ATTRIBUTES: usize = 32;

/// Reads one element with all that is in it. Of entities there are the five that XML knows and characters by
/// their numbers: whoever declares others is refused, however small they look.
pub(super) fn read(body: &[u8]) -> Result<Node, Unreadable> {
    let text = str::from_utf8(body).map_err(malformed)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    let mut left = MOST_NODES;
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(tag) => {
                if open.len() == MOST_LEVELS {
                    return Err(Unreadable::TooDeep);
                }
                open.push(begun(&tag, &mut left)?);
            }
            Event::Empty(tag) => close(begun(&tag, &mut left)?, &mut open, &mut root)?,
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

fn begun(tag: &BytesStart<'_>, left: &mut usize) -> Result<Node, Unreadable> {
    *left = left.checked_sub(1).ok_or(Unreadable::TooMany)?;
    let mut node = Node::new(str::from_utf8(tag.local_name().as_ref()).map_err(malformed)?);
    for attribute in tag.attributes() {
        if node.children.len() == MOST_ATTRIBUTES {
            return Err(malformed("an element has more attributes than anybody sends"));
        }
        *left = left.checked_sub(1).ok_or(Unreadable::TooMany)?;
        let attribute = attribute.map_err(malformed)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?;
        let name = attribute.key.local_name();
        let mut child = Node::new(str::from_utf8(name.as_ref()).map_err(malformed)?);
        child.text = Some(checked(&value)?.to_owned());
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

/// A text, if it is of characters that XML 1.0 has (section 2.2).
fn checked(text: &str) -> Result<&str, Unreadable> {
    let is_character =
        |c| !matches!(c, '\0'..'\t' | '\u{b}' | '\u{c}' | '\u{e}'..' ' | '\u{fffe}' | '\u{ffff}');
    if text.chars().all(is_character) { Ok(text) } else { Err(Unreadable::Character) }
}

fn append(open: &mut [Node], text: &str) -> Result<(), Unreadable> {
    let text = checked(text)?;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entities_that_are_declared_are_refused() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>"#;
        assert!(matches!(read(bomb.as_bytes()), Err(Unreadable::DocumentType)));
        assert!(matches!(read(b"<!DOCTYPE a><a/>"), Err(Unreadable::DocumentType)));
        assert!(matches!(read(b"<a>&b;</a>"), Err(Unreadable::DocumentType)));
        assert!(read(b"<a x='&b;'/>").is_err());
        let node =
            read("<a x='&lt;&#65;'>&amp;&quot;&apos;&gt;<![CDATA[<b>]]></a>".as_bytes()).unwrap();
        assert_eq!(node.text.as_deref(), Some("&\"'><b>"));
        assert_eq!(node.field("x"), Some("<A"));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        let wide =
            format!("<a {}/>", (0..50).map(|n| format!("a{n}=''")).collect::<Vec<_>>().join(" "));
        let deep = "<a>".repeat(200_000);
        for text in [
            "",
            " ",
            "a",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>b",
            "<a",
            "<a b></a>",
            "<a b=c/>",
            "<a b='1' b='2'/>",
            "<a>&#0;</a>",
            "<a>&#1;</a>",
            "<a>\u{1}</a>",
            "<a b='&#8;'/>",
            "<a>&#xD800;</a>",
            "<a>&lt</a>",
            &wide,
            &deep,
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:.100}");
        }
        assert!(read(b"<a>\xff</a>").is_err());
    }

    #[test]
    fn namespaces_comments_and_instructions_say_nothing() {
        let text = "\u{feff}<?xml version='1.0'?><!-- a --><?b c?><x:user xmlns:x='y' x:name='ada'><!-- d --></x:user>\n";
        let node = read(text.as_bytes()).unwrap();
        assert_eq!((node.name.as_str(), node.field("name")), ("user", Some("ada")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }

        #[test]
        fn nearly_right_text_is_read_or_refused(text in "(</?[ab]|[ab]='|[<>/&;'x#1 ]|<!--|-->|]]>|<!\\[CDATA\\[){0,60}") {
            let _ = read(text.as_bytes());
        }
    }
}
