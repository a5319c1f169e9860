//! What clients try by way of each proxy.

use gatehouse::policy::Readings;

use super::{House, Product, UNREAD, house, told};
use crate::support::{curl::Curl, upstream::Seen};

/// Words of all proxies, and identities: none of it is a client's to say.
const SAID: [&str; 14] = [
    "X-Forwarded-User: root",
    "X-Forwarded-Groups: jira-administrators",
    "X-Forwarded-Email: root@example.test",
    "X-Gatehouse-Assertion: made.up.assertion",
    "X-Forwarded-For: 10.9.9.9",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: wiki.localhost",
    "X-Forwarded-Method: OPTIONS",
    "X-Forwarded-Uri: /public/x",
    "X-Original-URL: /public/x",
    "X-Original-URI: /public/x",
    "X-Original-Method: OPTIONS",
    "X-Real-IP: 10.9.9.9",
    "Forwarded: for=10.9.9.9;host=wiki.localhost",
];

fn with(headers: &[&'static str]) -> Vec<&'static str> {
    headers.iter().flat_map(|header| ["-H", *header]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_says_of_itself_reaches_the_application() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let (alice, nobody) = (house.signed_in("alice").await, house.gateway.browser());
        for (browser, user) in [(&alice, "alice"), (&nobody, "")] {
            let seen: Seen = browser.ask(&house.jira("/public/y"), &with(&SAID)).await.json();
            assert_eq!(told(&seen, "x-forwarded-user"), user, "{product:?}");
            for (name, value) in &seen.headers {
                let made_up =
                    ["root", "administrators", "made.up", "10.9.9.9", "wiki.", "/public/x"];
                let is_made_up = made_up.iter().any(|word| value.contains(word));
                assert!(!is_made_up, "{product:?} {name}: {value}");
            }
        }
        let before = house.gateway.jira.requests();
        let secret = nobody.ask(&house.jira("/secret"), &with(&SAID)).await;
        assert_eq!(secret.status, 401, "{product:?}");
        assert_eq!(house.gateway.jira.requests(), before, "{product:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_off_an_identity_by_naming_it_in_connection() {
    let mut house = house().await;
    let connection = "Connection: keep-alive, X-Forwarded-User, x-gatehouse-assertion";
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.signed_in("alice").await;
        let more = ["--http1.1", "-H", connection];
        let seen: Seen = alice.ask(&house.jira("/page"), &more).await.json();
        assert_eq!(told(&seen, "x-forwarded-user"), "alice", "{product:?} {seen:?}");
        assert_ne!(told(&seen, "x-gatehouse-assertion"), "", "{product:?}");
        let on = told(&seen, "connection").to_ascii_lowercase();
        assert!(!on.contains("x-forwarded-user"), "{product:?} {on}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_spelling_of_an_identity_reaches_the_application() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.signed_in("alice").await;
        for name in
            ["X_Forwarded_User", "X.Forwarded.User", "X-Forwarded_Groups", "x~gatehouse-assertion"]
        {
            let header = format!("{name}: root");
            // Some drop it, for others the gateway refuses it.
            let answer = alice.ask_in_vain(&house.jira("/page"), &["-H", &header]).await;
            if answer.status == 200 {
                let seen: Seen = answer.json();
                assert!(
                    !seen.headers.values().any(|value| value == "root"),
                    "{product:?} {seen:?}"
                );
            }
        }
    }
}

/// Targets that some servers read as public and others as something else.
const TARGETS: [&str; 22] = [
    "/public/..;/secret",
    "/public/..;x=y/secret",
    "/public/%2e%2e/secret",
    "/public/.%2e;/secret",
    "/public/..%2fsecret",
    "/public/%2e%2e%2fsecret",
    "/public/%252e%252e/secret",
    "/public/x/../../secret",
    "/public/x;/../../secret",
    "/public//../secret",
    "/public/..//secret",
    "/public\\..\\secret",
    "/public/..%5csecret",
    "/public/%00/../../secret",
    "/public#/../secret",
    "/public/#x",
    "/public;/../secret",
    "/s/x/_/secret",
    "/s/public/_/secret",
    "/PUBLIC/secret",
    "/public%3b/../secret",
    "//public/..//secret",
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_application_gets_from_nobody_is_public_however_it_is_read() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let nobody = house.gateway.browser();
        for target in TARGETS {
            for version in ["--http1.1", "--http2"] {
                let more = [version, "--request-target", target];
                nobody.ask_in_vain(&house.jira("/"), &more).await;
            }
        }
        let sane: Seen = nobody.ask(&house.jira("/public/x;y/z%20"), &[]).await.json();
        assert!(sane.target.starts_with("/public/x"), "{product:?} {}", sane.target);
        for target in house.gateway.jira.targets() {
            let readings = Readings::of(&target).unwrap_or_else(|_| panic!("{product:?} {target}"));
            let is_public =
                readings.iter().all(|path| path == "/public" || path.starts_with("/public/"));
            assert!(is_public, "{product:?} {target}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_leads_to_no_application() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.signed_in("alice").await;
        let before = house.gateway.jira.requests();
        let wiki = format!("wiki.localhost:{}", house.port);
        let (host, absolute) = (format!("Host: {wiki}"), format!("https://{wiki}/public/x"));
        for more in [
            vec!["-H", &host],
            vec!["--http1.1", "-H", &host],
            vec!["--http1.1", "--request-target", &absolute],
            vec!["--http1.1", "--request-target", &absolute, "-H", &host],
        ] {
            let answer = alice.ask_in_vain(&house.jira("/public/x"), &more).await;
            // Who goes by the host that was connected to may pass it on as that one's.
            let as_jiras = answer.status == 200 && answer.body.contains("\"app\":\"jira\"");
            assert!(!as_jiras || told(&answer.json(), "x-forwarded-user") == "alice");
        }
        let reached = house.gateway.jira.targets()[usize::try_from(before).unwrap()..].to_vec();
        assert!(reached.iter().all(|target| target == "/public/x"), "{product:?} {reached:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_cannot_ask() {
    let mut house = house().await;
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.signed_in("alice").await;
        for word in ["nginx/jira", "traefik/jira", "envoy/page"] {
            let url = house.jira(&format!("/_gatehouse/authorize/{word}"));
            let answer = alice.ask(&url, &["-H", "X-Original-Method: GET"]).await;
            assert_eq!(answer.status, 404, "{product:?} {word}");
            assert_eq!(answer.header("x-gatehouse-assertion"), None, "{product:?} {word}");
        }
    }
}

/// What a browser sends that opens a WebSocket.
const SOCKET: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

async fn open_socket(house: &House, browser: &Curl, origin: &str) -> u16 {
    let origin = format!("Origin: {origin}");
    let mut more = vec!["--http1.1", "-m", "2", "-H", &origin];
    more.extend(with(&SOCKET));
    browser.ask_in_vain(&house.jira("/echo"), &more).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_opens_no_websocket() {
    let mut house = house().await;
    let own = house.gateway.jira();
    for product in Product::ALL {
        house.put(product).await;
        let alice = house.signed_in("alice").await;
        assert_eq!(open_socket(&house, &alice, &own).await, 101, "{product:?}");
        assert_eq!(open_socket(&house, &alice, "https://evil.example").await, 403, "{product:?}");
        let nobody = house.gateway.browser();
        assert_eq!(open_socket(&house, &nobody, &own).await, 401, "{product:?}");
        let post = [UNREAD, "-X", "POST", "-d", "a=b", "-H", "Origin: https://evil.example"];
        assert_eq!(alice.ask(&house.jira("/page"), &post).await.status, 403, "{product:?}");
    }
}
