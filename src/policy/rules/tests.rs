//! Which rule decides, and how.

use http::header::AUTHORIZATION;

use super::*;

fn rules() -> Rules {
    let rule = |path: &str, methods: &[&str], decision| RuleConfig {
        methods: methods.iter().map(ToString::to_string).collect(),
        ..rule(path, decision)
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
    let decided = rules.decide(&Asked { method, readings: &readings, client, headers: &headers });
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
    for said in [&[][..], &["Basic"], &["Basic "], &["Negotiate YII"], &["Basic a", "Bearer b"]] {
        assert_eq!(decide("/rest/api/2/issue", said), Decision::Login, "{said:?}");
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
    for rules in [[statics.clone(), closed.clone(), denied.clone()], [denied, closed, statics]] {
        let rules = Rules::compile(&rules).unwrap();
        let (client, headers) = ("192.0.2.1".parse().unwrap(), HeaderMap::new());
        let readings = Readings::of("/s/x/_/admin/y").unwrap();
        let asked = Asked { method: &Method::GET, readings: &readings, client, headers: &headers };
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
        let asked = Asked { method: &Method::GET, readings: &readings, client, headers: &headers };
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
        let methods = vec![method.to_owned()];
        let rule = RuleConfig { methods, ..rule(path, DecisionConfig::Pass) };
        assert!(Rules::compile(&[rule]).is_err(), "{path} {method}");
    }
}
