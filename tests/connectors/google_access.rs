//! What the gateway proves itself with at Google, what becomes of it, and that nobody sees it.

use std::fmt::Write as _;

use gatehouse::cloud::{ConnectorError, Source};
use serde_json::{Value, json};

use super::{
    heard::{Log, assert_hidden},
    organisation::Organisation,
    reading::Reading,
};
use crate::support::clouds::tenant::Vendor;

async fn start() -> Organisation {
    Organisation::start(Vendor::Google).await
}

async fn first(source: &dyn Source) -> Result<(), ConnectorError> {
    source.fetch(&source.begin(None).tasks[0]).await.map(drop)
}

/// The table with a key in which some fields are others.
fn with_key(organisation: &Organisation, change: &Value) -> String {
    let mut key = organisation.credential("key");
    for (name, value) in change.as_object().unwrap() {
        key[name] = value.clone();
    }
    let name = change.as_object().unwrap().keys().next().unwrap();
    let key = organisation.file(name, &key.to_string());
    format!("key = {key}\nadmin = {}\n", organisation.credential("admin"))
}

#[tokio::test]
async fn one_token_is_enough_and_is_replaced_when_it_is_not_taken_any_more() {
    let organisation = start().await;
    let (source, mut reading) = (organisation.source(), Reading::default());
    reading.round(&*source).await.unwrap();
    organisation.assert_read(&reading);
    let tokens = organisation.seen().into_iter().filter(|seen| seen.uri == "/token").count();
    assert_eq!(tokens, 1);
    organisation.clouds.time.advance(3_700);
    first(&*source).await.unwrap();
    let seen: Vec<_> = organisation.seen().into_iter().map(|seen| seen.status).collect();
    assert_eq!(seen, [401, 200, 200], "refused, a new token, and again");
    organisation.fault("/users", 0, 9, &json!({ "kind": "status", "status": 401 }));
    let error = first(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Credential { .. }), "{error}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_made_up_for_and_told() {
    let organisation = start().await;
    organisation.clouds.time.advance(3_600);
    let source = organisation.source();
    first(&*source).await.unwrap();
    let probe = source.probe().await;
    let clocks = probe.findings.iter().find(|finding| finding.step == "compare clocks").unwrap();
    assert!(clocks.problem.as_ref().unwrap().contains("ahead"), "{clocks:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_credential_is_said_with_what_to_do() {
    let organisation = start().await;
    let other = openssl::rsa::Rsa::generate(2_048).unwrap();
    let other = openssl::pkey::PKey::from_rsa(other).unwrap().private_key_to_pem_pkcs8().unwrap();
    let other = String::from_utf8(other).unwrap();
    let cases = [
        (
            with_key(&organisation, &json!({ "private_key": other })),
            "Invalid JWT Signature",
            "create another key",
        ),
        (
            with_key(&organisation, &json!({ "client_email": "gone@x.iam.gserviceaccount.com" })),
            "account not found",
            "create another key",
        ),
        (
            organisation.toml().replace("admin = \"", "admin = \"no"),
            "Invalid email",
            "address of an administrator",
        ),
    ];
    for (table, word, remedy) in cases {
        let error = first(&*organisation.open(&table).unwrap()).await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, ConnectorError::Credential { .. }), "{said}");
        assert!(said.contains(word) && said.contains(remedy) && !error.is_passing(), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_said_before_anybody_is_asked() {
    let organisation = start().await;
    let empty = organisation.file("empty", "");
    for (table, problem) in [
        (
            "key = { file = \"/nonexistent\" }\nadmin = \"a@b\"".to_owned(),
            "google.key: cannot read /nonexistent",
        ),
        (format!("key = {empty}\nadmin = \"a@b\""), "google.key: is no key of a service account"),
        (
            with_key(&organisation, &json!({ "type": "authorized_user" })),
            "is of the type authorized_user",
        ),
        (
            with_key(&organisation, &json!({ "private_key": "x" })),
            "google.key: private_key is no private key",
        ),
        (
            with_key(&organisation, &json!({ "token_uri": "http://example.com/token" })),
            "token_uri must begin with https",
        ),
    ] {
        let error = organisation.open(&table).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    assert!(organisation.seen().is_empty());
}

#[tokio::test]
async fn each_missing_scope_is_named_with_the_client_to_grant_it_to() {
    let organisation = start().await;
    let scope =
        |kind: &str| format!("https://www.googleapis.com/auth/admin.directory.{kind}.readonly");
    organisation.behave(|manners| manners.granted = vec![scope("user"), scope("group.member")]);
    let source = organisation.source();
    let error = first(&*source).await.unwrap_err();
    let said = error.to_string();
    let client = organisation.credential("key")["client_id"].as_str().unwrap().to_owned();
    assert!(matches!(error, ConnectorError::Forbidden { .. }), "{said}");
    for word in ["unauthorized_client", &client, &scope("group"), "Domain-wide delegation"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let probe = source.probe().await;
    let missing: Vec<_> = probe.findings.iter().filter(|it| it.problem.is_some()).collect();
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(missing[0].step, format!("have {}", scope("group")));
    organisation
        .behave(|manners| manners.granted = ["user", "group", "group.member"].map(scope).to_vec());
    let probe = source.probe().await;
    assert!(probe.is_good(), "{:?}", probe.findings);
    assert!(probe.users.len() > 1 && probe.groups.len() > 1);
}

#[tokio::test]
async fn who_is_no_administrator_is_told_to_become_one() {
    let organisation = start().await;
    let nobody = organisation.cloud().tenant().user(40).unwrap().login;
    let key = organisation.file("key", &organisation.credential("key").to_string());
    let table = format!("key = {key}\nadmin = \"{nobody}\"\n");
    let source = organisation.open(&table).unwrap();
    let error = first(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Forbidden { .. }), "{error}");
    let other = format!("{}customer = \"C0another\"\n", organisation.toml());
    let error = first(&*organisation.open(&other).unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("administrator role") && error.contains("customer"), "{error}");
}

#[tokio::test]
async fn half_of_what_google_says_takes_no_permission_away() {
    let organisation = start().await;
    // Google says that it is too much with the status of what is forbidden, and here only half of it comes.
    for what in [json!({ "kind": "throttle", "retry_after": null }), json!({ "kind": "half_json" })]
    {
        organisation.fault("/users", 0, 2, &what);
    }
    let source = organisation.source();
    first(&*source).await.unwrap();
    assert_eq!(source.meter().read().retries, 2);
}

#[tokio::test]
async fn no_credential_is_ever_seen_in_the_log_or_in_an_error() {
    let (log, _guard) = Log::hear();
    let organisation = start().await;
    let mut said = String::new();
    for (at, what) in [
        ("/token", json!({ "kind": "status", "status": 400 })),
        ("/token", json!({ "kind": "half_json" })),
        ("/token", json!({ "kind": "reset_in_body" })),
        ("/users", json!({ "kind": "status", "status": 401 })),
        ("/users", json!({ "kind": "half_json" })),
        ("/users", json!({ "kind": "status", "status": 503 })),
        ("/users", json!({ "kind": "reset_in_head" })),
    ] {
        organisation.fault(at, 0, 8, &what);
        let source = organisation.source();
        let outcome = source.fetch(&source.begin(None).tasks[0]).await;
        writeln!(said, "{source:?} {outcome:?}").unwrap();
        said.push_str(&outcome.err().map(|error| error.to_string()).unwrap_or_default());
        organisation.cloud().faults.clear();
    }
    said.push_str(&log.text());
    assert!(said.contains("trying again"), "the log is heard");
    let key = organisation.credential("key")["private_key"].as_str().unwrap().to_owned();
    assert_hidden(&said, &[key.lines().nth(1).unwrap(), "assertion=", "eyJ", "Bearer "]);
}
