//! Nobody reaches an application before it can know them.

use std::time::Duration;

use chrono::TimeDelta;
use gatehouse::{config::CredentialHash, secrets::sha256};
use thirtyfour::prelude::*;

use crate::{
    crowd::world::{PASSWORD, send},
    support::{
        browser::Browser,
        curl::{Answer, Curl, FOLLOW},
        gateway::{Plan, TestGateway},
        kdc::Kdc,
    },
};

const WAITS: &str = "is being told about your account";

/// A gateway whose Jira copies its directory.
struct House {
    gateway: TestGateway,
    kdc: Kdc,
}

fn plan(plan: Plan, kdc: &Kdc, more: &str) -> Plan {
    let credential = CredentialHash(sha256(PASSWORD.as_bytes())).text();
    let crowd = format!("crowd = [{{ credentials = [\"{credential}\"] {more} }}]");
    plan.with_tickets(&kdc.keytab()).with_app("jira", &crowd)
}

impl House {
    async fn with(more: &str) -> Self {
        let kdc = Kdc::start(&["HTTP/login.localhost"]);
        Self { gateway: self::plan(Plan::new(), &kdc, more).start().await, kdc }
    }

    fn browser(&self, user: &str) -> Curl {
        self.gateway.browser().with_env(self.kdc.client_env(&self.kdc.login(user)))
    }

    async fn go(&self, browser: &Curl) -> Answer {
        browser.get(&format!("{}/secure/deep?x=%20y", self.gateway.jira()), &FOLLOW).await
    }

    async fn metric(&self, line: &str) -> bool {
        let text = reqwest::get(format!("{}/metrics", self.gateway.plan.internal())).await.unwrap();
        text.text().await.unwrap().lines().any(|found| found.starts_with(line))
    }
}

/// What Jira asks a gateway.
async fn ask(gateway: &TestGateway, method: &str, resource: &str) -> String {
    let credentials = format!("jira:{PASSWORD}");
    let credentials =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, credentials);
    let authorization = format!("Basic {credentials}");
    let headers = [("authorization", authorization.as_str()), ("accept", "application/json")];
    let url = format!("{}/rest/usermanagement/1{resource}", gateway.plan.internal());
    send(method, &url, &headers, "").await.body
}

async fn token(gateway: &TestGateway, resource: &str) -> String {
    let answer: serde_json::Value =
        serde_json::from_str(&ask(gateway, "GET", resource).await).unwrap();
    answer["newEventToken"].as_str().unwrap().to_owned()
}

/// Reads everything, and gives the token to go on from.
async fn read_all(gateway: &TestGateway) -> String {
    token(gateway, "/event").await;
    ask(gateway, "GET", "/search?entity-type=user&expand=user").await;
    ask(gateway, "GET", "/group/membership").await;
    token(gateway, "/event").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_waits_with_a_page_until_the_application_has_been_told() {
    let house = House::with("").await;
    let (gateway, alice) = (&house.gateway, house.browser("alice"));
    let first = read_all(gateway).await;
    let page = house.go(&alice).await;
    assert_eq!(page.status, 503);
    assert!(page.body.contains(WAITS), "{}", page.body);
    assert_eq!(page.header("refresh").as_deref(), Some("2"));
    assert!(page.url.ends_with("/secure/deep?x=%20y"), "{}", page.url);
    let again = format!("{}/secure/deep?x=%20y", gateway.jira());
    assert!(page.body.contains(&format!("href=\"{again}\"")), "{}", page.body);
    assert!(page.body.contains(&format!("content=\"2;url={again}\"")), "{}", page.body);
    let script = alice.ask(&gateway.jira(), &["-H", "Accept: application/json"]).await;
    assert_eq!(script.status, 503);
    assert_eq!(script.json::<serde_json::Value>()["error"]["code"], "account-not-there-yet");
    assert_eq!(script.header("retry-after").as_deref(), Some("2"));
    assert_eq!(gateway.jira.requests(), 0);
    // An application that copies nothing keeps nobody.
    assert_eq!(alice.get(&gateway.wiki(), &FOLLOW).await.status, 200);

    let told = ask(gateway, "GET", &format!("/event/{first}")).await;
    assert!(told.contains("alice"), "{told}");
    let reached = house.go(&alice).await;
    assert_eq!(reached.status, 200, "{}", reached.body);
    assert_eq!(gateway.jira.targets(), ["/secure/deep?x=%20y"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_held_goes_on_as_soon_as_the_application_comes_back() {
    let house = House::with("").await;
    let (gateway, alice) = (&house.gateway, house.browser("alice"));
    let first = read_all(gateway).await;
    let comes_back = async {
        // Once she is known, and while she waits.
        loop {
            let next = token(gateway, &format!("/event/{first}")).await;
            if next != first {
                // With the new one it says that it has heeded all before.
                token(gateway, &format!("/event/{next}")).await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (reached, ()) = tokio::join!(house.go(&alice), comes_back);
    assert_eq!(reached.status, 200, "no page was shown: {}", reached.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_waits_and_is_not_lost() {
    let house = House::with("").await;
    let (gateway, alice) = (&house.gateway, house.browser("alice"));
    read_all(gateway).await;
    assert!(house.go(&alice).await.body.contains(WAITS));
    let url = format!("{}/secure/Create.jspa", gateway.jira());
    let form =
        ["-d", "summary=x", "-H", "Sec-Fetch-Site: same-origin", "-H", "Sec-Fetch-Mode: navigate"];
    let (sent, ()) = tokio::join!(alice.get(&url, &form), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        ask(gateway, "GET", "/user?username=alice").await;
    });
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert_eq!(sent.json::<crate::support::upstream::Seen>().body_bytes, 9);
}

/// Many pages of one browser, all at once, which nobody waits for.
fn open_many(
    gateway: &TestGateway,
    browser: &Curl,
    pages: usize,
) -> Vec<tokio::task::JoinHandle<()>> {
    let ca = std::fs::read(gateway.plan.ca()).unwrap();
    let ca = reqwest::Certificate::from_pem(&ca).unwrap();
    let here = ([127, 0, 0, 1], gateway.plan.port()).into();
    let client = reqwest::Client::builder().tls_certs_only([ca]).resolve("jira.localhost", here);
    let client = client.build().unwrap();
    let name = "__Host-gatehouse-session";
    let cookie = format!("{name}={}", browser.cookie("jira.localhost", name).unwrap());
    let open = |_| {
        let page = client.get(gateway.jira()).header("accept", "text/html");
        let page = page.header("cookie", &cookie);
        tokio::spawn(async move { drop(page.send().await.unwrap()) })
    };
    (0..pages).map(open).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_waits_however_many_others_do() {
    let house = House::with("").await;
    let (gateway, alice) = (&house.gateway, house.browser("alice"));
    read_all(gateway).await;
    assert!(house.go(&alice).await.body.contains(WAITS));
    let others = open_many(gateway, &alice, 120);
    // All places for those who are held are taken.
    while others.iter().filter(|other| other.is_finished()).count() < 20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let url = format!("{}/secure/Create.jspa", gateway.jira());
    let form =
        ["-d", "summary=x", "-H", "Sec-Fetch-Site: same-origin", "-H", "Sec-Fetch-Mode: navigate"];
    let (sent, ()) = tokio::join!(alice.get(&url, &form), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        ask(gateway, "GET", "/user?username=alice").await;
    });
    assert_eq!(sent.status, 200, "{}", sent.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_application_asks_for_by_name_it_knows() {
    let house = House::with("").await;
    let alice = house.browser("alice");
    read_all(&house.gateway).await;
    assert_eq!(house.go(&alice).await.status, 503);
    ask(&house.gateway, "GET", "/user?username=ALICE").await;
    assert_eq!(house.go(&alice).await.status, 200);
    // In other sessions too, and after a restart.
    let again = house.browser("alice");
    assert_eq!(house.go(&again).await.status, 200);
    let mut house = house;
    house.gateway.stop().await;
    house.gateway.try_run().await.unwrap();
    let again = house.browser("alice");
    assert_eq!(house.go(&again).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_ever_and_nobody_for_who_never_came() {
    let house = House::with("").await;
    let (alice, bob) = (house.browser("alice"), house.browser("bob"));
    // Nothing has been copied yet: there is nothing to wait for.
    assert_eq!(house.go(&alice).await.status, 200);
    assert!(house.metric("gatehouse_account_waits_total{app=\"jira\",outcome=\"no_copy\"}").await);
    read_all(&house.gateway).await;
    assert_eq!(house.go(&alice).await.status, 200);
    assert_eq!(house.go(&bob).await.status, 503);
    house.gateway.clock.advance(TimeDelta::seconds(45));
    assert_eq!(house.go(&bob).await.status, 503);
    house.gateway.clock.advance(TimeDelta::seconds(20));
    assert_eq!(house.go(&bob).await.status, 200);
    assert!(
        house.metric("gatehouse_account_waits_total{app=\"jira\",outcome=\"given_up\"} 1").await
    );
    let again = house.browser("bob");
    assert_eq!(house.go(&again).await.status, 200, "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_asks_for_whoever_comes_keeps_nobody() {
    for more in
        [", new_accounts = \"notify\"", ", single_sign_on = true", ", account_wait_seconds = 0"]
    {
        let house = House::with(more).await;
        read_all(&house.gateway).await;
        assert_eq!(house.go(&house.browser("alice")).await.status, 200, "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_waits_once_more() {
    let house = House::with("").await;
    let (gateway, alice) = (&house.gateway, house.browser("alice"));
    read_all(gateway).await;
    assert_eq!(house.go(&alice).await.status, 503);
    // It reads everything: what was there when it began.
    read_all(gateway).await;
    assert_eq!(house.go(&alice).await.status, 200);
    for command in ["deactivate", "reactivate"] {
        assert!(gateway.command(&["user", command, "alice"]).await.status.success());
    }
    let again = house.browser("alice");
    assert_eq!(house.go(&again).await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_a_directory_that_is_enabled_again_waits_until_it_is_read() {
    let house = House::with("").await;
    let (gateway, alice) = (&house.gateway, house.browser("alice"));
    // She is older than all that Jira ever reads.
    assert_eq!(house.go(&alice).await.status, 200);
    let directory = async |what| {
        assert!(gateway.command(&["directory", what, "Internal"]).await.status.success());
    };
    directory("disable").await;
    read_all(gateway).await;
    directory("enable").await;
    let again = house.browser("alice");
    assert_eq!(house.go(&again).await.status, 503);
    // Nothing has happened to her since, but it sees another directory now.
    token(gateway, "/event").await;
    read_all(gateway).await;
    assert_eq!(house.go(&again).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_may_have_asked_another_gateway() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let Some(one) = Plan::on_every_database().await.into_iter().nth(1) else {
        return;
    };
    let one = plan(one, &kdc, "");
    let other = plan(one.beside(), &kdc, "").start().await;
    let house = House { gateway: one.start().await, kdc };
    let alice = house.browser("alice");
    let first = read_all(&other).await;
    assert_eq!(house.go(&alice).await.status, 503);
    let comes_back = async {
        let next = token(&other, &format!("/event/{first}")).await;
        token(&other, &format!("/event/{next}")).await;
    };
    let (reached, ()) = tokio::join!(house.go(&alice), comes_back);
    assert_eq!(reached.status, 200, "{}", reached.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_goes_on_by_itself_to_where_the_browser_wanted() {
    let house = House::with("").await;
    let gateway = &house.gateway;
    let first = read_all(gateway).await;
    let env = house.kdc.client_env(&house.kdc.login("alice"));
    let browser = Browser::start_with_tickets(&env).await;
    let deep = format!("{}/secure/deep?x=1#comment-7", gateway.jira());
    browser.driver.goto(&deep).await.unwrap();
    assert!(browser.text().await.contains(WAITS), "{}", browser.text().await);
    browser.take_picture("account-first").await;
    // Whoever has no mouse gets on with the keyboard.
    let link = browser.driver.query(By::Css("a.button")).first().await.unwrap();
    assert_eq!(link.text().await.unwrap(), "Look again now");
    ask(gateway, "GET", &format!("/event/{first}")).await;
    for _ in 0..200 {
        if browser.text().await.contains("\"app\":\"jira\"") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(browser.text().await.contains("/secure/deep?x=1"), "{}", browser.text().await);
    assert_eq!(browser.driver.current_url().await.unwrap().as_str(), deep);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_goes_on_without_scripts_too() {
    let house = House::with("").await;
    let gateway = &house.gateway;
    read_all(gateway).await;
    let env = house.kdc.client_env(&house.kdc.login("alice"));
    let browser = Browser::start_with_tickets_without_scripts(&env).await;
    browser.driver.goto(format!("{}/secure/deep?x=1#comment-7", gateway.jira())).await.unwrap();
    assert!(browser.text().await.contains(WAITS), "{}", browser.text().await);
    ask(gateway, "GET", "/user?username=alice").await;
    for _ in 0..200 {
        if browser.text().await.contains("\"app\":\"jira\"") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(browser.text().await.contains("/secure/deep?x=1"), "{}", browser.text().await);
    browser.quit().await;
}
