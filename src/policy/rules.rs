//! What is decided for a request.

use http::Method;

use super::Readings;
use crate::config::{DecisionConfig, RuleConfig};

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A user is required.
    Login,
    /// The app is told who it is if somebody is logged in.
    Optional,
    /// The app gets the request as it is, and no identity.
    Pass,
    /// Nobody gets through.
    Deny,
}

/// What is decided for some requests.
#[derive(Clone, Debug)]
struct Rule {
    path: Pattern,
    /// For servers that do not tell upper from lower case.
    path_in_lower_case: Pattern,
    methods: Vec<Method>,
    decision: Decision,
}

#[derive(Clone, Debug)]
enum Pattern {
    /// This path.
    Exact(String),
    /// This path and everything below it, without the slash at the end.
    Below(String),
}

/// The rules of an app, in order.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

/// A rule that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// No method of HTTP.
    #[error("{0:?} is no method")]
    Method(String),
    /// A star somewhere else than at the end.
    #[error("{0:?} must be a path, or a path with /* at its end")]
    Path(String),
}

impl Rules {
    /// From the rules of the configuration; of a bad one, its number and what is wrong.
    pub fn compile(rules: &[RuleConfig]) -> Result<Self, (usize, RuleError)> {
        let compiled = rules
            .iter()
            .enumerate()
            .map(|(number, rule)| Rule::compile(rule).map_err(|error| (number, error)));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// What is decided: the first rule that matches, else a login.
    ///
    /// An exemption has to hold for every reading of the path, a restriction for any.
    #[must_use]
    pub fn decide(&self, method: &Method, readings: &Readings<'_>) -> Decision {
        let first = self.0.iter().find(|rule| rule.matches(method, readings));
        first.map_or(Decision::Login, |rule| rule.decision)
    }
}

impl Rule {
    fn compile(rule: &RuleConfig) -> Result<Self, RuleError> {
        let methods = rule.methods.iter().map(|name| {
            let known = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase());
            let method = Method::from_bytes(name.as_bytes()).ok().filter(|_| known);
            method.ok_or_else(|| RuleError::Method(name.clone()))
        });
        Ok(Self {
            path: Pattern::compile(&rule.path)?,
            path_in_lower_case: Pattern::compile(&rule.path.to_lowercase())?,
            methods: methods.collect::<Result<_, _>>()?,
            decision: match rule.decision {
                DecisionConfig::Login => Decision::Login,
                DecisionConfig::Optional => Decision::Optional,
                DecisionConfig::Pass => Decision::Pass,
                DecisionConfig::Deny => Decision::Deny,
            },
        })
    }

    fn matches(&self, method: &Method, readings: &Readings<'_>) -> bool {
        let by_method = self.methods.is_empty() || self.methods.contains(method);
        by_method
            && match self.decision {
                Decision::Pass | Decision::Optional => {
                    readings.iter().all(|path| self.path.matches(path))
                }
                Decision::Login | Decision::Deny => readings
                    .iter()
                    .any(|path| self.path_in_lower_case.matches(&path.to_lowercase())),
            }
    }
}

impl Pattern {
    fn compile(path: &str) -> Result<Self, RuleError> {
        let bad = || RuleError::Path(path.to_owned());
        let (pattern, stem) = match path.strip_suffix("/*") {
            Some(stem) => (Self::Below(stem.to_owned()), stem),
            None => (Self::Exact(path.to_owned()), path),
        };
        let good = path.starts_with('/') && !stem.contains(['*', '%', ';', '?', '#']);
        if good { Ok(pattern) } else { Err(bad()) }
    }

    /// Matches at the borders of segments only.
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Below(stem) => path
                .strip_prefix(stem.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        let rule = |path: &str, methods: &[&str], decision| RuleConfig {
            path: path.to_owned(),
            methods: methods.iter().map(ToString::to_string).collect(),
            decision,
        };
        Rules::compile(&[
            rule("/Private/*", &[], DecisionConfig::Deny),
            rule("/status", &["GET"], DecisionConfig::Pass),
            rule("/public/*", &[], DecisionConfig::Optional),
            rule("/s/*", &[], DecisionConfig::Pass),
        ])
        .unwrap()
    }

    fn decide(method: &Method, target: &str) -> Decision {
        rules().decide(method, &Readings::of(target).unwrap())
    }

    #[test]
    fn the_first_rule_that_matches_decides_and_else_a_login() {
        for (target, decision) in [
            ("/status", Decision::Pass),
            ("/status?x=/private/", Decision::Pass),
            ("/status/", Decision::Login),
            ("/statusx", Decision::Login),
            ("/STATUS", Decision::Login),
            ("/public", Decision::Optional),
            ("/public/a/b", Decision::Optional),
            ("/publicx", Decision::Login),
            ("/private/x", Decision::Deny),
            ("/PRIVATE/x", Decision::Deny),
            ("//private;x/y", Decision::Deny),
            ("/", Decision::Login),
        ] {
            assert_eq!(decide(&Method::GET, target), decision, "{target}");
        }
        assert_eq!(decide(&Method::POST, "/status"), Decision::Login);
    }

    #[test]
    fn an_exemption_holds_for_every_reading_and_a_restriction_for_any() {
        assert_eq!(decide(&Method::GET, "/s/a.css"), Decision::Pass);
        assert_eq!(decide(&Method::GET, "/s/x/_/secure/admin"), Decision::Login);
        assert_eq!(decide(&Method::GET, "/s/x/_/private/x"), Decision::Deny);
        assert_eq!(decide(&Method::GET, "/s/x/_/s/y/_/admin"), Decision::Login);
    }

    #[test]
    fn refuses_rules_that_would_never_or_always_match() {
        for (path, method) in
            [("status", "GET"), ("/a*b", "GET"), ("/a%20b", "GET"), ("/a", "get"), ("/a", "")]
        {
            let rule = RuleConfig {
                path: path.to_owned(),
                methods: vec![method.to_owned()],
                decision: DecisionConfig::Pass,
            };
            assert!(Rules::compile(&[rule]).is_err(), "{path} {method}");
        }
    }
}
