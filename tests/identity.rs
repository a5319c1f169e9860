//! What applications are told of people, in headers and in assertions that they can verify.

use std::{fs, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use gatehouse::{clock::Clock, keyring::Keyring, secrets::Sealer, store::Store};
use serde_json::{Value, json};

use crate::{
    serve::Process,
    support::{
        curl::{Curl, FOLLOW},
        databases::databases,
        gateway::{Plan, TestGateway},
        kdc::Kdc,
        python,
        upstream::{Seen, Upstream},
    },
};

const ASSERTION: &str = "x-gatehouse-assertion";

/// A gateway, and a browser that can show a ticket of Alice's.
struct House {
    gateway: TestGateway,
    alice: Curl,
    kdc: Kdc,
}

async fn house(more: &str) -> House {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).with(more).start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    House { gateway, alice, kdc }
}

impl House {
    /// What an application of Jira's host, or Jira itself, is sent with a request of Alice's.
    async fn seen(&self, path: &str) -> Seen {
        self.alice.get(&format!("{}{path}", self.gateway.jira()), &FOLLOW).await.json()
    }

    async fn assertion(&self, path: &str) -> String {
        self.seen(path).await.headers[ASSERTION].clone()
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let output = self.gateway.command(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Imports a list of people before their first login.
    async fn import(&self, list: &str) {
        let file = self.gateway.plan.path("list.csv");
        fs::write(&file, list).unwrap();
        self.run(&["import", file.to_str().unwrap()]).await;
    }

    /// What the sample application in Python says of an assertion.
    async fn verified(&self, assertion: &str, audience: &str) -> Result<Value, String> {
        let login = self.gateway.login();
        let keys = self.gateway.browser().get(&format!("{login}/.well-known/jwks.json"), &[]).await;
        // Python knows no names below `.localhost`.
        let served = axum::Router::new().fallback(async move || keys.body);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let keys = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, served).await });
        let sample = ["examples/verify_assertion.py", "--jwks", &keys, "--issuer", &login];
        let sample = [&sample[..], &["--audience", audience]].concat();
        let output = tokio::task::block_in_place(|| python::run(&sample, assertion));
        serving.abort();
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout).unwrap());
        }
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

/// What an assertion says, whoever made it.
fn claims(assertion: &str) -> Value {
    let claims = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_can_verify_who_somebody_is() {
    let house = house("").await;
    house.import("username,email,display_name,groups\nalice,alice@example.test,Alice Ö.,jira-users|böard\n").await;
    let assertion = house.assertion("/x").await;
    let claims = house.verified(&assertion, "jira").await.unwrap();
    let users: Value =
        serde_json::from_str(&house.run(&["user", "show", "alice", "--json"]).await).unwrap();
    let expected = json!({
        "iss": house.gateway.login(),
        "aud": "jira",
        "sub": users[0]["uuid"],
        "preferred_username": "alice",
        "email": "alice@example.test",
        "name": "Alice Ö.",
        "groups": ["böard", "jira-users"],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&claims[name], value, "{name} of {claims}");
    }
    let sessions = house.run(&["session", "list"]).await;
    let number = sessions.lines().nth(1).unwrap().split_whitespace().next().unwrap();
    assert!(claims["sid"].as_str().unwrap().starts_with(&format!("{number}-")), "{claims}");
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 300);
    assert_eq!(seconds("iat") - seconds("nbf"), 30, "clocks differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_that_is_not_for_the_application_or_not_ours_is_refused() {
    let house = house("").await;
    let assertion = house.assertion("/x").await;
    let seen: Seen = house.alice.get(&format!("{}/x", house.gateway.wiki()), &FOLLOW).await.json();
    let refused = async |assertion: &str| house.verified(assertion, "jira").await.unwrap_err();
    assert!(refused(&seen.headers[ASSERTION]).await.contains("Audience"));

    let parts: Vec<_> = assertion.split('.').collect();
    let mut changed = claims(&assertion);
    changed["preferred_username"] = "root".into();
    let changed = BASE64.encode(changed.to_string());
    assert!(
        refused(&format!("{}.{changed}.{}", parts[0], parts[2])).await.contains("Signature"),
        "other claims"
    );
    let header: Value = serde_json::from_slice(&BASE64.decode(parts[0]).unwrap()).unwrap();
    for algorithm in ["none", "HS256"] {
        let mut header = header.clone();
        header["alg"] = algorithm.into();
        let forged = format!("{}.{changed}.", BASE64.encode(header.to_string()));
        assert!(refused(&forged).await.contains("refused"), "{algorithm}");
    }
    assert!(refused("").await.contains("refused"));

    // Made six minutes ago, as everybody else's clock sees it.
    house.gateway.clock.advance(-TimeDelta::minutes(6));
    let old = house.gateway.browser().with_env(house.kdc.client_env(&house.kdc.login("bob")));
    let seen: Seen = old.get(&format!("{}/x", house.gateway.jira()), &FOLLOW).await.json();
    assert!(refused(&seen.headers[ASSERTION]).await.contains("expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_made_once_and_anew_when_something_changes() {
    let house = house("").await;
    let first = house.assertion("/x").await;
    assert_eq!(house.assertion("/y").await, first, "once for all requests");
    house.gateway.clock.advance(TimeDelta::seconds(31));
    assert_eq!(house.assertion("/x").await, first, "the account was read again, and is the same");

    house.run(&["group", "create", "jira-users"]).await;
    house.run(&["group", "join", "jira-users", "alice"]).await;
    house.gateway.clock.advance(TimeDelta::seconds(31));
    let changed = house.assertion("/x").await;
    assert_eq!(claims(&changed)["groups"], json!(["jira-users"]));

    house.gateway.clock.advance(TimeDelta::seconds(230));
    assert_eq!(house.assertion("/x").await, changed);
    house.gateway.clock.advance(TimeDelta::seconds(15));
    let renewed = house.assertion("/x").await;
    assert_ne!(renewed, changed, "a minute before it ends");
    assert_eq!(claims(&renewed)["sid"], claims(&changed)["sid"]);

    house.run(&["session", "end", "--user", "alice"]).await;
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    let next = house.assertion("/x").await;
    assert_ne!(claims(&next)["sid"], claims(&renewed)["sid"], "another session");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_spoken_for_brings_no_assertion_along() {
    let house = house("").await;
    let assertion = house.assertion("/x").await;
    let stolen = format!("X-Gatehouse-Assertion: {assertion}");
    let nobody = house.gateway.browser();
    for path in ["/status", "/public/a"] {
        let url = format!("{}{path}", house.gateway.jira());
        for header in [stolen.clone(), stolen.replace('-', "_"), stolen.replace('-', ".")] {
            let seen: Seen = nobody.get(&url, &["--http1.1", "-H", &header]).await.json();
            let found = seen.headers.keys().find(|name| name.contains("assertion"));
            assert_eq!(found, None, "{header}");
        }
    }
    let bearer = ["-H", "Authorization: Bearer pat"];
    let url = format!("{}/rest/x", house.gateway.jira());
    let seen: Seen = house.alice.ask(&url, &bearer).await.json();
    assert!(!seen.headers.contains_key(ASSERTION), "one request, one person");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_beyond_ascii_are_written_as_the_application_can_read_them() {
    let upstream = Upstream::start("other").await;
    let app = |name: &str, keys: &str| {
        format!(
            "[[app]]\nname = \"{name}\"\nkind = \"jira\"\nurl = \"{{jira}}/{name}\"\n\
             upstream = \"http://127.0.0.1:{}\"\n[app.identity_headers]\n{keys}\n",
            upstream.port
        )
    };
    let more = [
        app("percent", "encoding = \"percent\"\ngroups_separator = \"|\""),
        app("rfc2047", "encoding = \"rfc2047\"\nuser = \"Remote-User\"\nemail = \"\""),
        app("plain", "group_filter = [\"jira-*\", \"50 %\"]\ngroups_separator = \", \""),
    ];
    let house = house(&more.concat()).await;
    let name = "Zoë Ålice 日本語 ".to_owned() + "ß".repeat(60).as_str();
    let list = format!(
        "username,email,display_name,groups\nalice,alice@example.test,{name},\"50 %|a,b|jira-büro|wiki\"\n"
    );
    house.import(&list).await;
    let decoded = |decoder: &str, text: &str| {
        let program = format!("import sys\n{decoder}\nprint(decode(sys.stdin.read()), end='')");
        let output = python::run(&["-X", "utf8", "-c", &program], text);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let unquote = "from urllib.parse import unquote as decode";
    let mail = "from email.header import decode_header, make_header\n\
                def decode(text): return str(make_header(decode_header(text)))";

    let percent = house.seen("/percent/x").await.headers;
    assert_eq!(percent["x-forwarded-user"], "alice");
    assert_eq!(percent["x-forwarded-email"], "alice@example.test");
    assert!(percent["x-forwarded-name"].is_ascii());
    assert_eq!(decoded(unquote, &percent["x-forwarded-name"]), name);
    let groups: Vec<_> =
        percent["x-forwarded-groups"].split('|').map(|group| decoded(unquote, group)).collect();
    assert_eq!(groups, ["50 %", "a,b", "jira-büro", "wiki"]);
    assert!(!percent.contains_key(ASSERTION), "a stock application does not look at it");

    let words = house.seen("/rfc2047/x").await.headers;
    assert_eq!(words["remote-user"], "alice");
    assert!(!words.contains_key("x-forwarded-email") && words["x-forwarded-name"].is_ascii());
    assert_eq!(decoded(mail, &words["x-forwarded-name"]), name);
    let groups = decoded(mail, &words["x-forwarded-groups"]);
    assert_eq!(groups, "50 %25,a%2Cb,jira-büro,wiki");

    let plain = house.seen("/plain/x").await.headers;
    assert_eq!(plain["x-forwarded-name"], name);
    assert_eq!(plain["x-forwarded-groups"], "50 %25, jira-büro");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_left_out_and_reported() {
    let upstream = Upstream::start("small").await;
    let more = format!(
        "[[app]]\nname = \"small\"\nurl = \"{{jira}}/small\"\nupstream = \"http://127.0.0.1:{}\"\n\
         [app.identity_headers]\nmax_bytes = 1024\n",
        upstream.port
    );
    let house = house(&more).await;
    let groups: Vec<_> = (100..400).map(|n| format!("jira-{n}")).collect();
    let name = "🜁".repeat(255);
    let list = format!(
        "username,email,display_name,groups\nalice,alice@example.test,{name},{}\n",
        groups.join("|")
    );
    house.import(&list).await;
    let seen = house.seen("/small/x").await;
    let (mut bytes, mut told) = (0, 0);
    for (name, value) in &seen.headers {
        let identity = ["x-forwarded-user", "x-forwarded-email", "x-forwarded-name"];
        let identity = identity.contains(&name.as_str());
        if identity || name == "x-forwarded-groups" || name == ASSERTION {
            bytes += name.len() + value.len();
        }
        if name == "x-forwarded-groups" {
            told = value.split(',').filter(|group| !group.is_empty()).count();
        }
    }
    assert!(bytes <= 1024, "{bytes}");
    assert_eq!(seen.headers["x-forwarded-user"], "alice");
    assert!(
        !seen.headers.contains_key("x-forwarded-name") && !seen.headers.contains_key(ASSERTION)
    );
    assert!(told > 50, "there is room for some: {told}");
    let metrics = house.gateway.plan.internal() + "/metrics";
    let metrics = house.gateway.browser().ask(&metrics, &[]).await.body;
    let left_out = |what: &str, number: usize| {
        let line = format!(
            "gatehouse_identity_left_out_total{{app=\"small\",what=\"{what}\"}} {number}\n"
        );
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    };
    left_out("group", 300 - told);
    left_out("assertion", 1);
    left_out("name", 1);

    // Jira has the usual room: half of the groups' share is the assertion's.
    let assertion = house.assertion("/x").await;
    let claims = house.verified(&assertion, "jira").await.unwrap();
    let told = claims["groups"].as_array().unwrap().len();
    assert!(told > 20, "{claims}");
    assert_eq!(claims["groups_left_out"], 300 - told, "an application knows that it is not all");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_published_for_whoever_verifies_and_shadow_nothing() {
    let house = house("").await;
    let browser = house.gateway.browser();
    let (login, jira) = (house.gateway.login(), house.gateway.jira());
    let keys = browser.get(&format!("{login}/.well-known/jwks.json"), &[]).await;
    assert_eq!(keys.status, 200);
    assert_eq!(keys.header("content-type").unwrap(), "application/jwk-set+json");
    assert_eq!(keys.header("cache-control").unwrap(), "public, max-age=300");
    let keys: Value = keys.json();
    let key = keys["keys"][0].as_object().unwrap();
    let mut names: Vec<_> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"], "and nothing private");
    for host in [&login, &jira, &house.gateway.wiki()] {
        let own = browser.get(&format!("{host}/_gatehouse/jwks.json"), &[]).await;
        assert_eq!(own.json::<Value>(), keys, "{host}");
    }
    let seen = house.seen("/.well-known/jwks.json").await;
    assert_eq!(seen.target, "/.well-known/jwks.json", "on its host, it is the application's");
    let other = browser.get(&format!("{login}/.well-known/other"), &[]).await;
    assert_eq!(other.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_rotate_and_retire_keys() {
    let mut house = house("").await;
    let first = house.assertion("/x").await;
    let list = async |house: &House, arguments: &[&str]| -> Vec<(String, String)> {
        let listed = house.run(&[&["keys"], arguments, &["--json"]].concat()).await;
        let keys: Vec<Value> = serde_json::from_str(&listed).unwrap();
        let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
        keys.iter().map(|key| (text(key, "id"), text(key, "state"))).collect()
    };
    let states = |keys: &[(String, String)]| {
        keys.iter().map(|(_, state)| state.clone()).collect::<Vec<_>>().join(" ")
    };
    let keys = list(&house, &["rotate"]).await;
    assert_eq!(states(&keys), "signs announced");
    assert!(house.run(&["keys", "list"]).await.contains("announced"));

    // The one that signs is in wrong hands: another one takes its place within seconds, and it is worth nothing.
    let keys = list(&house, &["retire", &keys[0].0.clone()]).await;
    assert_eq!(states(&keys), "kept signs", "the one that was announced is overtaken");
    let mut second = first.clone();
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        second = house.assertion("/x").await;
        if second != first {
            break;
        }
    }
    assert!(house.verified(&second, "jira").await.is_ok());
    assert!(house.verified(&first, "jira").await.unwrap_err().contains("refused"), "retired");
    let unknown = house.gateway.command(&["keys", "retire", "nothing"]).await;
    assert_eq!(unknown.status.code(), Some(1));

    house.gateway.stop().await;
    let keys = list(&house, &["rotate", "--now"]).await;
    assert_eq!(states(&keys), "kept kept signs", "without a running gateway");
    house.gateway.try_run().await.unwrap();
    let third = house.assertion("/x").await;
    assert!(house.verified(&third, "jira").await.is_ok());
    assert!(house.verified(&second, "jira").await.is_ok(), "a key of before is kept for a day");
}

fn sealer(byte: &str) -> Sealer {
    Sealer::new(&byte.repeat(32).into(), &[]).unwrap()
}

async fn keyring(store: &Store, clock: &Clock) -> Arc<Keyring> {
    let opened =
        Keyring::open(store.clone(), sealer("k"), clock.clone(), TimeDelta::days(90)).await;
    Arc::new(opened.unwrap())
}

#[tokio::test]
async fn gateways_that_begin_at_once_agree_on_one_key() {
    for database in databases().await {
        let clock = Clock::adjustable();
        let (store, time) = (&database.store, &clock);
        let begun = futures_util::future::join_all((0..8).map(|_| keyring(store, time))).await;
        let published: Vec<_> = begun.iter().map(|keyring| keyring.published()).collect();
        assert!(published.windows(2).all(|pair| pair[0] == pair[1]), "{published:?}");
        assert_eq!(store.list_signing_keys().await.unwrap().len(), 1);

        // All of them find at once that a successor is due, and that the old key is to go.
        clock.advance(TimeDelta::days(90));
        for follow in futures_util::future::join_all(begun.iter().map(|k| k.follow())).await {
            follow.unwrap();
        }
        assert_eq!(store.list_signing_keys().await.unwrap().len(), 2);
        assert!(begun.iter().all(|keyring| keyring.number() == 1), "only announced");
        for (days, number, kept) in [(1, 2, 2), (1, 2, 1)] {
            clock.advance(TimeDelta::days(days));
            for follow in futures_util::future::join_all(begun.iter().map(|k| k.follow())).await {
                follow.unwrap();
            }
            assert!(begun.iter().all(|keyring| keyring.number() == number), "day {days}");
            let keys: Value = serde_json::from_str(&begun[0].published()).unwrap();
            assert_eq!(keys["keys"].as_array().unwrap().len(), kept);
        }
    }
}

#[tokio::test]
async fn a_key_that_another_master_key_has_sealed_does_not_sign() {
    for database in databases().await {
        let clock = Clock::adjustable();
        let first = keyring(&database.store, &clock).await;
        let days = TimeDelta::days(90);
        let other =
            Keyring::open(database.store.clone(), sealer("o"), clock.clone(), days).await.unwrap();
        assert_eq!((first.number(), other.number()), (1, 2));
        for _ in 0..3 {
            first.follow().await.unwrap();
            other.follow().await.unwrap();
        }
        assert_eq!((first.number(), other.number()), (1, 2), "and nobody makes more and more");
        assert_eq!(first.published(), other.published(), "what either has signed can be verified");
        let previous = Sealer::new(&"n".repeat(32).into(), &["k".repeat(32).into()]).unwrap();
        let next = Keyring::open(database.store.clone(), previous, clock, days).await.unwrap();
        assert_eq!(next.number(), 1, "a master key of before still opens it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_is_neither_in_the_database_nor_in_the_log() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let plan = Plan::new()
        .with_tickets(&kdc.keytab())
        .with("[telemetry]\nlog_level = \"trace\"\nlog_format = \"json\"\n");
    let (jira, wiki) = (Upstream::start("jira").await, Upstream::start("wiki").await);
    plan.configuration(jira.port, wiki.port);
    let process = Process::start(&plan).await;
    let alice = Curl::new(&plan.ca()).with_env(kdc.client_env(&kdc.login("alice")));
    let seen: Seen = alice.get(&plan.jira(), &FOLLOW).await.json();
    let signature = seen.headers[ASSERTION].rsplit('.').next().unwrap().to_owned();
    drop(process);

    let url = format!("sqlite://{}", plan.path("gatehouse.db").display());
    let options = gatehouse::store::StoreOptions { url, password: None };
    let store = Store::open(&options).await.unwrap();
    let stored = store.list_signing_keys().await.unwrap().remove(0);
    store.close().await;
    let sealer = Sealer::new(&"k".repeat(64).into(), &[]).unwrap();
    let private = sealer.open("signing key", &stored.sealed).unwrap();
    // PKCS#8 has the private number behind a header of 36 bytes.
    assert_eq!(private[34..36], [4, 32], "an octet string of 32 bytes");
    let number = &private[36..68];
    let log = fs::read(plan.path("log")).unwrap();
    let database = fs::read(plan.path("gatehouse.db")).unwrap();
    let has = |text: &[u8], part: &[u8]| memchr::memmem::find(text, part).is_some();
    assert!(has(&private, number) && has(&log, b"trace_id"), "the right places are looked at");
    let hex = number.iter().fold(String::new(), |hex, byte| hex + format!("{byte:02x}").as_str());
    assert!(!has(&database, number));
    for spelling in [hex, BASE64.encode(number), format!("{number:?}"), signature] {
        assert!(!has(&log, spelling.as_bytes()), "{spelling}");
    }
}
