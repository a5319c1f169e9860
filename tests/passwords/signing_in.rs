//! Signing in with a password at the gateway's own page.

use std::time::Duration;

use chrono::TimeDelta;
use gatehouse::{
    config::{KERBEROS, PASSWORD},
    store::StoreOptions,
};
use thirtyfour::prelude::*;

use super::{FOR_EMERGENCIES, RIGHT, Store};
use crate::{
    cli::{gatehouse, text},
    support::{
        browser::Browser,
        curl::{Answer, Curl, FOLLOW},
        gateway::{Plan, TestGateway},
        kdc::Kdc,
    },
};

const EVERYBODY: &str = "[passwords]\nsign_in = \"everybody\"\n";
const NOT_RIGHT: &str = "The name or the password is not right.";

/// Gives accounts passwords by the command line.
async fn furnish(gateway: &TestGateway) {
    let list = gateway.plan.path("people.csv");
    std::fs::write(&list, "username,groups\nalice,jira-users\nroot,jira-users\n").unwrap();
    let imported = gateway.command(&["import", list.to_str().unwrap()]).await;
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    for (name, password, more) in [("alice", RIGHT, ""), ("root", FOR_EMERGENCIES, "--break-glass")]
    {
        let mut arguments = vec!["user", "password", "set", name];
        arguments.extend(Some(more).filter(|more| !more.is_empty()));
        let set = gateway.command_with(&arguments, &format!("{password}\n")).await;
        assert!(set.status.success(), "{}", text(&set.stderr));
        assert!(!text(&set.stdout).contains(password));
    }
}

/// The flow that a page's form has.
fn flow(page: &Answer) -> &str {
    let (_, rest) = page.body.split_once("name=\"flow\" value=\"").unwrap();
    rest.split('"').next().unwrap()
}

/// Sends the form that a page shows.
async fn send(
    gateway: &TestGateway,
    browser: &Curl,
    page: &Answer,
    (name, password): (&str, &str),
) -> Answer {
    let origin = format!("Origin: {}", gateway.login());
    let form =
        format!("username={}&password={}&flow={}", name, password.replace(' ', "+"), flow(page));
    let arguments = ["-L", "-H", origin.as_str(), "--data-raw", form.as_str()];
    browser.get(&(gateway.login() + "/_gatehouse/password"), &arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_a_password_gets_to_where_they_wanted_and_stays_as_long_as_they_may() {
    for plan in Plan::on_every_database().await {
        let gateway = plan.with(EVERYBODY).start().await;
        furnish(&gateway).await;
        let browser = gateway.browser();
        let wanted = gateway.jira() + "/browse/ABC-1?a=b";
        let page = browser.get(&wanted, &["-L"]).await;
        assert!(page.url.contains("/_gatehouse/password?flow="), "there is no other way");
        for wrong in [("alice", "wrong horse"), ("nobody", RIGHT), ("", ""), ("root", RIGHT)] {
            let refused = send(&gateway, &browser, &page, wrong).await;
            assert_eq!(refused.status, 403);
            assert!(refused.body.contains(NOT_RIGHT), "{}", refused.body);
        }
        let answer = send(&gateway, &browser, &page, ("ALICE", RIGHT)).await;
        assert_eq!((answer.status, answer.url.as_str()), (200, wanted.as_str()));
        let seen: crate::support::upstream::Seen = answer.json();
        assert_eq!(seen.headers["x-forwarded-user"], "alice");
        let there = browser.get(&(gateway.wiki() + "/x"), &["-L"]).await;
        assert_eq!((there.status, there.url), (200, gateway.wiki() + "/x"), "other hosts too");
        let listed = gateway.command(&["session", "list"]).await;
        assert!(text(&listed.stdout).contains("password"), "{}", text(&listed.stdout));

        // A new password ends the sessions of the old one.
        let set = ["user", "password", "set", "alice"];
        let set = gateway.command_with(&set, "another horse entirely\n").await;
        assert!(text(&set.stdout).contains("sessions ended: 1"), "{}", text(&set.stdout));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let page = browser.get(&wanted, &["-L"]).await;
        let answer = send(&gateway, &browser, &page, ("alice", "another horse entirely")).await;
        assert_eq!(answer.status, 200);

        // What ends a person's sessions ends these, and nobody inactive gets in.
        let ended = gateway.command(&["user", "deactivate", "alice"]).await;
        assert!(text(&ended.stdout).contains("sessions ended: 1"), "{}", text(&ended.stdout));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let page = browser.get(&wanted, &["-L"]).await;
        let refused = send(&gateway, &browser, &page, ("alice", "another horse entirely")).await;
        assert_eq!(refused.status, 403);
        assert!(refused.body.contains("not active"), "{}", refused.body);
    }
}

/// Has everybody's password changed the moment somebody begins a session.
pub async fn change_passwords_beside_sessions(gateway: &TestGateway) {
    const BESIDE: &str = "
        CREATE TRIGGER beside AFTER INSERT ON sessions BEGIN
            UPDATE passwords SET changed_at = changed_at + 1;
        END";
    let pool = sqlx::SqlitePool::connect(&gateway.plan.store_options().url).await.unwrap();
    sqlx::query(BESIDE).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_begins_beside_a_change_of_the_password_ends() {
    let gateway = Plan::new().with(EVERYBODY).start().await;
    furnish(&gateway).await;
    change_passwords_beside_sessions(&gateway).await;
    let browser = gateway.browser();
    let page = browser.get(&gateway.jira(), &["-L"]).await;
    let refused = send(&gateway, &browser, &page, ("alice", RIGHT)).await;
    assert_eq!(refused.status, 403, "{}", refused.heads);
    assert!(refused.body.contains(NOT_RIGHT), "{}", refused.body);
    let listed = gateway.command(&["session", "list"]).await;
    assert!(!text(&listed.stdout).contains("alice"), "{}", text(&listed.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_signs_nobody_in() {
    let gateway = Plan::new().with(EVERYBODY).start().await;
    furnish(&gateway).await;
    let browser = gateway.browser();
    let page = browser.get(&gateway.jira(), &["-L"]).await;
    let url = gateway.login() + "/_gatehouse/password";
    let form = format!("username=alice&password=correct+horse&flow={}", flow(&page));
    for header in ["X-No: header", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"] {
        let refused = browser.ask(&url, &["-H", header, "--data-raw", &form]).await;
        let said: serde_json::Value = refused.json();
        assert_eq!((refused.status, &said["error"]["code"]), (403, &"password-cross-site".into()));
    }
    let elsewhere = browser.get(&(gateway.jira() + "/_gatehouse/password"), &[]).await;
    assert_eq!(elsewhere.status, 404, "the page is on the login host");
}

#[tokio::test(flavor = "multi_thread")]
async fn for_emergencies_there_is_a_small_link_and_a_loud_log() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let rule =
        "rule = [{ path = \"/admin/*\", decision = \"login\", sign_in_with = [\"kerberos\"] }]";
    let plan = Plan::new().with_tickets(&kdc.keytab()).with_app("wiki", rule);
    let gateway = plan.start().await;
    furnish(&gateway).await;
    let browser = gateway.browser();
    let page = browser.get(&gateway.jira(), &["-L"]).await;
    assert_eq!(page.status, 401, "a ticket is asked for");
    assert!(page.body.contains("Emergency access") && page.body.contains("class=\"aside\""));
    let (_, link) = page.body.split_once("<p class=\"aside\"><a href=\"").unwrap();
    let link = link.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let form = browser.get(&link, &[]).await;

    let refused = send(&gateway, &browser, &form, ("alice", RIGHT)).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains(NOT_RIGHT), "hers is not for emergencies");
    let answer = send(&gateway, &browser, &form, ("root", FOR_EMERGENCIES)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.url, gateway.jira() + "/");

    // A rule that wants a ticket takes no password.
    let admin = gateway.wiki() + "/admin/x";
    let sent = browser.get(&admin, &["-L"]).await;
    assert!(
        sent.body.contains("Sign in") && !sent.body.contains("Emergency access"),
        "{}",
        sent.body
    );
    let begun = browser.get(&admin, &["-H", "Accept: text/html"]).await;
    let (_, wanting) = begun
        .header("location")
        .unwrap()
        .split_once("flow=")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let password = format!("{}/_gatehouse/password?flow={wanting}", gateway.login());
    assert_eq!(browser.get(&password, &[]).await.status, 403);

    let metrics = browser.ask(&(gateway.plan.internal() + "/metrics"), &[]).await.body;
    assert!(metrics.contains("gatehouse_break_glass_total{outcome=\"accepted\"} 1"), "{metrics}");
    let login = format!(
        "gatehouse_logins_total{{method=\"{PASSWORD}\",outcome=\"accepted\",reason=\"ok\"}} 1"
    );
    assert!(metrics.contains(&login), "{metrics}");
    assert_ne!(PASSWORD, KERBEROS);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_may_there_is_no_page_and_no_link() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let off = "[passwords]\nsign_in = \"nobody\"\n";
    let gateway = Plan::new().with_tickets(&kdc.keytab()).with(off).start().await;
    furnish(&gateway).await;
    let browser = gateway.browser();
    let page = browser.get(&gateway.jira(), &["-L"]).await;
    assert!(!page.body.contains("_gatehouse/password"), "{}", page.body);
    let url = gateway.login() + "/_gatehouse/password";
    assert_eq!(browser.get(&url, &[]).await.status, 404);
    let origin = format!("Origin: {}", gateway.login());
    let form = format!("username=root&password={}", FOR_EMERGENCIES.replace(' ', "+"));
    let sent = browser.get(&url, &["-H", &origin, "--data-raw", &form]).await;
    assert_eq!(sent.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_can_ask_for_a_password() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let rule =
        "rule = [{ path = \"/admin/*\", decision = \"login\", sign_in_with = [\"password\"] }]";
    let plan = Plan::new().with_tickets(&kdc.keytab()).with_app("wiki", rule);
    let gateway = plan.start().await;
    furnish(&gateway).await;
    let bob = gateway.browser().with_env(kdc.client_env(&kdc.login("bob")));
    assert_eq!(bob.get(&gateway.wiki(), &FOLLOW).await.status, 200);
    let page = bob.get(&(gateway.wiki() + "/admin/x"), &["-L"]).await;
    assert!(page.url.contains("/_gatehouse/password?flow="), "{}", page.url);
    let answer = send(&gateway, &bob, &page, ("root", FOR_EMERGENCIES)).await;
    assert_eq!((answer.status, answer.url), (200, gateway.wiki() + "/admin/x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_guesses_names_is_slowed_down() {
    let gateway = Plan::new().with(EVERYBODY).start().await;
    furnish(&gateway).await;
    let page = gateway.browser().get(&(gateway.login() + "/_gatehouse/password"), &[]).await;
    let mut statuses = Vec::new();
    while !statuses.contains(&429) && statuses.len() < 200 {
        let tries = (0..8).map(async |number| {
            let (browser, name) = (gateway.browser(), format!("somebody{number}"));
            send(&gateway, &browser, &page, (&name, "guess")).await.status
        });
        statuses.extend(futures_util::future::join_all(tries).await);
    }
    assert!(statuses[..56].iter().all(|status| *status == 403), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    gateway.clock.advance(TimeDelta::minutes(3));
    let browser = gateway.browser();
    let page = browser.get(&gateway.jira(), &["-L"]).await;
    assert_eq!(send(&gateway, &browser, &page, ("alice", RIGHT)).await.status, 200);
}

/// Sends many forms at the same moment, as a program does.
async fn guess_at_once(gateway: &TestGateway, guesses: usize) {
    let ca = std::fs::read(gateway.plan.ca()).unwrap();
    let ca = reqwest::Certificate::from_pem(&ca).unwrap();
    let here = ([127, 0, 0, 1], gateway.plan.port()).into();
    let client = reqwest::Client::builder().tls_certs_only([ca]).resolve("login.localhost", here);
    let client = client.build().unwrap();
    let (origin, url) = (gateway.login(), gateway.login() + "/_gatehouse/password");
    let guesses = (0..guesses).map(async |number| {
        let form = format!("username=somebody{number}&password=guess");
        let sent = client.post(&url).header("origin", &origin).body(form).send().await.unwrap();
        assert!(matches!(sent.status().as_u16(), 403 | 429 | 503), "{}", sent.status());
    });
    futures_util::future::join_all(guesses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_guesses_at_once_no_more_are_judged_than_may_fail() {
    let gateway = Plan::new().with(EVERYBODY).start().await;
    guess_at_once(&gateway, 200).await;
    let metrics = gateway.browser().ask(&(gateway.plan.internal() + "/metrics"), &[]).await.body;
    let refused = format!("gatehouse_logins_total{{method=\"{PASSWORD}\",outcome=\"refused\"");
    let counts = metrics.lines().filter(|line| line.starts_with(&refused));
    let judged: u32 =
        counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).sum();
    // Sixty may fail; more go by the slow lane, two at a time, as long as the others still come. Judged before they are
    // counted, nearly all of them would be.
    assert!((1..=160).contains(&judged), "{judged} were judged");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_again_and_again_is_never_slowed_down() {
    let gateway = Plan::new().with(EVERYBODY).start().await;
    furnish(&gateway).await;
    for _ in 0..65 {
        let browser = gateway.browser();
        let page = browser.get(&(gateway.login() + "/_gatehouse/password"), &[]).await;
        let answer = send(&gateway, &browser, &page, ("alice", RIGHT)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let metrics = gateway.browser().ask(&(gateway.plan.internal() + "/metrics"), &[]).await.body;
    assert!(!metrics.contains("gatehouse_limited_total{limit=\"failures\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_signs_in_with_the_keyboard_and_without_scripts() {
    let gateway = Plan::new().with(EVERYBODY).start().await;
    furnish(&gateway).await;
    let url = gateway.jira() + "/secure/x#here";
    for browser in [Browser::start().await, Browser::start_without_scripts().await] {
        browser.driver.goto(&url).await.unwrap();
        browser.wait_for(&(gateway.login() + "/_gatehouse/password")).await;
        browser.take_picture("password").await;
        // The name has the focus already.
        browser.focused("username").await.send_keys("alice" + Key::Tab).await.unwrap();
        let password = browser.focused("password").await;
        password.send_keys("wrong horse" + Key::Enter).await.unwrap();
        for _ in 0..400 {
            if browser.text().await.contains(NOT_RIGHT) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert!(browser.text().await.contains(NOT_RIGHT));
        browser.take_picture("password_refused").await;
        // And now the password has.
        browser.focused("password").await.send_keys(RIGHT + Key::Enter).await.unwrap();
        browser.wait_for(&(gateway.jira() + "/secure/x")).await;
        assert!(browser.text().await.contains("alice"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_finds_the_way_in_for_emergencies() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    furnish(&gateway).await;
    let browser = Browser::start().await;
    browser.driver.goto(gateway.jira() + "/x#here").await.unwrap();
    let link = browser.driver.query(By::LinkText("Emergency access")).first().await.unwrap();
    browser.take_picture("sign_in_emergency").await;
    link.click().await.unwrap();
    browser.wait_for(&(gateway.login() + "/_gatehouse/password")).await;
    let name = browser.driver.query(By::Id("username")).first().await.unwrap();
    name.send_keys("root" + Key::Tab + FOR_EMERGENCIES + Key::Enter).await.unwrap();
    let here = browser.wait_for(&(gateway.jira() + "/x")).await;
    assert!(here.ends_with("#here"), "{here}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_set_with_a_gateway_and_without_and_never_shown() {
    let mut gateway = Plan::new().with(EVERYBODY).start().await;
    furnish(&gateway).await;
    let short = gateway.command_with(&["user", "password", "set", "alice"], "short\n").await;
    assert_eq!(short.status.code(), Some(2));
    assert!(text(&short.stderr).contains("at least 12 characters"), "{}", text(&short.stderr));
    let show = async |gateway: &TestGateway, name: &str| {
        let shown = gateway.command(&["user", "password", "show", name, "--json"]).await;
        assert!(!text(&shown.stdout).contains("argon2"));
        serde_json::from_slice::<serde_json::Value>(&shown.stdout).unwrap()
    };
    assert_eq!(show(&gateway, "root").await["break_glass"], true);
    let alice = show(&gateway, "alice").await;
    assert_eq!((&alice["is_set"], &alice["break_glass"]), (&true.into(), &false.into()));

    gateway.stop().await;
    let set = ["user", "password", "set", "alice", "--directory", "internal"];
    let set = gateway.command_with(&set, "set without a gateway\r\n").await;
    assert!(set.status.success(), "{}", text(&set.stderr));
    let removed = gateway.command(&["user", "password", "remove", "root"]).await;
    assert!(text(&removed.stdout).contains("has no password any more"));
    assert_eq!(show(&gateway, "root").await["is_set"], false);
    let again = gateway.command(&["user", "password", "remove", "root"]).await;
    assert_eq!(again.status.code(), Some(1));
    gateway.try_run().await.unwrap();
    let browser = gateway.browser();
    let page = browser.get(&gateway.jira(), &["-L"]).await;
    let answer = send(&gateway, &browser, &page, ("alice", "set without a gateway")).await;
    assert_eq!(answer.status, 200);
    gateway.stop().await;
    // Whatever was written, no password was.
    let url = format!("sqlite://{}", gateway.plan.path("gatehouse.db").display());
    let store = Store::open(&StoreOptions { url, password: None }).await.unwrap();
    store.close().await;
    let stored = std::fs::read(gateway.plan.path("gatehouse.db")).unwrap();
    let secret = b"set without a gateway";
    assert!(!stored.windows(secret.len()).any(|window| window == secret));
}

#[test]
fn a_credential_is_shown_once_and_its_hash_is_a_line_of_configuration() {
    let made = || text(&gatehouse(&["app", "credential"]).stdout);
    let (one, other) = (made(), made());
    assert_ne!(one, other);
    let lines: Vec<_> = one.lines().collect();
    let hash = gatehouse::secrets::sha256(lines[1].as_bytes());
    let line = format!("credentials = [\"{}\"]", gatehouse::config::CredentialHash(hash).text());
    assert_eq!((lines[1].len(), lines[3]), (43, line.as_str()));
}
