//! Restrictions in XML and JSON.

use super::{
    Budget, MOST_NESTED, RestrictionError,
    property::{Mode, condition},
};
use crate::{
    crowd::{listing::Kind, node::Node},
    store::Condition,
};

/// Reads a restriction: what XML says by the element's name, JSON says by `restriction-type`.
pub(super) fn read(node: &Node, kind: Kind) -> Result<Condition, RestrictionError> {
    read_nested(node, kind, MOST_NESTED, &mut Budget::new())
}

fn read_nested(
    node: &Node,
    kind: Kind,
    levels: usize,
    budget: &mut Budget,
) -> Result<Condition, RestrictionError> {
    let levels = levels.checked_sub(1).ok_or(RestrictionError::TooDeep)?;
    budget.take()?;
    match node.field("restriction-type").unwrap_or(&node.name) {
        "null-search-restriction" => Ok(Condition::Everything),
        "property-search-restriction" => read_property(node, kind, budget),
        "boolean-search-restriction" => {
            let logic = node.field("boolean-logic").unwrap_or_default().to_owned();
            let parts = node.child("restrictions").map(|parts| parts.children.as_slice());
            let parts = parts.unwrap_or_default().iter();
            let parts = parts.map(|part| read_nested(part, kind, levels, budget));
            let parts = parts.collect::<Result<Vec<_>, _>>()?;
            if logic.eq_ignore_ascii_case("and") {
                Ok(Condition::All(parts))
            } else if logic.eq_ignore_ascii_case("or") {
                Ok(Condition::Any(parts))
            } else {
                Err(RestrictionError::Logic)
            }
        }
        other => Err(RestrictionError::Unknown(other.chars().take(40).collect())),
    }
}

fn read_property(
    node: &Node,
    kind: Kind,
    budget: &mut Budget,
) -> Result<Condition, RestrictionError> {
    let name = node.child("property").and_then(|property| property.field("name"));
    let name = name.filter(|name| !name.is_empty()).ok_or(RestrictionError::NoProperty)?;
    budget.take_for(name)?;
    let mode = Mode::from_word(node.field("match-mode").unwrap_or("EXACTLY_MATCHES"))?;
    condition(kind, name, mode, node.field("value").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crowd::format::Format,
        store::{Field, Test},
    };

    fn read_text(text: &str, format: Format) -> Result<Condition, String> {
        let node = Node::read(text.as_bytes(), format).map_err(|error| error.to_string())?;
        read(&node, Kind::Users).map_err(|error| error.to_string())
    }

    const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
        <boolean-search-restriction boolean-logic="and"><restrictions>
          <property-search-restriction>
            <property><name>email</name><type>STRING</type></property>
            <match-mode>STARTS_WITH</match-mode><value>bob&amp;</value>
          </property-search-restriction>
          <boolean-search-restriction boolean-logic="or"><restrictions>
            <null-search-restriction/>
            <property-search-restriction>
              <property><name>active</name><type>BOOLEAN</type></property>
              <match-mode>EXACTLY_MATCHES</match-mode><value>true</value>
            </property-search-restriction>
          </restrictions></boolean-search-restriction>
        </restrictions></boolean-search-restriction>"#;

    const JSON: &str = r#"{"restriction-type":"boolean-search-restriction","boolean-logic":"and","restrictions":[
        {"restriction-type":"property-search-restriction","property":{"name":"email","type":"STRING"},
         "match-mode":"STARTS_WITH","value":"bob&"},
        {"restriction-type":"boolean-search-restriction","boolean-logic":"or","restrictions":[
          {"restriction-type":"null-search-restriction"},
          {"restriction-type":"property-search-restriction","property":{"name":"active","type":"BOOLEAN"},
           "match-mode":"EXACTLY_MATCHES","value":true}]}]}"#;

    #[test]
    fn the_same_is_read_from_xml_and_json() {
        let email = Condition::Test(Field::Email, Test::StartsWith("bob&".to_owned()));
        let active = Condition::Test(Field::Active, Test::Is(true));
        let expected =
            Condition::All(vec![email, Condition::Any(vec![Condition::Everything, active])]);
        assert_eq!(read_text(XML, Format::Xml), Ok(expected.clone()));
        assert_eq!(read_text(JSON, Format::Json), Ok(expected));
    }

    fn nested(levels: usize) -> [(String, Format); 2] {
        let xml = (
            "<boolean-search-restriction boolean-logic='or'><restrictions>",
            "<null-search-restriction/>",
            "</restrictions></boolean-search-restriction>",
        );
        let json = (
            r#"{"restriction-type":"boolean-search-restriction","boolean-logic":"or","restrictions":["#,
            r#"{"restriction-type":"null-search-restriction"}"#,
            "]}",
        );
        let text = |(open, inner, close): (&str, &str, &str)| {
            format!("{}{inner}{}", open.repeat(levels - 1), close.repeat(levels - 1))
        };
        [(text(xml), Format::Xml), (text(json), Format::Json)]
    }

    #[test]
    fn restrictions_in_restrictions_have_an_end() {
        for (text, format) in nested(64) {
            assert!(read_text(&text, format).is_ok(), "{format:?}");
        }
        for levels in [65, 1000, 7000] {
            for (text, format) in nested(levels) {
                assert!(read_text(&text, format).unwrap_err().contains("deeper"), "{format:?}");
            }
        }
    }

    #[test]
    fn what_is_no_restriction_is_refused() {
        for text in [
            "<user name='a'/>",
            "<property-search-restriction/>",
            "<property-search-restriction><property><name/></property></property-search-restriction>",
            "<property-search-restriction><property><name>email</name></property><match-mode>LIKE</match-mode></property-search-restriction>",
            "<boolean-search-restriction boolean-logic='xor'/>",
        ] {
            assert!(read_text(text, Format::Xml).is_err(), "{text}");
        }
        let many = "<null-search-restriction/>".repeat(1001);
        let many = format!(
            "<boolean-search-restriction boolean-logic='or'><restrictions>{many}</restrictions></boolean-search-restriction>"
        );
        assert!(read_text(&many, Format::Xml).unwrap_err().contains("more than 1000"));
    }
}
