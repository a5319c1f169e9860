//! What applications send, in whichever format: one tree, read in one way.
//!
//! An attribute of an XML element, an element in it, and a member of a JSON object are the same here, and so
//! are the elements in an element and the entries of an array.

mod json;
mod xml;

use super::format::Format;

/// Nobody sends more levels, and whoever reads them goes one call deeper for each.
const MOST_LEVELS: usize = 160;

/// Nobody sends more parts: each takes far more memory than the bytes that it is sent in.
const MOST_NODES: usize = 20_000;

/// A part of what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// The element's or member's name; empty for an array's entry and for JSON's outermost object.
    pub(super) name: String,
    /// The text in it; none if it has other nodes, or was `null`.
    pub(super) text: Option<String>,
    /// What is in it, in order.
    pub(super) children: Vec<Node>,
}

/// Why what was sent cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the XML is not well formed: {0}")]
    Xml(String),
    #[error("the JSON is not well formed: {0}")]
    Json(String),
    #[error("document types and entities are not taken")]
    DocumentType,
    #[error("it has a character that no text has")]
    Character,
    #[error("it has more than {MOST_NODES} parts")]
    TooMany,
    #[error("it is nested deeper than {MOST_LEVELS} levels")]
    TooDeep,
}

impl Node {
    /// Reads a body.
    pub(super) fn read(body: &[u8], format: Format) -> Result<Self, Unreadable> {
        match format {
            Format::Xml => xml::read(body),
            Format::Json => json::read(body),
        }
    }

    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The same, with the name that the address has, if it says none itself.
    pub(super) fn named(mut self, name: &str) -> Self {
        if self.child("name").is_none() {
            self.children.push(Self { text: Some(name.to_owned()), ..Self::new("name") });
        }
        self
    }

    /// The first node of that name in it.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first node of that name in it.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.child(name).and_then(|child| child.text.as_deref())
    }

    /// The entries of a list in it: elements of the name `entry`, or what is in an array. Where XML has elements
    /// in an element (`attributes`), JSON names an array in an object of the same name: both are read.
    pub(super) fn list<'n>(&'n self, name: &str, entry: &'n str) -> impl Iterator<Item = &'n Self> {
        let list = self.child(name).map(|list| list.child(name).unwrap_or(list));
        list.into_iter().flat_map(move |list| list.entries(entry))
    }

    /// What is in it: elements of this name, or an array's entries.
    pub(super) fn entries<'n>(&'n self, entry: &'n str) -> impl Iterator<Item = &'n Self> {
        self.children.iter().filter(move |node| node.name == entry || node.name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_parts_are_read_and_no_more() {
        let list = |count| (format!("[{}0]", "0,".repeat(count - 2)), Format::Json);
        let element = |count| (format!("<a>{}</a>", "<b/>".repeat(count - 1)), Format::Xml);
        let attributes = |count| (format!("<a>{}</a>", "<b c=''/>".repeat(count / 2)), Format::Xml);
        for (text, format) in [list(MOST_NODES), element(MOST_NODES), attributes(MOST_NODES - 2)] {
            assert!(Node::read(text.as_bytes(), format).is_ok());
        }
        for (text, format) in
            [list(MOST_NODES + 1), element(MOST_NODES + 1), attributes(MOST_NODES)]
        {
            let read = Node::read(text.as_bytes(), format);
            assert!(read.unwrap_err().to_string().contains("20000 parts"));
        }
    }
}
