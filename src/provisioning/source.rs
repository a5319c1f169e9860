//! Where a claim is read from: an attribute, the `NameID`, or a template of several.

use std::fmt;

use super::Statement;

/// Stands for the assertion's `NameID` among the names of attributes.
const NAME_ID: &str = "name_id";

/// A source of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Attribute(String),
}

/// A template that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} has a brace without its other half, or nothing between them")]
pub struct TemplateError(String);

impl Source {
    /// An attribute's name, or a template with names in braces.
    pub(super) fn compile(text: &str) -> Result<Self, TemplateError> {
        if !text.contains(['{', '}']) {
            return Ok(Self(vec![Part::Attribute(text.to_owned())]));
        }
        let bad = || TemplateError(text.to_owned());
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(bad)?;
            if name.is_empty() || name.contains('{') || before.contains('}') {
                return Err(bad());
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Attribute(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err(bad());
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// What it says; nothing if one of its attributes says nothing.
    pub(super) fn read(&self, statement: &Statement) -> Option<String> {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Attribute(name) => first_value(statement, name),
            })
            .collect()
    }
}

/// As it was written.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [Part::Attribute(name)] => f.write_str(name),
            parts => parts.iter().try_for_each(|part| match part {
                Part::Text(text) => f.write_str(text),
                Part::Attribute(name) => write!(f, "{{{name}}}"),
            }),
        }
    }
}

fn first_value<'a>(statement: &'a Statement, name: &str) -> Option<&'a str> {
    if name == NAME_ID {
        return Some(statement.name_id.trim()).filter(|value| !value.is_empty());
    }
    let values = statement.attributes.get(name)?;
    values.iter().map(|value| value.trim()).find(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        let attributes = [("givenName", "Ada"), ("sn", "Lovelace"), ("empty", " ")];
        let attributes = attributes
            .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]))
            .into_iter()
            .collect();
        Statement { name_id: " ada@example.com ".to_owned(), name_id_format: None, attributes }
    }

    #[test]
    fn templates_compose_what_is_there() {
        for (source, said) in [
            ("sn", Some("Lovelace")),
            ("name_id", Some("ada@example.com")),
            ("{givenName}.{sn}", Some("Ada.Lovelace")),
            ("x-{name_id}", Some("x-ada@example.com")),
            ("{givenName} {empty}", None),
            ("{nothing}", None),
            ("nothing", None),
        ] {
            let source = Source::compile(source).unwrap();
            assert_eq!(source.read(&statement()).as_deref(), said, "{source:?}");
        }
        for bad in ["{", "}", "{a", "a}", "{}", "{a{b}}", "}a{"] {
            assert!(Source::compile(bad).is_err(), "{bad}");
        }
    }
}
