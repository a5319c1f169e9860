//! Which rule decides, and how.

mod properties;

use http::{HeaderMap, HeaderName, header::AUTHORIZATION};

use super::*;
use crate::{
    config::HeaderConfig,
    policy::{Asker, Readings, Verdict},
};

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
    RuleConfig::new(decision, &[path])
}

/// What becomes of a request by somebody in these groups.
fn judge(decided: &Decided<'_>, groups: &[&str]) -> Verdict {
    let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
    decided.judge(Asker::User { signed_in_with: "corp", groups: Some(&groups) })
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
        assert_eq!(judge(&decided, &["users", "admins"]), Verdict::Forward);
        assert_eq!(judge(&decided, &["users"]), Verdict::NotInGroup);
        assert_eq!(judge(&decided, &["admins"]), Verdict::NotInGroup);
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
        let admits = |groups: &[&str]| judge(&decided, groups) == Verdict::Forward;
        assert_eq!(admits(&["users", "ADMINS"]), member);
        assert_eq!(admits(&["users"]), stranger);
        assert_eq!(admits(&[]), stranger);
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
fn every_problem_of_every_rule_is_reported() {
    let mut bad = rule("status", DecisionConfig::Pass);
    bad.path.extend(["/a%20b", "/good", "/**"].map(str::to_owned));
    bad.methods = ["get", "GET", ""].map(str::to_owned).to_vec();
    let header = HeaderConfig { name: "no header".to_owned(), value: None };
    let worse = RuleConfig { headers: vec![header], ..rule("/x", DecisionConfig::Deny) };
    let problems = Rules::compile(&[bad, rule("/fine", DecisionConfig::Login), worse]).unwrap_err();
    let found: Vec<_> =
        problems.iter().map(|p| format!("rule[{}].{}: {}", p.rule, p.key, p.error)).collect();
    assert_eq!(
        found,
        [
            r#"rule[0].path: "status" must begin with /"#,
            r#"rule[0].path: "/a%20b" has a character that no path has once it is decoded, one of % ; ? # \"#,
            r#"rule[0].path: "/**" may have one ** between slashes, and /* at its end"#,
            r#"rule[0].methods: "get" is no method"#,
            r#"rule[0].methods: "" is no method"#,
            r#"rule[2].headers: "no header" is no name of a header"#,
        ]
    );
}

fn with_header(name: &str, value: Option<&str>, rule: RuleConfig) -> RuleConfig {
    let header = HeaderConfig { name: name.to_owned(), value: value.map(str::to_owned) };
    RuleConfig { headers: vec![header], ..rule }
}

/// What is decided for a GET with these headers.
fn ask<T>(
    rules: &[RuleConfig],
    target: &str,
    said: &[(&str, &str)],
    see: impl FnOnce(&Decided<'_>) -> T,
) -> T {
    let rules = Rules::compile(rules).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in said {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let readings = Readings::of(target).unwrap();
    let client = "192.0.2.1".parse().unwrap();
    let asked = Asked { method: &Method::GET, readings: &readings, client, headers: &headers };
    see(&rules.decide(&asked))
}

#[test]
fn a_header_adds_to_what_is_decided_without_it_and_takes_nothing_away() {
    use DecisionConfig::{Deny, Login, Pass};
    let old = || with_header("User-Agent", Some("*MSIE*"), rule("/*", Login));
    let groups = vec!["admins".to_owned()];
    let rules = [
        old(),
        with_header("X-Bot", None, rule("/public/*", Deny)),
        rule("/public/*", Pass),
        rule("/closed/*", Deny),
        RuleConfig { groups, ..rule("/admin/*", Login) },
    ];
    let msie = [("user-agent", "Mozilla/4.0 (compatible; msie 6.0)")];
    let decision = |target, said: &[_]| ask(&rules, target, said, |decided| decided.decision);
    assert_eq!(decision("/public/x", &[]), Decision::Pass);
    assert_eq!(decision("/public/x", &msie), Decision::Login);
    assert_eq!(decision("/public/x", &[("x-bot", "1")]), Decision::Deny);
    assert_eq!(decision("/closed/x", &[]), Decision::Deny);
    assert_eq!(decision("/closed/x", &msie), Decision::Deny, "not shadowed by the first rule");
    for said in [&[][..], &msie] {
        let verdict = ask(&rules, "/admin/x", said, |decided| judge(decided, &["users"]));
        assert_eq!(verdict, Verdict::NotInGroup, "{said:?}");
    }
}

#[test]
fn ways_to_sign_in_narrow_each_other_down_and_none_left_is_a_refusal() {
    let ways = |names: &[&str], rule: RuleConfig| RuleConfig {
        sign_in_with: names.iter().map(ToString::to_string).collect(),
        ..rule
    };
    let login = |path| rule(path, DecisionConfig::Login);
    let phone = with_header("X-Phone", None, ways(&["corp", "partner"], login("/*")));
    let rules = [
        phone,
        ways(&["kerberos", "corp"], login("/a/*")),
        ways(&["kerberos"], login("/b/*")),
        login("/c/*"),
    ];
    let phone = [("x-phone", "1")];
    let decided = |target, said: &[_]| {
        ask(&rules, target, said, |decided| (decided.decision, decided.sign_in_with().to_vec()))
    };
    let found = |names: &[&str]| {
        (Decision::Login, names.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(decided("/a/x", &[]), found(&["kerberos", "corp"]));
    assert_eq!(decided("/a/x", &phone), found(&["corp"]));
    assert_eq!(decided("/b/x", &[]), found(&["kerberos"]));
    assert_eq!(decided("/b/x", &phone).0, Decision::Deny);
    assert_eq!(decided("/c/x", &[]), found(&[]));
    assert_eq!(decided("/c/x", &phone), found(&["corp", "partner"]));
    assert_eq!(decided("/s/b/_/a/x", &[]), found(&["kerberos", "corp"]));
}

#[test]
fn a_session_by_another_way_is_asked_to_sign_in_again() {
    let ways = vec!["kerberos".to_owned(), "corp".to_owned()];
    let groups = vec!["admins".to_owned()];
    let strict = [RuleConfig { sign_in_with: ways, groups, ..rule("/*", DecisionConfig::Login) }];
    let admins = ["admins".to_owned()];
    for (way, groups, verdict) in [
        ("corp", Some(&admins[..]), Verdict::Forward),
        ("kerberos", Some(&admins[..]), Verdict::Forward),
        ("corp", Some(&[][..]), Verdict::NotInGroup),
        ("corp", None, Verdict::NoAccount),
        ("partner", Some(&admins[..]), Verdict::SignInAnotherWay),
        ("partner", None, Verdict::SignInAnotherWay),
    ] {
        let asker = Asker::User { signed_in_with: way, groups };
        assert_eq!(ask(&strict, "/x", &[], |decided| decided.judge(asker)), verdict, "{way}");
    }
    assert_eq!(ask(&strict, "/x", &[], |decided| decided.judge(Asker::Nobody)), Verdict::SignIn);
    let other = |decision| {
        ask(&[rule("/*", decision)], "/x", &[], |decided| {
            (decided.needs_session(), decided.judge(Asker::Nobody))
        })
    };
    assert_eq!(other(DecisionConfig::Deny), (false, Verdict::Denied));
    assert_eq!(other(DecisionConfig::Pass), (false, Verdict::Forward));
    assert_eq!(other(DecisionConfig::Optional), (true, Verdict::Forward));
}

#[test]
fn who_looks_sees_every_rule_for_a_path_up_to_the_one_that_decides() {
    let api = RuleConfig { with_credentials: true, ..rule("/rest/*", DecisionConfig::Pass) };
    let get = vec!["POST".to_owned()];
    let post = RuleConfig { methods: get, ..rule("/rest/*", DecisionConfig::Deny) };
    let rules = Rules::compile(&[
        rule("/other", DecisionConfig::Deny),
        post,
        api,
        with_header("X-Bot", None, rule("/rest/*", DecisionConfig::Deny)),
    ])
    .unwrap();
    let (headers, readings) = (HeaderMap::new(), Readings::of("/rest/x").unwrap());
    let client = "192.0.2.1".parse().unwrap();
    let asked = Asked { method: &Method::GET, readings: &readings, client, headers: &headers };
    let mut seen = Vec::new();
    rules.look(&asked, "/rest/x", |look| seen.push((look.rule, look.mismatch)));
    let expected = [
        (Some(1), Some(Mismatch::Method)),
        (Some(2), Some(Mismatch::Credentials)),
        (Some(3), Some(Mismatch::Header)),
        (None, None),
    ];
    assert_eq!(seen, expected);
    assert_eq!(rules.name(Some(2)), "rule[2]");
    assert_eq!(rules.name(None), "no rule");
}
