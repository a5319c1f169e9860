//! What is warned of, and what is not.

use super::*;
use crate::config::{AppKind, Config};

fn found(kind: AppKind, url: &str, rules: &str) -> Vec<String> {
    let text = include_str!("../../../deploy/gatehouse.example.toml");
    let app = Config::parse(text).unwrap().apps.remove(0);
    let table: toml::Table = format!("rule = [{rules}]").parse().unwrap();
    let rule = table["rule"].clone().try_into().unwrap();
    let app = AppConfig { kind, url: url.parse().unwrap(), rule, ..app };
    let warnings = warnings(&app);
    warnings.iter().map(|w| format!("rule[{}].{}: {}", w.rule, w.key, w.text)).collect()
}

fn of_jira(rules: &str) -> Vec<String> {
    found(AppKind::Jira, "https://jira.example.com", rules)
}

#[test]
fn rules_that_are_as_they_should_be_are_not_warned_of() {
    let rules = r#"
        { path = "/secure/admin/*", groups = ["jira-administrators"], decision = "login" },
        { path = "/a", methods = ["GET"], decision = "pass" },
        { path = "/a", decision = "optional" },
        { path = "/b/*", networks = ["10.0.0.0/8"], decision = "pass" },
        { path = "/b/c", networks = ["192.168.0.0/16"], decision = "pass" },
        { path = "/A", decision = "deny" },
        { path = "/c", headers = [{ name = "X" }], decision = "login" },
        { path = "/c", decision = "deny" },
        { path = "/*", decision = "optional" }
    "#;
    assert_eq!(of_jira(rules), [""; 0]);
}

#[test]
fn a_rule_behind_one_that_matches_all_of_it_never_decides() {
    for (first, second, shadowed) in [
        (r#"path = "/a/*""#, r#"path = "/a/b""#, true),
        (r#"path = "/a/*""#, r#"path = ["/a/b", "/c"]"#, false),
        (r#"path = ["/a/*", "/c"]"#, r#"path = ["/a/b", "/c"]"#, true),
        (r#"path = "/**/b/*""#, r#"path = "/a/b/c""#, true),
        (r#"path = "/a/*", methods = ["GET"]"#, r#"path = "/a/b""#, false),
        (r#"path = "/a/*", methods = ["GET", "PUT"]"#, r#"path = "/a/b", methods = ["PUT"]"#, true),
        (r#"path = "/a", networks = ["10.0.0.0/8"]"#, r#"path = "/a""#, false),
        (
            r#"path = "/a", networks = ["10.0.0.0/8"]"#,
            r#"path = "/a", networks = ["10.1.0.0/16"]"#,
            true,
        ),
        (r#"path = "/a", headers = [{ name = "X" }]"#, r#"path = "/a""#, false),
    ] {
        let rules =
            format!("{{ {first}, decision = \"deny\" }}, {{ {second}, decision = \"deny\" }}");
        let found = of_jira(&rules);
        let expected =
            shadowed.then_some("rule[1].path: never decides: rule[0] before it matches all of it");
        assert_eq!(
            found.iter().map(String::as_str).collect::<Vec<_>>(),
            Vec::from_iter(expected),
            "{rules}"
        );
    }
    let exact = r#"{ path = "/a", decision = "pass" }, { path = "/a", decision = "deny" }"#;
    assert_eq!(of_jira(exact), [""; 0], "/A is still denied");
    let credentials = r#"{ path = "/a", decision = "pass", with_credentials = true },
        { path = "/a", decision = "pass" }"#;
    assert_eq!(of_jira(credentials), [""; 0]);
}

#[test]
fn what_never_matches_or_exempts_too_much_is_named() {
    for (rule, expected) in [
        (
            r#"path = "/a", methods = ["GET", "FOO"], decision = "pass""#,
            "rule[0].methods: FOO is a method",
        ),
        (
            r#"path = "/_gatehouse/x", decision = "deny""#,
            "rule[0].path: /_gatehouse/x never matches",
        ),
        (r#"path = "/*", decision = "pass""#, "rule[0].decision: nobody needs a login"),
        (
            r#"path = "/*", decision = "pass", with_credentials = true"#,
            "rule[0].with_credentials: whoever sends any",
        ),
        (
            r#"path = "/rest/*", decision = "pass", with_credentials = true"#,
            "rule[0].path: /rest/* needs no login, and reaches into administration (/rest/admin/*",
        ),
        (r#"path = "/**/x", decision = "pass""#, "reaches into administration (/admin/*"),
        (
            r#"path = "/secure/admin/XmlRestore.jspa", decision = "pass""#,
            "reaches into administration (/secure/admin/*",
        ),
    ] {
        let found = of_jira(&format!("{{ {rule} }}"));
        assert!(found.iter().any(|text| text.contains(expected)), "{rule}: {found:?}");
    }
    let after = r#"{ path = ["/rest/*"], decision = "login" },
        { path = "/rest/*", with_credentials = true, methods = ["GET"], decision = "pass" }"#;
    assert!(of_jira(after).iter().all(|text| !text.contains("administration")), "closed before");
    let narrow = r#"{ path = "/rest/*", with_credentials = true, networks = ["10.0.0.0/8"], decision = "pass" }"#;
    assert_eq!(of_jira(narrow), [""; 0]);
    let generic =
        found(AppKind::Generic, "https://x.example", r#"{ path = "/admin/*", decision = "pass" }"#);
    assert_eq!(generic, [""; 0], "nobody knows what is there");
}

#[test]
fn below_a_path_only_rules_for_what_is_below_it_match() {
    let below = |path: &str| {
        let rule = format!("{{ path = \"{path}\", decision = \"deny\" }}");
        found(AppKind::Jira, "https://tools.example.com/jira", &rule)
    };
    assert_eq!(below("/jira/x"), [""; 0]);
    for path in ["/**/x", "/*", "/j*/x", "/*/x", "/Jira"] {
        assert_eq!(below(path), [""; 0], "{path}");
    }
    let expected = "rule[0].path: /x never matches: it is not below https://tools.example.com/jira";
    assert_eq!(below("/x"), [expected]);
}
