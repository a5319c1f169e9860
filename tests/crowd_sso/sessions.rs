//! What applications are answered about sessions, in both formats, and sessions that they begin themselves.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{House, house, houses};
use crate::passwords::signing_in::change_passwords_beside_sessions;

/// A context without a password, from an address.
fn context(username: &str, factors: &[(&str, &str)]) -> String {
    let factor = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
    let factors: Vec<_> = factors.iter().map(factor).collect();
    json!({
        "username": username,
        "password": "",
        "validation-factors": { "validationFactors": factors },
    })
    .to_string()
}

fn factors(pairs: &[(&str, &str)]) -> String {
    let factor = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
    json!({ "validationFactors": pairs.iter().map(factor).collect::<Vec<_>>() }).to_string()
}

impl House {
    /// Begins a session of somebody without a password; nothing is wrong with it.
    async fn begun(&self, username: &str, more: &str, pairs: &[(&str, &str)]) -> String {
        let path = format!("/session?validate-password=false{more}");
        let answer = self.ask("ci", "POST", &path, &context(username, pairs)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json::<Value>()["token"].as_str().unwrap().to_owned()
    }

    async fn refused(&self, application: &str, path: &str, body: &str) -> (u16, String) {
        let answer = self.ask(application, "POST", path, body).await;
        let reason = answer.json::<Value>()["reason"].as_str().unwrap_or_default().to_owned();
        (answer.status, reason)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_reads_the_same_in_both_formats() {
    for house in houses().await {
        let alice = house.browser("alice");
        let token = house.token(&alice).await;
        let path = format!("/session/{token}");
        for (method, path) in
            [("POST", path.clone()), ("GET", path.clone()), ("POST", format!("{path}.json"))]
        {
            let answer = house.ask("jira", method, &path, "{}").await;
            assert_eq!(answer.status, 200);
            let session: Value = answer.json();
            assert_eq!(session["token"], token);
            assert_eq!(session["expand"], "user");
            assert_eq!(session["user"]["name"], "alice");
            assert!(session["user"]["active"].is_null(), "not more than was asked for");
            let created = session["created-date"].as_i64().unwrap();
            assert_eq!(session["expiry-date"].as_i64().unwrap() - created, 24 * 3_600_000);
            assert!(
                session["link"]["href"]
                    .as_str()
                    .unwrap()
                    .contains("/rest/usermanagement/1/session/")
            );
        }
        let expanded = house.ask("jira", "POST", &format!("{path}?expand=user"), "{}").await;
        let expanded: Value = expanded.json();
        assert_eq!(expanded["user"]["active"], true);
        assert!(expanded["user"]["key"].as_str().unwrap().contains(':'));

        let sent = "<?xml version=\"1.0\"?><validation-factors><validation-factor><name>remote_address\
                    </name><value>127.0.0.1</value></validation-factor></validation-factors>";
        let answer = house.ask_in_xml("jira", "POST", &path, sent).await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").unwrap().starts_with("application/xml"));
        let document = roxmltree::Document::parse(&answer.body).unwrap();
        let root = document.root_element();
        let names: Vec<_> = root.children().map(|child| child.tag_name().name()).collect();
        assert_eq!(names, ["token", "user", "link", "created-date", "expiry-date"]);
        assert_eq!(root.attribute("expand"), Some("user"));
        assert_eq!(root.first_element_child().unwrap().text(), Some(token.as_str()));
        let user = root.children().nth(1).unwrap();
        assert_eq!(user.attribute("name"), Some("alice"));
        assert!(user.children().all(|child| child.tag_name().name() == "link"));
        let expanded = house.ask_in_xml("jira", "POST", &format!("{path}?expand=user"), "").await;
        assert!(expanded.body.contains("<active>true</active>"), "{}", expanded.body);
        let missing = house.ask_in_xml("jira", "POST", "/session/x", "").await;
        assert_eq!(missing.status, 404);
        assert!(missing.body.contains("<reason>INVALID_SSO_TOKEN</reason>"), "{}", missing.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_about_somebody_is_heard_within_half_a_minute() {
    let house = house().await;
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    let path = format!("/session/{token}?expand=user,attributes");
    let name = async || {
        house.ask("jira", "POST", &path, "").await.json::<Value>()["user"]["display-name"].clone()
    };
    assert_eq!(name().await, "alice");
    let list = house.gateway.plan.path("list.csv");
    std::fs::write(&list, "username,display_name\nalice,Alice B.\n").unwrap();
    house.run(&["import", list.to_str().unwrap()]).await;
    house.gateway.clock.advance(chrono::TimeDelta::seconds(31));
    assert_eq!(name().await, "Alice B.");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_begins_sessions_that_administrators_see() {
    for house in houses().await {
        house.token(&house.browser("alice")).await;
        let token = house.begun("ALICE", "&expand=user", &[]).await;
        assert_eq!(house.whose("ci", &token).await.as_deref(), Some("alice"));
        assert_eq!(house.whose("jira", &token).await, None, "it is of that application");
        assert_eq!(house.begun("alice", "", &[]).await, token, "an equal one is given once more");

        let listed = house.run(&["session", "list", "--user", "alice"]).await;
        let line = listed.lines().find(|line| line.contains("crowd:ci")).unwrap();
        assert!(line.contains("crowd-no-password"), "{line}");
        let number = line.split_whitespace().next().unwrap();
        house.run(&["session", "end", number]).await;
        let begun = std::time::Instant::now();
        while house.whose("ci", &token).await.is_some() {
            assert!(begun.elapsed().as_millis() < 1500, "it goes on");
        }
        let again = house.begun("alice", "", &[]).await;
        assert_ne!(again, token);
        assert_eq!(house.ask("ci", "DELETE", &format!("/session/{again}"), "").await.status, 204);
        assert_eq!(house.whose("ci", &again).await, None);

        // It is nobody's way into the gateway, and ends with the person's others.
        let last = house.begun("alice", "", &[]).await;
        for name in ["__Host-gatehouse-session", "__Host-gatehouse-login"] {
            let cookie = format!("Cookie: {name}={last}");
            let answer = house.gateway.browser().ask(&house.jira("/x"), &["-H", &cookie]).await;
            assert_eq!(answer.status, 401);
        }
        house.run(&["user", "block", "alice"]).await;
        let begun = std::time::Instant::now();
        while house.whose("ci", &last).await.is_some() {
            assert!(begun.elapsed().as_millis() < 1500, "it goes on");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_every_application_may_vouch_for_people() {
    let house = house().await;
    house.token(&house.browser("alice")).await;
    let path = "/session?validate-password=false";
    let refused = house.refused("jira", path, &context("alice", &[])).await;
    assert_eq!(refused, (403, "APPLICATION_PERMISSION_DENIED".to_owned()));
    let unknown = house.refused("ci", path, &context("nobody", &[])).await;
    assert_eq!(unknown, (400, "INVALID_USER_AUTHENTICATION".to_owned()));
    house.run(&["user", "block", "alice"]).await;
    let inactive = house.refused("ci", path, &context("alice", &[])).await;
    assert_eq!(inactive, (400, "INACTIVE_ACCOUNT".to_owned()));
    let broken = house.refused("ci", path, "{").await;
    assert_eq!(broken, (400, "ILLEGAL_ARGUMENT".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_an_application_began_is_used_from_where_it_was_begun() {
    let house = house().await;
    let alice = house.browser("alice");
    let injected = house.token(&alice).await;
    let (here, there) = (("remote_address", "192.0.2.1"), ("remote_address", "192.0.2.2"));
    let token = house.begun("alice", "", &[here]).await;
    let path = format!("/session/{token}");
    let validate = async |path: &str, application: &str, body: String| {
        house.ask(application, "POST", path, &body).await.status
    };
    assert_eq!(validate(&path, "ci", factors(&[here])).await, 200);
    assert_eq!(validate(&path, "ci", factors(&[there])).await, 404);
    assert_eq!(validate(&path, "ci", "{}".to_owned()).await, 404);
    let forwarded = ("X-Forwarded-For", "192.0.2.1");
    assert_eq!(
        validate(&path, "ci", factors(&[there, forwarded])).await,
        404,
        "no proxy is trusted"
    );
    assert_eq!(validate(&path, "ci", factors(&[here, forwarded])).await, 200);
    assert_eq!(house.ask("ci", "GET", &path, "").await.status, 200);
    let other = house.begun("alice", "", &[there]).await;
    assert_ne!(other, token);

    let anywhere = format!("/session/{}", house.begun("alice", "", &[]).await);
    assert_eq!(
        validate(&anywhere, "ci", factors(&[there])).await,
        200,
        "it was not said from where"
    );
    let injected = format!("/session/{injected}");
    for body in [factors(&[here]), factors(&[there]), "{}".to_owned(), "no json".to_owned()] {
        assert_eq!(
            validate(&injected, "jira", body).await,
            200,
            "the gateway asks it, and it is asked"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_can_be_made_shorter_and_never_longer() {
    let house = house().await;
    house.token(&house.browser("alice")).await;
    for (duration, seconds) in [("600", 600), ("864000", 86_400), ("0", 1), ("-5", 1)] {
        let path = format!("/session?validate-password=false&duration={duration}");
        let body = context("alice", &[("remote_address", duration)]);
        let answer = house.ask("ci", "POST", &path, &body).await;
        assert_eq!(answer.status, 201, "{duration}: {answer:?}");
        let session: Value = answer.json();
        let date = |name: &str| session[name].as_i64().unwrap();
        let lasts = date("expiry-date") - date("created-date");
        assert!((lasts - seconds * 1000).abs() < 100, "{duration}: {lasts}");
    }
    let path = "/session?validate-password=false&duration=x";
    let refused = house.refused("ci", path, &context("alice", &[])).await;
    assert_eq!(refused, (400, "ILLEGAL_ARGUMENT".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_hears_of_whoever_it_has_let_in() {
    let house = house().await;
    let notify = async |name: &str| {
        let path = format!("/authentication/notify?username={name}");
        let answer = house.ask("jira", "POST", &path, "{\"value\":null}").await;
        (answer.status, answer.json::<Value>())
    };
    let (status, body) = notify("alice").await;
    assert_eq!((status, body["reason"].as_str()), (400, Some("USER_NOT_FOUND")));
    house.token(&house.browser("alice")).await;
    let (status, body) = notify("Alice").await;
    assert_eq!((status, body["name"].as_str()), (200, Some("alice")));
    assert_eq!(body["active"], true);
    house.run(&["user", "block", "alice"]).await;
    let (status, body) = notify("alice").await;
    assert_eq!((status, body["reason"].as_str()), (400, Some("INACTIVE_ACCOUNT")));
    let sent =
        house.ask_in_xml("jira", "POST", "/authentication/notify?username=alice", "<password/>");
    assert!(sent.await.body.contains("<reason>INACTIVE_ACCOUNT</reason>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_a_password_needs_the_right_one_and_ends_when_it_changes() {
    for house in houses().await {
        house.token(&house.browser("alice")).await;
        house.set_password("alice", "correct horse battery staple").await;
        let context = |username: &str, password: &str| {
            json!({ "username": username, "password": password }).to_string()
        };
        let right = context("alice", "correct horse battery staple");
        let post = async |path: &str, body: &str| house.ask("jira", "POST", path, body).await;
        let begun = post("/session", &right).await;
        assert_eq!(begun.status, 201, "{begun:?}");
        let token = begun.json::<Value>()["token"].as_str().unwrap().to_owned();
        assert_eq!(house.whose("jira", &token).await.as_deref(), Some("alice"));
        let again = post("/session?validate-password=true", &right).await;
        assert_eq!(again.json::<Value>()["token"], token, "whoever sends it each time has one");
        let listed = house.run(&["session", "list", "--user", "alice"]).await;
        assert!(listed.contains("crowd-password"), "{listed}");

        for (username, password) in [("alice", "wrong"), ("alice", ""), ("nobody", "wrong")] {
            let refused = house.refused("jira", "/session", &context(username, password)).await;
            assert_eq!(refused, (400, "INVALID_USER_AUTHENTICATION".to_owned()), "{username}");
        }
        let xml = "<authentication-context><username>alice</username><password>correct horse battery \
                   staple</password><validation-factors/></authentication-context>";
        let answer = house.ask_in_xml("jira", "POST", "/session?expand=user", xml).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(answer.body.contains(&format!("<token>{token}</token><user name=\"alice\"")));

        house.set_password("alice", "another correct horse battery staple").await;
        house.assert_ends(&token).await;
        assert_ne!(post("/session", &right).await.status, 201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_begins_beside_a_change_of_the_password_ends() {
    let house = house().await;
    house.token(&house.browser("alice")).await;
    house.set_password("alice", "correct horse battery staple").await;
    change_passwords_beside_sessions(&house.gateway).await;
    let body = json!({ "username": "alice", "password": "correct horse battery staple" });
    let refused = house.refused("jira", "/session", &body.to_string()).await;
    assert_eq!(refused, (400, "INVALID_USER_AUTHENTICATION".to_owned()));
    let listed = house.run(&["session", "list", "--user", "alice"]).await;
    assert!(!listed.contains("crowd-password"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_factors_is_use_as_well() {
    let house = house().await;
    house.token(&house.browser("alice")).await;
    for method in ["GET", "POST"] {
        let token = house.begun("alice", "", &[]).await;
        for _ in 0..2 {
            house.gateway.clock.advance(TimeDelta::hours(7));
            let answer = house.ask("ci", method, &format!("/session/{token}"), "{}").await;
            assert_eq!(answer.status, 200, "{method}");
        }
        house.gateway.clock.advance(TimeDelta::hours(9));
        let answer = house.ask("ci", method, &format!("/session/{token}"), "{}").await;
        assert_eq!(answer.status, 404, "nobody has asked for eight hours");
    }
}
