//! Applications that sign people in by Crowd's cookie: the token that the gateway gives them, what they are
//! answered about it, and what becomes of their own sessions.

mod attacks;
mod binding;
mod replicas;
mod sessions;
mod signing_out;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;

use crate::support::{
    curl::{Answer, Curl, FOLLOW},
    gateway::{Plan, TestGateway},
    kdc::Kdc,
    own_sessions::{Shown, cookie},
    upstream::Seen,
};

const SERVICE: &str = "HTTP/login.localhost";
const TOKEN: &str = "crowd.token_key";

/// What an application's credentials are in the configuration, for a password.
fn hash(password: &str) -> String {
    let hash = gatehouse::secrets::sha256(password.as_bytes());
    gatehouse::config::CredentialHash(hash).text()
}

/// Jira and a wiki that know people by Crowd's cookie, and a third party that begins sessions itself.
fn with_crowd(plan: Plan) -> Plan {
    with_crowd_and(plan, "")
}

/// With more in Jira's table.
fn with_crowd_and(plan: Plan, more: &str) -> Plan {
    let (jira, wiki, ci) = (hash("jira-secret"), hash("wiki-secret"), hash("ci-secret"));
    let line = format!(
        "kind = \"jira\"\n{more}\ncrowd = [\n  {{ application = \"jira\", credentials = [\"{jira}\"], single_sign_on = true }},\n  \
         {{ application = \"ci\", credentials = [\"{ci}\"], sessions_without_password = true }},\n]"
    );
    let wiki = format!(
        "[[app.crowd]]\napplication = \"wiki\"\ncredentials = [\"{wiki}\"]\nsingle_sign_on = true\n"
    );
    plan.with_app("jira", &line).with(&wiki)
}

/// A gateway with a KDC.
struct House {
    gateway: TestGateway,
    kdc: Kdc,
}

async fn house() -> House {
    house_of(with_crowd(Plan::new())).await
}

async fn house_of(plan: Plan) -> House {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = plan.with_tickets(&kdc.keytab()).start().await;
    House { gateway, kdc }
}

/// A house on each database.
async fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for plan in Plan::on_every_database().await {
        houses.push(house_of(with_crowd(plan)).await);
    }
    houses
}

impl House {
    /// A browser with a ticket.
    fn browser(&self, user: &str) -> Curl {
        self.gateway.browser().with_env(self.kdc.client_env(&self.kdc.login(user)))
    }

    fn jira(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.jira())
    }

    fn wiki(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.wiki())
    }

    /// What an application that tells what it was sent is sent.
    async fn seen(&self, browser: &Curl, url: &str) -> Seen {
        browser.get(url, &FOLLOW).await.json()
    }

    /// What the application with sessions of its own shows.
    async fn shown(&self, browser: &Curl, url: &str) -> Shown {
        browser.get(url, &FOLLOW).await.json()
    }

    /// The token that Jira is sent with a request.
    async fn token(&self, browser: &Curl) -> String {
        token_of(&self.seen(browser, &self.jira("/x")).await).unwrap()
    }

    /// Asks as an application does, in JSON both ways.
    async fn ask(&self, application: &str, method: &str, path: &str, body: &str) -> Answer {
        ask(&self.gateway.plan.internal(), application, method, path, body, "application/json")
            .await
    }

    /// Asks in XML.
    async fn ask_in_xml(&self, application: &str, method: &str, path: &str, body: &str) -> Answer {
        ask(&self.gateway.plan.internal(), application, method, path, body, "application/xml").await
    }

    /// Whose session an application hears a token to be of; nobody's if it is none.
    async fn whose(&self, application: &str, token: &str) -> Option<String> {
        whose(&self.gateway.plan.internal(), application, token).await
    }

    /// Waits until a token is none any more, which is to be within a second.
    async fn assert_ends(&self, token: &str) {
        let begun = std::time::Instant::now();
        while self.whose("jira", token).await.is_some() {
            assert!(begun.elapsed().as_millis() < 1500, "the token goes on");
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
    }

    async fn set_password(&self, user: &str, password: &str) {
        let file = self.gateway.plan.path("password");
        std::fs::write(&file, format!("{password}\n")).unwrap();
        let set = tokio::process::Command::new(env!("CARGO_BIN_EXE_gatehouse"))
            .arg("--config")
            .arg(self.gateway.plan.path("gatehouse.toml"))
            .args(["user", "password", "set", user])
            .stdin(std::fs::File::open(file).unwrap())
            .output();
        let set = set.await.unwrap();
        assert!(set.status.success(), "{set:?}");
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let output = self.gateway.command(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn token_of(seen: &Seen) -> Option<String> {
    cookie(seen.headers.get("cookie").map_or("", String::as_str), TOKEN)
}

async fn ask(
    internal: &str,
    application: &str,
    method: &str,
    path: &str,
    body: &str,
    format: &str,
) -> Answer {
    let url = format!("{internal}/crowd/rest/usermanagement/1{path}");
    let credentials = BASE64.encode(format!("{application}:{application}-secret"));
    let authorization = format!("Authorization: Basic {credentials}");
    let (accept, content) = (format!("Accept: {format}"), format!("Content-Type: {format}"));
    let mut arguments = vec!["-X", method, "-H", &authorization, "-H", &accept];
    if method == "POST" {
        arguments.extend(["-H", &content, "--data-binary", body]);
    }
    let nowhere = std::path::Path::new("/dev/null");
    Curl::new(nowhere).ask(&url, &arguments).await
}

async fn whose(internal: &str, application: &str, token: &str) -> Option<String> {
    let path = format!("/session/{token}");
    let answer = ask(internal, application, "POST", &path, "{}", "application/json").await;
    let body: Value = answer.json();
    match answer.status {
        200 => Some(body["user"]["name"].as_str().unwrap().to_owned()),
        404 => {
            assert_eq!(body["reason"], "INVALID_SSO_TOKEN");
            None
        }
        status => panic!("{status}: {body}"),
    }
}

// ---------------------------------------------------------------------------------------------- the token

#[tokio::test(flavor = "multi_thread")]
async fn an_application_gets_a_token_with_every_request_and_hears_whose_it_is() {
    for house in houses().await {
        let alice = house.browser("alice");
        let token = house.token(&alice).await;
        assert_eq!(token.len(), 43);
        assert_eq!(house.token(&alice).await, token);
        assert_eq!(house.whose("jira", &token).await.as_deref(), Some("alice"));
        let bob = house.browser("bob");
        let of_bob = house.token(&bob).await;
        assert_ne!(of_bob, token);
        assert_eq!(house.whose("jira", &of_bob).await.as_deref(), Some("bob"));
        assert_eq!(house.whose("jira", &token).await.as_deref(), Some("alice"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_session_is_another_token() {
    let house = house().await;
    let (one, other) = (house.browser("alice"), house.browser("alice"));
    assert_ne!(house.token(&one).await, house.token(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_stands_before_the_applications_own_cookies() {
    let house = house().await;
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    alice.set_cookie("jira.localhost", "a", "\"1");
    let seen = house.seen(&alice, &house.jira("/x")).await;
    assert_eq!(seen.headers["cookie"], format!("{TOKEN}={token}; a=\"1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_token_without_a_session_on_open_paths_and_beside_other_credentials() {
    let house = house().await;
    let nobody = house.gateway.browser();
    let alice = house.browser("alice");
    house.token(&alice).await;
    for (browser, path, more) in [
        (&nobody, "/public/x", vec![]),
        (&nobody, "/status", vec![]),
        (&alice, "/status", vec![]),
        (&alice, "/images/x.png", vec![]),
        (&alice, "/browse/x", vec!["-H", "Authorization: Bearer abc"]),
        (&alice, "/rest/api/2/myself", vec!["-H", "Authorization: Basic YTpi"]),
    ] {
        let seen: Seen = browser.get(&house.jira(path), &more).await.json();
        assert_eq!(token_of(&seen), None, "{path}");
    }
    let seen = house.seen(&alice, &house.jira("/public/x")).await;
    assert!(token_of(&seen).is_some(), "a session where none is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_counts_among_the_bytes_that_an_application_takes() {
    let house = house_of(with_crowd_and(Plan::new(), "max_upstream_head_bytes = 2048")).await;
    let alice = house.browser("alice");
    house.token(&alice).await;
    let own = |length| format!("a={}", "x".repeat(length));
    let mut refused = 0;
    // The largest that is taken, and the first that is not, differ by one byte.
    for length in 1400..1800 {
        let cookies = format!("Cookie: {}; {}", own(length), session_of(&alice));
        let answer = Curl::new(&house.gateway.plan.ca())
            .ask(&house.jira("/x"), &["-H", "User-Agent: x", "-H", &cookies])
            .await;
        match answer.status {
            200 => {
                assert_eq!(refused, 0);
                let seen: Seen = answer.json();
                let sent: usize = seen
                    .headers
                    .iter()
                    .map(|(name, value)| name.len() + value.len() + 4)
                    .sum::<usize>()
                    + "GET /x HTTP/1.1\r\n\r\n".len();
                assert!(sent <= 2048, "{sent}");
                assert!(token_of(&seen).is_some());
            }
            431 => refused += 1,
            status => panic!("{status}"),
        }
        if refused == 2 {
            return;
        }
    }
    panic!("nothing was too large");
}

/// The session's cookie, as a header has it.
fn session_of(browser: &Curl) -> String {
    let name = "__Host-gatehouse-session";
    format!("{name}={}", browser.cookie("jira.localhost", name).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn c24_a_directory_that_is_disabled_lets_nobody_in_and_comes_back_as_it_was() {
    for house in houses().await {
        let alice = house.browser("alice");
        let token = house.token(&alice).await;
        let said = house.run(&["directory", "disable", "Internal"]).await;
        assert!(said.contains("sessions ended: 1"), "{said}");
        house.assert_ends(&token).await;
        assert!(house.run(&["session", "list"]).await.lines().count() <= 1);
        // She has her ticket still.
        let refused = house.browser("alice").get(&house.jira("/x"), &FOLLOW).await;
        assert_eq!(refused.status, 403, "{}", refused.body);
        assert!(refused.body.contains("not active"), "{}", refused.body);
        let bob = house.browser("bob").get(&house.jira("/x"), &FOLLOW).await;
        assert_eq!(bob.status, 403, "no newcomer gets in: {}", bob.body);

        house.run(&["directory", "enable", "Internal"]).await;
        assert!(!house.run(&["user", "list"]).await.contains("bob"));
        let again = house.browser("alice");
        let new = house.token(&again).await;
        assert_ne!(new, token);
        assert_eq!(house.whose("jira", &new).await.as_deref(), Some("alice"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_its_session_and_with_its_account() {
    for house in houses().await {
        let alice = house.browser("alice");
        let token = house.token(&alice).await;
        assert!(house.whose("jira", &token).await.is_some());
        house.run(&["user", "deactivate", "alice"]).await;
        house.assert_ends(&token).await;
        house.run(&["user", "reactivate", "alice"]).await;
        assert_eq!(house.whose("jira", &token).await, None, "its session has ended");

        let again = house.browser("alice");
        let token = house.token(&again).await;
        assert!(house.whose("jira", &token).await.is_some());
        house.run(&["session", "end", "--user", "alice"]).await;
        house.assert_ends(&token).await;

        let again = house.browser("alice");
        let token = house.token(&again).await;
        assert!(house.whose("jira", &token).await.is_some());
        let logout = house.jira("/_gatehouse/logout");
        let out = again.ask(&logout, &["-X", "POST", "-H", &own(&house)]).await;
        assert_eq!(out.status, 303);
        assert_eq!(house.whose("jira", &token).await, None, "at once where somebody signs out");
    }
}

/// What a browser says that sends something from a page of Jira's own.
fn own(house: &House) -> String {
    format!("Origin: {}", house.gateway.jira())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_given_a_token_is_not_let_through_and_known_ones_go_on() {
    let house = house().await;
    let alice = house.browser("alice");
    let token = house.token(&alice).await;
    assert!(house.whose("jira", &token).await.is_some());
    let database = format!("sqlite://{}", house.gateway.plan.path("gatehouse.db").display());
    let pool = sqlx::SqlitePool::connect(&database).await.unwrap();
    // Nobody can be written down any more: neither a new token, nor a table that it would be looked for in.
    sqlx::query("ALTER TABLE crowd_tokens RENAME TO away").execute(&pool).await.unwrap();
    assert_eq!(house.token(&alice).await, token);
    assert_eq!(house.whose("jira", &token).await.as_deref(), Some("alice"));
    let before = house.gateway.jira.requests();
    let bob = house.browser("bob");
    assert_eq!(bob.get(&house.jira("/x"), &FOLLOW).await.status, 503);
    assert_eq!(house.gateway.jira.requests(), before, "the application would take him for nobody");
    sqlx::query("ALTER TABLE away RENAME TO crowd_tokens").execute(&pool).await.unwrap();
    assert!(!house.token(&bob).await.is_empty());
}
