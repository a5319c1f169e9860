//! A preset's rules, read a second time: of one path, plainly, by regular expressions.

use gatehouse::config::{DecisionConfig, RuleConfig};
use http::Method;
use regex::Regex;

/// A rule, as whoever reads a preset would take it.
pub struct PlainRule {
    paths: Vec<(String, Regex)>,
    methods: Vec<String>,
    with_credentials: bool,
    decision: DecisionConfig,
}

impl PlainRule {
    pub fn of(rule: &RuleConfig) -> Self {
        let restricts = matches!(rule.decision, DecisionConfig::Login | DecisionConfig::Deny);
        let path = |pattern: &String| (pattern.clone(), expression(pattern, restricts));
        Self {
            paths: rule.path.iter().map(path).collect(),
            methods: rule.methods.clone(),
            with_credentials: rule.with_credentials,
            decision: rule.decision,
        }
    }

    /// Whether it is for a request for a path.
    pub fn holds(&self, method: &Method, path: &str, with_credentials: bool) -> bool {
        (self.methods.is_empty() || self.methods.iter().any(|name| name == method.as_str()))
            && (with_credentials || !self.with_credentials)
            && self.paths.iter().any(|(_, expression)| expression.is_match(path))
    }

    /// Whether it lets anybody get to a path. If that is a page, by its ending, only if the rule names it: of
    /// a page the directory says nothing.
    pub fn exempts(&self, path: &str, page: Option<&str>) -> bool {
        let mut matching = self.paths.iter().filter(|(_, expression)| expression.is_match(path));
        matches!(self.decision, DecisionConfig::Pass | DecisionConfig::Optional)
            && page.is_none_or(|ending| {
                matching.any(|(pattern, _)| pattern.ends_with(&format!(".{ending}")))
            })
    }
}

/// A pattern's expression. A restriction looks neither at the case of letters nor at a slash at the end.
fn expression(pattern: &str, restricts: bool) -> Regex {
    let (start, below) = match pattern.strip_suffix("/*") {
        Some(start) => (start, "(/.*)?"),
        None => (pattern, ""),
    };
    let segments = start.split('/').skip(1).map(|segment| match segment {
        "**" => "(/[^/]+)*".to_owned(),
        "*" => "/[^/]+".to_owned(),
        name => format!("/{}", regex::escape(name).replace(r"\*", "[^/]*")),
    });
    let (case, slash) = if restricts { ("(?is)", "/?") } else { ("(?s)", "") };
    Regex::new(&format!("{case}^{}{below}{slash}$", segments.collect::<String>())).unwrap()
}

#[test]
fn patterns_are_read_as_their_table_says() {
    for (pattern, path, restricts, expected) in [
        ("/rest/*", "/rest", false, true),
        ("/rest/*", "/restx", false, false),
        ("/users/*/repos/*", "/users/alice/repos/web/raw", false, true),
        ("/setup*/*", "/Setup.action", true, true),
        ("/setup*/*", "/Setup.action", false, false),
        ("/**/info/refs", "/info/refs", false, true),
        ("/**/info/refs", "/info/refs/x", false, false),
        ("/**/*.jspa", "/images/X.JSPA/", true, true),
    ] {
        assert_eq!(expression(pattern, restricts).is_match(path), expected, "{pattern} {path}");
    }
}
