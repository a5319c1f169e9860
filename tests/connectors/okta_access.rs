//! What the gateway proves itself with at Okta, what becomes of it, and that nobody sees it.

use std::{fmt::Write as _, time::Duration};

use gatehouse::cloud::{ConnectorError, Source};
use serde_json::{Value, json};

use super::{
    heard::{Log, assert_hidden},
    organisation::Organisation,
    reading::Reading,
};
use crate::support::clouds::{cloud::NonceRefusal, ids::Sort, tenant::Vendor};

async fn start() -> Organisation {
    Organisation::start(Vendor::Okta).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A key in PEM, with its id.
fn pem(organisation: &Organisation) -> String {
    let key = organisation.file("key.pem", &text(&organisation.credential("private_key")));
    let (client, id) = (organisation.credential("client_id"), organisation.credential("kid"));
    format!("client_id = {client}\nkey = {key}\nkey_id = {id}\n")
}

fn api_token(organisation: &Organisation) -> String {
    let token = organisation.file("token", &text(&organisation.credential("api_token")));
    format!("token = {token}\n")
}

async fn first(source: &dyn Source) -> Result<(), ConnectorError> {
    source.fetch(&source.begin(None).tasks[0]).await.map(drop)
}

fn tokens(organisation: &Organisation) -> Vec<u16> {
    let seen = organisation.seen().into_iter();
    seen.filter(|seen| seen.uri.ends_with("/token")).map(|seen| seen.status).collect()
}

#[tokio::test]
async fn there_are_three_ways_in_and_each_reads_everything() {
    let organisation = start().await;
    let ways = [
        (organisation.toml(), vec![400, 200]),
        (pem(&organisation), vec![400, 200]),
        (api_token(&organisation), vec![]),
    ];
    for (table, expected) in ways {
        organisation.seen();
        let mut reading = Reading::default();
        reading.round(&*organisation.open(&table).unwrap()).await.unwrap();
        organisation.assert_read(&reading);
        assert_eq!(
            tokens(&organisation),
            expected,
            "the nonce is learnt once, and one token is enough"
        );
    }
}

#[tokio::test]
async fn tokens_are_bound_to_a_key_wherever_okta_can() {
    let organisation = start().await;
    for (dpop, nonce) in [(true, true), (true, false), (false, true)] {
        organisation.behave(|manners| (manners.dpop, manners.dpop_nonce) = (dpop, nonce));
        let mut reading = Reading::default();
        reading.round(&*organisation.source()).await.unwrap();
        organisation.assert_read(&reading);
    }
}

#[tokio::test]
async fn a_nonce_that_has_changed_is_learnt_without_a_new_token() {
    let organisation = start().await;
    let source = organisation.source();
    first(&*source).await.unwrap();
    organisation.behave(|manners| manners.token_seconds = 5 * 86_400);
    let source = organisation.source();
    first(&*source).await.unwrap();
    // The value changes every day, and the one before is good for a day more.
    organisation.clouds.time.advance(2 * 86_400);
    organisation.seen();
    first(&*source).await.unwrap();
    let seen: Vec<_> = organisation.seen().into_iter().map(|seen| seen.status).collect();
    assert!(seen.ends_with(&[401, 200]), "{seen:?}");
}

#[tokio::test]
async fn a_nonce_is_learnt_however_it_is_said_and_wherever_a_list_is() {
    let organisation = start().await;
    let source = organisation.source();
    let second = source.fetch(&source.begin(None).tasks[0]).await.unwrap().next.remove(0);
    for said in [NonceRefusal::ChallengeAndBody, NonceRefusal::Challenge, NonceRefusal::BadRequest]
    {
        organisation.behave(|manners| manners.nonce_refusal = said);
        organisation.seen();
        let read = organisation.source().fetch(&second).await;
        assert!(read.is_ok(), "{said:?}: {read:?}");
        assert_eq!(tokens(&organisation), [400, 200], "{said:?}: one token is enough");
    }
}

#[tokio::test]
async fn a_token_that_is_replaced_fails_nobody_who_has_just_asked_with_the_old_one() {
    let organisation = start().await;
    let token = organisation.file("token", "00old");
    let source = organisation.open(&format!("token = {token}\n")).unwrap();
    organisation.fault("/api/v1/", 0, 2, &json!({ "kind": "delay", "ms": 200 }));
    let replace = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        api_token(&organisation);
    };
    let (one, other, ()) = tokio::join!(first(&*source), first(&*source), replace);
    assert_eq!((one, other), (Ok(()), Ok(())));
    let mut seen: Vec<_> = organisation.seen().into_iter().map(|seen| seen.status).collect();
    seen.sort_unstable();
    assert_eq!(seen, [200, 200, 401, 401]);
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced_once() {
    let organisation = start().await;
    let source = organisation.source();
    first(&*source).await.unwrap();
    organisation.seen();
    organisation.clouds.time.advance(3_700);
    first(&*source).await.unwrap();
    let seen: Vec<_> = organisation.seen().into_iter().map(|seen| seen.status).collect();
    assert_eq!(seen, [401, 200, 200], "refused, a new token, and again");
    organisation.fault("/users", 0, 9, &json!({ "kind": "status", "status": 401 }));
    let error = first(&*source).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Credential { .. }), "{error}");
    assert!(organisation.seen().len() <= 8, "it is not tried over and over");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_made_up_for_and_told() {
    let organisation = start().await;
    // The cloud's clock is an hour ahead: what is signed by this one is too old.
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
    let other = organisation.file("other.pem", &String::from_utf8(other).unwrap());
    let client = organisation.credential("client_id");
    let wrong_token = organisation.file("wrong", "00wrong");
    let cases = [
        (
            format!(
                "client_id = {client}\nkey = {other}\nkey_id = {}\n",
                organisation.credential("kid")
            ),
            "invalid_client",
            "key_id and key",
        ),
        (
            format!("client_id = {client}\nkey = {other}\nkey_id = \"other\"\n"),
            "invalid_client",
            "key_id and key",
        ),
        (
            organisation.toml().replace(client.as_str().unwrap(), "0oaother"),
            "invalid_client",
            "client_id",
        ),
        (format!("token = {wrong_token}\n"), "E0000011", "make a new one"),
    ];
    for (table, code, remedy) in cases {
        let error = first(&*organisation.open(&table).unwrap()).await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, ConnectorError::Credential { .. }), "{said}");
        assert!(said.contains(code) && said.contains(remedy) && !error.is_passing(), "{said}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_said_before_anybody_is_asked() {
    let organisation = start().await;
    let empty = organisation.file("empty", "");
    let broken = organisation.file("broken", "a\nb");
    for (table, problem) in [
        ("token = { file = \"/nonexistent\" }".to_owned(), "okta.token: cannot read /nonexistent"),
        (format!("token = {broken}"), "okta.token: is no token"),
        (format!("client_id = \"x\"\nkey = {empty}"), "okta.key: is no private key"),
    ] {
        let error = organisation.open(&table).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
    assert!(organisation.seen().is_empty());
}

#[tokio::test]
async fn each_missing_scope_is_named() {
    let organisation = start().await;
    let granted = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        organisation.behave(|manners| manners.granted = scopes);
    };
    granted(&["okta.users.read"]);
    let error = first(&*organisation.source()).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Forbidden { .. }), "{error}");
    assert!(error.to_string().contains("okta.groups.read"), "{error}");
    let application =
        format!("{}application = \"{}\"\n", organisation.toml(), organisation.id(Sort::App, 0));
    let source = organisation.open(&application).unwrap();
    let missing = |probe: gatehouse::cloud::Probe| {
        let bad = probe.findings.into_iter().filter(|finding| finding.problem.is_some());
        bad.map(|finding| finding.step).collect::<Vec<_>>()
    };
    assert_eq!(missing(source.probe().await), ["have okta.groups.read", "have okta.apps.read"]);
    granted(&["okta.users.read", "okta.groups.read", "okta.apps.read"]);
    let probe = source.probe().await;
    assert!(probe.users.len() > 1 && probe.groups.len() > 1);
    assert_eq!(missing(probe), Vec::<String>::new());
}

#[tokio::test]
async fn a_missing_role_is_named() {
    let organisation = start().await;
    for (table, remedy) in [
        (
            organisation.toml(),
            "Read-Only Administrator (tab Admin roles), and grant the service app okta.users.read",
        ),
        (api_token(&organisation), "give the administrator who made the token"),
    ] {
        organisation.fault("/api/v1/users", 0, 2, &json!({ "kind": "status", "status": 403 }));
        let source = organisation.open(&table).unwrap();
        let error = first(&*source).await.unwrap_err().to_string();
        assert!(error.contains("E0000006") && error.contains(remedy), "{error}");
        let probe = source.probe().await;
        let found: Vec<_> = probe
            .findings
            .iter()
            .filter(|it| it.problem.is_some())
            .map(|it| it.step.as_str())
            .collect();
        assert_eq!(found, ["read users"], "the others are tried as well");
        organisation.cloud().faults.clear();
    }
}

#[tokio::test]
async fn an_application_that_is_not_there_is_said_to_be_that() {
    let organisation = start().await;
    let table = format!("{}application = \"0oanothing\"\n", organisation.toml());
    let error = first(&*organisation.open(&table).unwrap()).await.unwrap_err();
    assert_eq!(error, ConnectorError::Gone("/api/v1/apps/0oanothing/users".to_owned()));
}

#[tokio::test]
async fn no_credential_is_ever_seen_in_the_log_or_in_an_error() {
    let (log, _guard) = Log::hear();
    let organisation = start().await;
    let mut said = String::new();
    for table in [organisation.toml(), pem(&organisation), api_token(&organisation)] {
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
            let source = organisation.open(&table).unwrap();
            let round = source.begin(None);
            let outcome = source.fetch(&round.tasks[0]).await;
            writeln!(said, "{source:?} {round:?} {outcome:?}").unwrap();
            said.push_str(&outcome.err().map(|error| error.to_string()).unwrap_or_default());
            organisation.cloud().faults.clear();
        }
    }
    said.push_str(&log.text());
    assert!(said.contains("trying again"), "the log is heard");
    let (token, key) = (
        text(&organisation.credential("api_token")),
        text(&organisation.credential("private_key")),
    );
    let jwk = text(&organisation.credential("jwk")["d"]);
    let hidden = [
        &token,
        &token[..12],
        key.lines().nth(1).unwrap(),
        &jwk[..20],
        "client_assertion=",
        "eyJ",
        "SSWS ",
        "DPoP ",
    ];
    assert_hidden(&said, &hidden);
}
