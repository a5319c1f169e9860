//! Users, groups and passwords, as applications send them.

use super::{failure::Failure, node::Node};

/// A user, as an application wants them to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SentUser {
    /// The username.
    pub(super) name: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) email: Option<String>,
    /// Whether the account may be used, if it is said.
    pub(super) active: Option<bool>,
    /// The password, in clear.
    pub(super) password: Option<String>,
    /// Each with its values.
    pub(super) attributes: Vec<(String, Vec<String>)>,
}

/// A group, as an application wants it to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SentGroup {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) active: Option<bool>,
    /// Each with its values.
    pub(super) attributes: Vec<(String, Vec<String>)>,
}

impl SentUser {
    pub(super) fn read(node: &Node) -> Result<Self, Failure> {
        let text = |name| node.field(name).map(str::to_owned);
        Ok(Self {
            name: name(node)?,
            first_name: text("first-name"),
            last_name: text("last-name"),
            display_name: text("display-name"),
            email: text("email"),
            active: flag(node, "active"),
            password: node.child("password").and_then(password),
            attributes: attributes(node),
        })
    }
}

impl SentGroup {
    pub(super) fn read(node: &Node) -> Result<Self, Failure> {
        Ok(Self {
            name: name(node)?,
            description: node.field("description").map(str::to_owned),
            active: flag(node, "active"),
            attributes: attributes(node),
        })
    }
}

/// The name of a user or group that is meant, whatever else is sent of it.
pub(super) fn name(node: &Node) -> Result<String, Failure> {
    let name = node.field("name").filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| Failure::illegal("name is missing"))
}

/// The password in `<password><value>…</value></password>`; none in an empty one.
pub(super) fn password(node: &Node) -> Option<String> {
    node.field("value").map(str::to_owned)
}

/// The attributes in a list of them, or in an entity that has one.
pub(super) fn attributes(node: &Node) -> Vec<(String, Vec<String>)> {
    let attribute = |attribute: &Node| {
        let values = attribute.list("values", "value");
        let values = values.filter_map(|value| value.text.clone());
        Some((attribute.field("name")?.to_owned(), values.collect()))
    };
    if node.name == "attributes" {
        return node.entries("attribute").filter_map(attribute).collect();
    }
    node.list("attributes", "attribute").filter_map(attribute).collect()
}

/// Clients send it as a text, too.
fn flag(node: &Node, name: &str) -> Option<bool> {
    node.field(name).map(|value| value.trim().eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crowd::format::Format;

    const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <user name="ada" expand="attributes"><link href="x" rel="self"/>
          <first-name>Ada</first-name><last-name></last-name>
          <password><value>a&lt;b&#65;</value></password><active>true</active>
          <attributes><link href="x" rel="self"/>
            <attribute name="room"><link href="x"/><values><value>1</value><value>2</value></values></attribute>
          </attributes>
        </user>"#;
    const JSON: &str = r#"{"name":"ada","first-name":"Ada","last-name":"","email":null,
        "password":{"value":"a<bA"},"active":"true",
        "attributes":{"attributes":[{"name":"room","values":["1","2"]}],"link":{"href":"x"}}}"#;

    #[test]
    fn the_same_user_is_read_from_both() {
        let expected = SentUser {
            name: "ada".into(),
            first_name: Some("Ada".into()),
            last_name: Some(String::new()),
            active: Some(true),
            password: Some("a<bA".into()),
            attributes: vec![("room".into(), vec!["1".into(), "2".into()])],
            ..SentUser::default()
        };
        for (text, format) in [(XML, Format::Xml), (JSON, Format::Json)] {
            let node = Node::read(text.as_bytes(), format).unwrap();
            assert_eq!(SentUser::read(&node).unwrap(), expected, "{format:?}");
        }
    }

    #[test]
    fn attributes_are_read_by_themselves() {
        let xml = r#"<attributes><attribute name="a"><values><value>1</value></values></attribute></attributes>"#;
        let json = r#"{"attributes":[{"name":"a","values":["1"]}]}"#;
        for (text, format) in [(xml, Format::Xml), (json, Format::Json)] {
            let node = Node::read(text.as_bytes(), format).unwrap();
            assert_eq!(attributes(&node), [("a".to_owned(), vec!["1".to_owned()])], "{format:?}");
        }
    }

    #[test]
    fn a_name_is_needed() {
        for text in ["<user/>", "<user name=''/>"] {
            let node = Node::read(text.as_bytes(), Format::Xml).unwrap();
            assert!(SentUser::read(&node).is_err());
        }
    }
}
