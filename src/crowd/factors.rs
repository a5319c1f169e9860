//! Validation factors: what an application says of where a session is used from.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::node::Node;
use crate::http::TrustedProxies;

/// What a list of them is called: by the schema, and by clients that speak JSON.
const LISTS: [&str; 2] = ["validation-factors", "validationFactors"];

/// What one of them is called in a list, where it is called anything.
const ONE: &str = "validation-factor";

/// What was said, each by its name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Factors(Vec<(String, String)>);

impl Factors {
    /// Those in a list that was sent by itself, however it is wrapped.
    pub(super) fn read(list: &Node) -> Self {
        let mut factors = Self::default();
        factors.collect(list);
        factors
    }

    /// Those within something that was sent.
    pub(super) fn within(node: &Node) -> Self {
        let list = LISTS.iter().find_map(|name| node.child(name));
        list.map(Self::read).unwrap_or_default()
    }

    fn collect(&mut self, node: &Node) {
        for child in &node.children {
            let name = child.name.as_str();
            if let (Some(named), Some(value)) = (child.field("name"), child.field("value")) {
                self.0.push((named.to_owned(), value.trim().to_owned()));
            } else if name.is_empty() || name == ONE || LISTS.contains(&name) {
                self.collect(child);
            }
        }
    }

    fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(|(named, _)| named.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// Whose address it is, as a Crowd server sees it: the one that has asked the application, unless that is
    /// a trusted proxy; then the last in `X-Forwarded-For` that is none. Empty if nothing is said.
    pub(super) fn address(&self, trusted: &TrustedProxies) -> String {
        let Some(remote) = self.all("remote_address").next() else {
            return String::new();
        };
        // What is no address is compared as it is.
        let Ok(remote) = remote.parse::<IpAddr>() else {
            return remote.to_owned();
        };
        let lines = self.all("X-Forwarded-For").filter_map(|line| HeaderValue::from_str(line).ok());
        let mut forwarded = HeaderMap::new();
        for line in lines {
            forwarded.append("x-forwarded-for", line);
        }
        trusted.client(remote, &forwarded).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crowd::format::Format;

    fn factors(pairs: &[(&str, &str)]) -> Factors {
        Factors(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect())
    }

    #[test]
    fn every_shape_that_clients_send_is_read() {
        let one = r#"{"name":"remote_address","value":"192.0.2.1"}"#;
        let json = [
            format!(r#"{{"validationFactors":[{one}]}}"#),
            format!(r#"{{"validation-factors":[{one}]}}"#),
            format!(r#"{{"validation-factor":[{one}]}}"#),
            format!(r#"{{"validation-factor":{one}}}"#),
            format!(r#"{{"validation-factors":{{"validationFactors":[{one}]}}}}"#),
            format!(r#"{{"validation-factors":{{"validation-factor":[{one}]}}}}"#),
            format!("[{one}]"),
        ];
        let expected = factors(&[("remote_address", "192.0.2.1")]);
        for text in &json {
            let node = Node::read(text.as_bytes(), Format::Json).unwrap();
            assert_eq!(Factors::read(&node), expected, "{text}");
        }
        let xml = "<validation-factors><validation-factor><name>remote_address</name>\
                   <value>192.0.2.1</value></validation-factor></validation-factors>";
        let node = Node::read(xml.as_bytes(), Format::Xml).unwrap();
        assert_eq!(Factors::read(&node), expected);
        let context =
            format!("<authentication-context><username>a</username>{xml}</authentication-context>");
        let node = Node::read(context.as_bytes(), Format::Xml).unwrap();
        assert_eq!(Factors::within(&node), expected);
        for nothing in ["{}", r#"{"validation-factors":{}}"#, r#"{"validation-factors":null}"#] {
            let node = Node::read(nothing.as_bytes(), Format::Json).unwrap();
            assert_eq!(Factors::read(&node), Factors::default(), "{nothing}");
        }
    }

    #[test]
    fn the_last_address_counts_that_is_no_trusted_proxys() {
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let address = |pairs: &[(&str, &str)]| factors(pairs).address(&trusted);
        let forwarded = ("X-Forwarded-For", "203.0.113.9, 198.51.100.1, 10.2.3.4");
        assert_eq!(address(&[("remote_address", "10.0.0.1"), forwarded]), "198.51.100.1");
        assert_eq!(address(&[("remote_address", "192.0.2.1"), forwarded]), "192.0.2.1");
        assert_eq!(address(&[("remote_address", "10.0.0.1")]), "10.0.0.1");
        assert_eq!(address(&[("REMOTE_ADDRESS", "::ffff:192.0.2.1")]), "192.0.2.1");
        assert_eq!(address(&[("remote_address", "somewhere")]), "somewhere");
        assert_eq!(address(&[forwarded]), "");
    }
}
