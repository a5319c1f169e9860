//! What attributes of users have to say.

use std::collections::BTreeMap;

use regex::Regex;

use crate::{
    config::{AttributeCondition, whole_pattern},
    sync::connector::ConnectorConfigError,
};

/// A condition on one attribute.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    attribute: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Is(Vec<String>),
    IsNot(Vec<String>),
    Matches(Regex),
    Under(String),
}

impl Condition {
    pub(super) fn new(config: &AttributeCondition) -> Result<Self, ConnectorConfigError> {
        let folded = |values: &[String]| values.iter().map(|value| fold(value)).collect();
        let test = match (&config.matches, &config.under) {
            (Some(pattern), _) => {
                let pattern = whole_pattern(pattern);
                Test::Matches(
                    pattern
                        .map_err(|error| ConnectorConfigError::pattern("users.where", &error))?,
                )
            }
            (None, Some(unit)) => Test::Under(fold(unit).trim_end_matches('/').to_owned()),
            (None, None) if config.is.is_empty() => Test::IsNot(folded(&config.is_not)),
            (None, None) => Test::Is(folded(&config.is)),
        };
        Ok(Self { attribute: config.attribute.clone(), test })
    }

    /// Whether it is true of somebody with these attributes.
    pub(super) fn is_true_of(&self, attributes: &BTreeMap<String, Vec<String>>) -> bool {
        let values = attributes.get(&self.attribute).map_or(&[][..], Vec::as_slice);
        let any = |test: &dyn Fn(&String) -> bool| values.iter().any(test);
        match &self.test {
            Test::Is(wanted) => any(&|value| wanted.contains(&fold(value))),
            Test::IsNot(unwanted) => !any(&|value| unwanted.contains(&fold(value))),
            Test::Matches(pattern) => any(&|value| pattern.is_match(value.trim())),
            Test::Under(unit) => any(&|value| is_under(&fold(value), unit)),
        }
    }
}

/// As it was written, roughly.
impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let attribute = &self.attribute;
        match &self.test {
            Test::Is(values) => write!(f, "{attribute} is {}", values.join(" or ")),
            Test::IsNot(values) => write!(f, "{attribute} is not {}", values.join(" or ")),
            Test::Matches(pattern) => write!(f, "{attribute} matches {pattern}"),
            Test::Under(unit) => write!(f, "{attribute} is under {unit}/"),
        }
    }
}

fn fold(value: &str) -> String {
    value.trim().to_lowercase()
}

/// Whether a path is a unit or below it.
fn is_under(path: &str, unit: &str) -> bool {
    let rest = path.strip_prefix(unit);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_true(config: AttributeCondition, value: &str) -> bool {
        let config = AttributeCondition { attribute: "a".to_owned(), ..config };
        let attributes = [("a".to_owned(), vec![value.to_owned()])].into();
        Condition::new(&config).unwrap().is_true_of(&attributes)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn whole_values_are_compared_in_whichever_case() {
        let is =
            || AttributeCondition { is: texts(&["it", "HR"]), ..AttributeCondition::default() };
        assert!(is_true(is(), " IT ") && is_true(is(), "hr") && !is_true(is(), "hrx"));
        let not =
            || AttributeCondition { is_not: texts(&["Sales"]), ..AttributeCondition::default() };
        assert!(!is_true(not(), "sales") && is_true(not(), "it"));
        let like = AttributeCondition {
            matches: Some("e[0-9]+".to_owned()),
            ..AttributeCondition::default()
        };
        assert!(is_true(like.clone(), "E12") && !is_true(like, "xE12"));
    }

    #[test]
    fn units_below_a_unit_are_under_it_and_those_that_only_begin_so_are_not() {
        for (unit, path, expected) in [
            ("/Sales", "/Sales", true),
            ("/Sales", "/sales/EMEA/North", true),
            ("/Sales/", "/Sales/EMEA", true),
            ("/Sales", "/SalesOps", false),
            ("/Sales", "/", false),
            ("/", "/Engineering", true),
            ("/", "/", true),
        ] {
            let under = Some(unit.to_owned());
            let condition = AttributeCondition { under, ..AttributeCondition::default() };
            assert_eq!(is_true(condition, path), expected, "{unit} {path}");
        }
    }

    #[test]
    fn whoever_has_no_such_attribute_fulfils_only_what_forbids() {
        let none = BTreeMap::new();
        for (condition, expected) in [
            (AttributeCondition { is_not: texts(&["x"]), ..AttributeCondition::default() }, true),
            (AttributeCondition { is: texts(&["x"]), ..AttributeCondition::default() }, false),
            (
                AttributeCondition { matches: Some(".*".into()), ..AttributeCondition::default() },
                false,
            ),
            (
                AttributeCondition { under: Some("/".into()), ..AttributeCondition::default() },
                false,
            ),
        ] {
            let condition = Condition::new(&condition).unwrap();
            assert_eq!(condition.is_true_of(&none), expected, "{condition}");
        }
    }
}
