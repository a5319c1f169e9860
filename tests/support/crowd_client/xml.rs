//! XML, read as JAXB reads it: unknown elements are of no interest, but what is not XML is refused.

use std::io::BufRead;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

/// An element with everything in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    /// All of a document.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let mut document = Document::open(text)?;
        while let Some(child) = document.next_child()? {
            document.root.children.push(child);
        }
        Ok(document.root)
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// An attribute that must not be missing.
    pub fn required(&self, name: &str) -> Result<&str, String> {
        let value = self.attribute(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("<{}> has no {name}", self.name))
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// A child that must not be missing.
    pub fn required_child(&self, name: &str) -> Result<&Self, String> {
        self.child(name).ok_or_else(|| format!("<{}> has no <{name}>", self.name))
    }

    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child, if it is there.
    pub fn text_of(&self, name: &str) -> Option<String> {
        self.child(name).map(|child| child.text.clone())
    }
}

/// A document whose root's children come one by one, however long it is.
pub struct Document<R> {
    reader: Reader<R>,
    buffer: Vec<u8>,
    /// The root, without its children.
    pub root: Element,
}

enum Piece {
    Start(Element),
    End,
    Text(String),
    Nothing,
}

impl<R: BufRead> Document<R> {
    pub fn open(input: R) -> Result<Self, String> {
        let mut reader = Reader::from_reader(input);
        reader.config_mut().expand_empty_elements = true;
        let mut document = Self { reader, buffer: Vec::new(), root: Element::default() };
        document.root = loop {
            match document.next_piece()? {
                Piece::Start(root) => break root,
                Piece::Nothing => {}
                Piece::Text(text) if text.trim().is_empty() => {}
                Piece::Text(text) => return Err(format!("{text:?} is before the document")),
                Piece::End => return Err("it begins with an end".to_owned()),
            }
        };
        Ok(document)
    }

    /// The next child of the root; none at its end, behind which nothing comes.
    pub fn next_child(&mut self) -> Result<Option<Element>, String> {
        loop {
            match self.next_piece()? {
                Piece::Start(child) => return self.read_rest(child).map(Some),
                Piece::Text(text) => self.root.text.push_str(&text),
                Piece::Nothing => {}
                Piece::End => return self.end().map(|()| None),
            }
        }
    }

    fn end(&mut self) -> Result<(), String> {
        self.buffer.clear();
        match self.reader.read_event_into(&mut self.buffer).map_err(text_of)? {
            Event::Eof => Ok(()),
            Event::Text(text) if text.iter().all(u8::is_ascii_whitespace) => self.end(),
            more => Err(format!("something is behind the document: {more:?}")),
        }
    }

    fn read_rest(&mut self, mut element: Element) -> Result<Element, String> {
        loop {
            match self.next_piece()? {
                Piece::Start(child) => {
                    let child = self.read_rest(child)?;
                    element.children.push(child);
                }
                Piece::Text(text) => element.text.push_str(&text),
                Piece::Nothing => {}
                Piece::End => return Ok(element),
            }
        }
    }

    fn next_piece(&mut self) -> Result<Piece, String> {
        self.buffer.clear();
        Ok(match self.reader.read_event_into(&mut self.buffer).map_err(text_of)? {
            Event::Start(start) => Piece::Start(begin(&start)?),
            Event::End(_) => Piece::End,
            Event::Text(text) => Piece::Text(legal(&text.xml10_content().map_err(text_of)?)?),
            Event::CData(text) => Piece::Text(legal(&text.xml10_content().map_err(text_of)?)?),
            Event::GeneralRef(reference) => Piece::Text(match reference.resolve_char_ref() {
                Ok(Some(c)) => legal(&c.to_string())?,
                _ => predefined(&reference)?.to_owned(),
            }),
            Event::Eof => return Err("it breaks off".to_owned()),
            Event::DocType(_) => return Err("it has a document type".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::Empty(_) => Piece::Nothing,
        })
    }
}

fn text_of(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn predefined(name: &[u8]) -> Result<&'static str, String> {
    Ok(match name {
        b"amp" => "&",
        b"lt" => "<",
        b"gt" => ">",
        b"quot" => "\"",
        b"apos" => "'",
        _ => return Err(format!("there is no entity {:?}", String::from_utf8_lossy(name))),
    })
}

fn begin(start: &BytesStart<'_>) -> Result<Element, String> {
    let name = std::str::from_utf8(start.name().into_inner()).map_err(text_of)?.to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(text_of)?;
        let name = std::str::from_utf8(attribute.key.into_inner()).map_err(text_of)?.to_owned();
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(text_of)?;
        attributes.push((name, legal(&value)?));
    }
    Ok(Element { name, attributes, ..Element::default() })
}

/// XML 1.0 section 2.2: Xerces refuses everything else, however it is written.
fn legal(text: &str) -> Result<String, String> {
    let is_legal = |c: char| {
        matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}')
    };
    match text.chars().find(|c| !is_legal(*c)) {
        Some(c) => Err(format!("{c:?} is no character of XML")),
        None => Ok(text.to_owned()),
    }
}

/// A text, as it is written in a document.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_whole() {
        let text = b"<?xml version=\"1.0\"?>\n<a n='&lt;1&#65;'><b>x &amp; &#xe4;</b><c/><!-- --><b/></a>\n";
        let root = Element::parse(text).unwrap();
        assert_eq!((root.name.as_str(), root.required("n")), ("a", Ok("<1A")));
        assert_eq!(root.children_named("b").count(), 2);
        assert_eq!(root.text_of("b").unwrap(), "x & ä");
        assert_eq!(root.text_of("none"), None);
        assert!(root.required("none").is_err() && root.required_child("d").is_err());
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "<a>&nbsp;</a>",
            "<a>\u{1}</a>",
            "<a b='&#1;'/>",
            "<a>&#x1f;</a>",
            "<!DOCTYPE a><a/>",
            "<a b='1' b='2'/>",
            "<a>&#xffff;</a>",
        ] {
            assert!(Element::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn children_come_one_by_one() {
        let mut document = Document::open(&b"<list><one/><two>2</two></list>"[..]).unwrap();
        assert_eq!(document.root.name, "list");
        assert_eq!(document.next_child().unwrap().unwrap().name, "one");
        assert_eq!(document.next_child().unwrap().unwrap().text, "2");
        assert_eq!(document.next_child().unwrap(), None);
        let mut broken = Document::open(&b"<list><one/><two>"[..]).unwrap();
        assert!(broken.next_child().is_ok() && broken.next_child().is_err());
    }
}
