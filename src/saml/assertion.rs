//! What an identity provider says about somebody.

use chrono::{DateTime, Utc};
use roxmltree::Node;

use super::{
    ResponseError, time,
    xml::{self, ASSERTION},
};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// An assertion that was signed, is for this gateway, and holds now. Only [`judge`](super::judge)
/// makes one.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assertion {
    /// Its id, to be remembered until [`Assertion::replay_until`].
    pub id: String,
    /// The identity provider's entity ID.
    pub issuer: String,
    /// Who it is about.
    pub name_id: NameId,
    /// The identity provider's name for its own session.
    pub session_index: Option<String>,
    /// When the identity provider wants the session to end.
    pub session_not_on_or_after: Option<DateTime<Utc>>,
    /// What else is said of them, in order.
    pub attributes: Vec<Attribute>,
    /// Until when the assertion could be presented again.
    pub replay_until: DateTime<Utc>,
}

/// Who an assertion is about (SAML core 2.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// The name.
    pub value: String,
    /// What sort of name (SAML core 8.3).
    pub format: Option<String>,
}

/// One thing that is said of somebody (SAML core 2.7.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its values. None is not the same as no attribute.
    pub values: Vec<String>,
}

pub(super) fn read_name_id(assertion: Node<'_, '_>) -> Result<NameId, ResponseError> {
    let subject = xml::child(assertion, ASSERTION, "Subject");
    let node = subject.and_then(|subject| xml::child(subject, ASSERTION, "NameID"));
    let node = node.ok_or(ResponseError::Missing("NameID"))?;
    let value = xml::text(node);
    if value.is_empty() {
        return Err(ResponseError::Missing("NameID"));
    }
    Ok(NameId { value, format: node.attribute("Format").map(str::to_owned) })
}

/// The attributes of all statements. One that is there twice has the values of both.
pub(super) fn read_attributes(assertion: Node<'_, '_>) -> Vec<Attribute> {
    let mut attributes: Vec<Attribute> = Vec::new();
    let statements = xml::children(assertion, ASSERTION, "AttributeStatement");
    for node in statements.flat_map(|statement| xml::children(statement, ASSERTION, "Attribute")) {
        let name = node.attribute("Name").unwrap_or_default();
        let values = xml::children(node, ASSERTION, "AttributeValue")
            .filter(|value| !matches!(value.attribute((XSI, "nil")), Some("true" | "1")))
            .map(xml::text);
        match attributes.iter_mut().find(|attribute| attribute.name == name) {
            Some(attribute) => attribute.values.extend(values),
            None => attributes.push(Attribute { name: name.to_owned(), values: values.collect() }),
        }
    }
    attributes
}

/// The time in an attribute, if it is there.
pub(super) fn read_time(
    node: Node<'_, '_>,
    name: &'static str,
) -> Result<Option<DateTime<Utc>>, ResponseError> {
    let parse =
        |text: &str| time::parse(text).ok_or_else(|| ResponseError::Time(name, text.to_owned()));
    node.attribute(name).map(parse).transpose()
}
