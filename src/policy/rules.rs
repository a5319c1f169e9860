//! What is decided for a request.

use std::net::IpAddr;

use http::{HeaderMap, Method};
use ipnet::IpNet;

use super::{Readings, credentials::has_credentials};
use crate::{
    config::{DecisionConfig, RuleConfig},
    directory::NameKey,
};

/// What a request is, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// Every reading of the path.
    pub readings: &'a Readings<'a>,
    /// Whose it is.
    pub client: IpAddr,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// What was decided, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<'a> {
    /// What happens.
    pub decision: Decision,
    /// The rule's number, from 0; nothing if none matched.
    pub rule: Option<usize>,
    /// Whoever is in none of a set's groups is refused.
    groups: Vec<&'a [NameKey]>,
}

impl Decided<'_> {
    /// Whether somebody in these groups may.
    #[must_use]
    pub fn admits(&self, groups: &[String]) -> bool {
        let is_in = |set: &&[NameKey]| groups.iter().any(|group| set.contains(&NameKey::of(group)));
        self.groups.iter().all(is_in)
    }
}

/// What happens to a request. The later, the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// The app gets the request as it is, and no identity.
    Pass,
    /// The app is told who it is if somebody is logged in.
    Optional,
    /// A user is required.
    Login,
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
    networks: Vec<IpNet>,
    with_credentials: bool,
    groups: Vec<NameKey>,
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

    /// What is decided: of each reading of the path the first rule that matches, else a login; of several
    /// readings the strictest. So an exemption has to hold for all of them, and a restriction for any.
    #[must_use]
    pub fn decide(&self, asked: &Asked<'_>) -> Decided<'_> {
        let mut decided = Decided { decision: Decision::Pass, rule: None, groups: Vec::new() };
        for (place, path) in asked.readings.iter().enumerate() {
            let mut rules = self.0.iter().enumerate();
            let first = rules.find(|(_, rule)| rule.matches(asked, path));
            let decision = first.map_or(Decision::Login, |(_, rule)| rule.decision);
            if place == 0 || decision > decided.decision {
                decided.decision = decision;
                decided.rule = first.map(|(number, _)| number);
            }
            let groups = first.map_or(&[][..], |(_, rule)| &rule.groups);
            if !groups.is_empty() {
                decided.groups.push(groups);
            }
        }
        decided
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
            networks: rule.networks.clone(),
            with_credentials: rule.with_credentials,
            groups: rule.groups.iter().map(|group| NameKey::of(group)).collect(),
            decision: match rule.decision {
                DecisionConfig::Login => Decision::Login,
                DecisionConfig::Optional => Decision::Optional,
                DecisionConfig::Pass => Decision::Pass,
                DecisionConfig::Deny => Decision::Deny,
            },
        })
    }

    fn matches(&self, asked: &Asked<'_>, path: &str) -> bool {
        let client = asked.client.to_canonical();
        (self.methods.is_empty() || self.methods.contains(asked.method))
            && (self.networks.is_empty() || self.networks.iter().any(|net| net.contains(&client)))
            && (!self.with_credentials || has_credentials(asked.headers))
            && match self.decision {
                Decision::Pass | Decision::Optional => self.path.matches(path),
                Decision::Login | Decision::Deny => {
                    self.path_in_lower_case.matches(&path.to_lowercase())
                }
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
mod tests;
