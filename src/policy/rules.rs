//! What is decided for a request.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderValue, Method,
    header::{AUTHORIZATION, CONNECTION},
};
use ipnet::IpNet;

use super::Readings;
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

/// Credentials that Atlassian's applications check themselves.
const SCHEMES: [&str; 3] = ["basic", "bearer", "oauth"];

/// Whether a request brings credentials that the application checks itself. Two of them are none: nobody
/// knows which of them it would look at. Those that `Connection` names never reach it.
fn has_credentials(headers: &HeaderMap) -> bool {
    let spares = |value: &HeaderValue| {
        let value = value.to_str().map(str::to_ascii_lowercase);
        value.is_ok_and(|value| !value.contains(AUTHORIZATION.as_str()))
    };
    if !headers.get_all(CONNECTION).iter().all(spares) {
        return false;
    }
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else {
        return false;
    };
    let words = only.to_str().ok().and_then(|value| value.split_once(' '));
    words.is_some_and(|(scheme, rest)| {
        SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) && !rest.trim().is_empty()
    })
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
            networks: Vec::new(),
            with_credentials: false,
            groups: Vec::new(),
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
        decide_by(&rules(), method, target, "192.0.2.1", &[]).0
    }

    fn decide_by(
        rules: &Rules,
        method: &Method,
        target: &str,
        client: &str,
        authorization: &[&str],
    ) -> (Decision, Option<usize>) {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        let readings = Readings::of(target).unwrap();
        let client = client.parse().unwrap();
        let decided =
            rules.decide(&Asked { method, readings: &readings, client, headers: &headers });
        (decided.decision, decided.rule)
    }

    fn rule(path: &str, decision: DecisionConfig) -> RuleConfig {
        RuleConfig {
            path: path.to_owned(),
            methods: Vec::new(),
            networks: Vec::new(),
            with_credentials: false,
            groups: Vec::new(),
            decision,
        }
    }

    #[test]
    fn credentials_let_through_where_a_rule_says_so_and_nowhere_else() {
        let api = RuleConfig { with_credentials: true, ..rule("/rest/*", DecisionConfig::Pass) };
        let rules = Rules::compile(&[rule("/rest/setup/*", DecisionConfig::Login), api]).unwrap();
        let decide =
            |target, said: &[&str]| decide_by(&rules, &Method::GET, target, "192.0.2.1", said).0;
        for said in ["Basic YTpi", "bearer x", "OAuth realm=\"x\""] {
            assert_eq!(decide("/rest/api/2/issue", &[said]), Decision::Pass, "{said}");
            assert_eq!(decide("/browse/A-1", &[said]), Decision::Login);
            assert_eq!(decide("/rest/setup/x", &[said]), Decision::Login);
            assert_eq!(decide("/rest/Setup;x/x", &[said]), Decision::Login);
        }
        for said in [&[][..], &["Basic"], &["Basic "], &["Negotiate YII"], &["Basic a", "Bearer b"]]
        {
            assert_eq!(decide("/rest/api/2/issue", said), Decision::Login, "{said:?}");
        }
    }

    #[test]
    fn credentials_that_never_reach_the_application_are_none() {
        for (connection, expected) in
            [("close", true), ("x, Authorization", false), ("keep-alive, AUTHORIZATION", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
            headers.insert(CONNECTION, HeaderValue::from_static(connection));
            assert_eq!(has_credentials(&headers), expected, "{connection}");
        }
    }

    #[test]
    fn networks_are_the_clients_in_whichever_spelling() {
        let inside = RuleConfig {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            ..rule("/status", DecisionConfig::Pass)
        };
        let rules = Rules::compile(&[inside]).unwrap();
        for (client, rule) in [
            ("10.1.2.3", Some(0)),
            ("::ffff:10.1.2.3", Some(0)),
            ("2001:db8::1", Some(0)),
            ("11.1.2.3", None),
            ("::1", None),
        ] {
            let (_, decided) = decide_by(&rules, &Method::GET, "/status", client, &[]);
            assert_eq!(decided, rule, "{client}");
        }
    }

    #[test]
    fn of_several_readings_the_strictest_decides_in_whichever_order_the_rules_are() {
        let of = |group: &str| vec![group.to_owned()];
        let statics = RuleConfig { groups: of("users"), ..rule("/s/*", DecisionConfig::Login) };
        let closed = RuleConfig { groups: of("admins"), ..rule("/admin/*", DecisionConfig::Login) };
        let denied = rule("/private/*", DecisionConfig::Deny);
        for rules in [[statics.clone(), closed.clone(), denied.clone()], [denied, closed, statics]]
        {
            let rules = Rules::compile(&rules).unwrap();
            let (client, headers) = ("192.0.2.1".parse().unwrap(), HeaderMap::new());
            let readings = Readings::of("/s/x/_/admin/y").unwrap();
            let asked =
                Asked { method: &Method::GET, readings: &readings, client, headers: &headers };
            let decided = rules.decide(&asked);
            let [users, admins] = ["users", "admins"].map(str::to_owned);
            assert!(decided.admits(&[users.clone(), admins.clone()]));
            assert!(!decided.admits(&[users]) && !decided.admits(&[admins]));
            assert_eq!(
                decide_by(&rules, &Method::GET, "/s/x/_/private/y", "::1", &[]).0,
                Decision::Deny
            );
        }
    }

    #[test]
    fn groups_are_asked_for_whatever_the_reading_of_the_path() {
        let groups = vec!["Admins".to_owned()];
        let closed = RuleConfig { groups, ..rule("/admin/*", DecisionConfig::Login) };
        let rules = Rules::compile(&[closed, rule("/public/*", DecisionConfig::Pass)]).unwrap();
        let client = "192.0.2.1".parse().unwrap();
        for (target, member, stranger) in
            [("/admin/x", true, false), ("/ADMIN;x/x", true, false), ("/browse", true, true)]
        {
            let (readings, headers) = (Readings::of(target).unwrap(), HeaderMap::new());
            let asked =
                Asked { method: &Method::GET, readings: &readings, client, headers: &headers };
            let decided = rules.decide(&asked);
            assert_eq!(decided.decision, Decision::Login);
            assert_eq!(decided.admits(&["users".to_owned(), "ADMINS".to_owned()]), member);
            assert_eq!(decided.admits(&["users".to_owned()]), stranger);
            assert_eq!(decided.admits(&[]), stranger);
        }
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
                networks: Vec::new(),
                with_credentials: false,
                groups: Vec::new(),
                decision: DecisionConfig::Pass,
            };
            assert!(Rules::compile(&[rule]).is_err(), "{path} {method}");
        }
    }
}
