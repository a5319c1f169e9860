//! Conditions on headers. They only ever make a decision stricter.

use http::{HeaderMap, HeaderName};

use crate::config::HeaderConfig;

/// A header that a request must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderCondition {
    name: HeaderName,
    value: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    text: Vec<u8>,
    anything_before: bool,
    anything_after: bool,
}

/// No name of a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a header")]
pub struct HeaderNameError(String);

impl HeaderCondition {
    pub(super) fn compile(config: &HeaderConfig) -> Result<Self, HeaderNameError> {
        let name = config.name.parse().map_err(|_| HeaderNameError(config.name.clone()))?;
        Ok(Self { name, value: config.value.as_deref().map(Value::compile) })
    }

    /// Whether any of the headers of that name says it.
    pub(super) fn holds(&self, headers: &HeaderMap) -> bool {
        let says = |value: &Value| {
            headers.get_all(&self.name).iter().any(|said| value.matches(said.as_bytes()))
        };
        self.value.as_ref().map_or_else(|| headers.contains_key(&self.name), says)
    }
}

impl Value {
    fn compile(text: &str) -> Self {
        let (anything_before, text) = match text.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (anything_after, text) = match text.strip_suffix('*') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Self { text: text.as_bytes().to_vec(), anything_before, anything_after }
    }

    fn matches(&self, said: &[u8]) -> bool {
        let text = self.text.as_slice();
        if said.len() < text.len() {
            return false;
        }
        let (start, end) = (&said[..text.len()], &said[said.len() - text.len()..]);
        match (self.anything_before, self.anything_after) {
            (false, false) => said.eq_ignore_ascii_case(text),
            (false, true) => start.eq_ignore_ascii_case(text),
            (true, false) => end.eq_ignore_ascii_case(text),
            (true, true) => {
                text.is_empty()
                    || said.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_headers_of_that_name_may_say_it_in_any_case() {
        let holds = |value: Option<&str>, said: &[&'static str]| {
            let config =
                HeaderConfig { name: "X-Kind".to_owned(), value: value.map(str::to_owned) };
            let mut headers = HeaderMap::new();
            for said in said {
                headers.append("x-kind", said.parse().unwrap());
            }
            HeaderCondition::compile(&config).unwrap().holds(&headers)
        };
        assert!(holds(None, &[""]) && !holds(None, &[]));
        for (value, good, bad) in [
            ("a", "A", "ab"),
            ("a*", "Abc", "ba"),
            ("*a", "bA", "ab"),
            ("*a*", "bAb", "b"),
            ("*", "", "-"),
            ("", "", "a"),
        ] {
            assert!(holds(Some(value), &["other", good]), "{value} {good}");
            assert_eq!(holds(Some(value), &[bad]), value == "*", "{value} {bad}");
        }
        let bad = HeaderConfig { name: "X Kind".to_owned(), value: None };
        assert!(HeaderCondition::compile(&bad).is_err());
    }
}
