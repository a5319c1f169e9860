use super::{facts::CrowdFacts, *};

fn facts(kind: AppKind, version: &str) -> Facts {
    let mut facts = Facts::of_kind(kind, None);
    facts.version = Some(Version::parse(version).unwrap());
    facts.crowd_url = "http://10.0.0.5:9090/crowd/".to_owned();
    facts.crowd.push(CrowdFacts {
        application: "tracker".to_owned(),
        cookie: "gatehouse.token".to_owned(),
        single_sign_on: true,
        writable: false,
        directories: vec!["Staff".to_owned()],
    });
    facts
}

#[test]
fn each_kind_has_its_own_switch_and_files() {
    for (kind, version, expected) in [
        (AppKind::Jira, "10.3", "com.atlassian.jira.security.login.SSOSeraphAuthenticator"),
        (
            AppKind::Confluence,
            "9.2",
            "com.atlassian.confluence.user.ConfluenceCrowdSSOAuthenticator",
        ),
        (AppKind::Bamboo, "10.2", "com.atlassian.crowd.integration.seraph.v25.BambooAuthenticator"),
        (AppKind::Bitbucket, "9.4", "plugin.auth-crowd.sso.enabled=true"),
        (AppKind::Fisheye, "4.8", "config.xml"),
        (AppKind::Generic, "1", "gatehouse.token"),
    ] {
        let text = guide(&facts(kind, version)).text();
        assert!(text.contains(expected), "{text}");
        assert!(text.contains("http://10.0.0.5:9090/crowd/"), "{text}");
        assert!(!text.contains("has not been looked at"), "{text}");
    }
}

#[test]
fn the_properties_have_every_key() {
    let text = guide(&facts(AppKind::Jira, "10.3")).text();
    for line in [
        "application.name=tracker",
        "application.password=PASSWORD",
        "application.login.url=https://jira.example.com",
        "crowd.base.url=http://10.0.0.5:9090/crowd/",
        "crowd.server.url=http://10.0.0.5:9090/crowd/services/",
        "session.isauthenticated=session.isauthenticated",
        "session.tokenkey=session.tokenkey",
        "session.validationinterval=2",
        "session.lastvalidation=session.lastvalidation",
        "cookie.tokenkey=gatehouse.token",
        "proxyName=\"jira.example.com\" proxyPort=\"443\"",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn versions_make_a_difference() {
    let of = |kind, version: &str| guide(&facts(kind, version)).text();
    assert!(of(AppKind::Bitbucket, "4.14").contains("<Connector"));
    assert!(of(AppKind::Bitbucket, "7.21").contains("server.proxy-name"));
    assert!(of(AppKind::Jira, "7.13").contains("knows only who came with a synchronisation"));
    assert!(of(AppKind::Jira, "12.0").contains("12.0 has not been looked at"));
}

#[test]
fn without_single_sign_on_no_file_of_the_application_changes() {
    let mut facts = facts(AppKind::Jira, "10.3");
    facts.crowd[0].single_sign_on = false;
    let text = guide(&facts).text();
    assert!(
        !text.contains("SSOSeraphAuthenticator") && !text.contains("crowd.properties"),
        "{text}"
    );
    assert!(text.contains("/_gatehouse/logout"), "{text}");
}

#[test]
fn scripts_get_the_same_in_json() {
    let guide = guide(&facts(AppKind::Jira, "10.3"));
    let json = serde_json::to_value(&guide).unwrap();
    assert_eq!((&json["kind"], &json["version"]), (&"jira".into(), &"10.3".into()));
    let files =
        json["steps"].as_array().unwrap().iter().flat_map(|step| step["files"].as_array().unwrap());
    let paths: Vec<_> = files.map(|file| file["path"].as_str().unwrap()).collect();
    assert!(paths.iter().any(|path| path.ends_with("seraph-config.xml")), "{paths:?}");
}
