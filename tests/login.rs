//! From a browser without a session to the application, with everything real on the way: curl and
//! Chromium, a KDC, an identity provider.

use thirtyfour::prelude::*;

use crate::support::{
    browser::Browser,
    curl::{Answer, Curl, FOLLOW},
    gateway::{Plan, TestGateway},
    idp::{Idp, Posted},
    kdc::Kdc,
    upstream::Seen,
};

const SERVICE: &str = "HTTP/login.localhost";

/// A gateway with tickets and an identity provider.
async fn house(kdc: &Kdc) -> (TestGateway, Idp) {
    let plan = Plan::new().with_tickets(&kdc.keytab());
    let idp = Idp::start(&plan.login()).await;
    (plan.with_idp(&idp).start().await, idp)
}

/// curl with a user's ticket.
fn with_ticket(gateway: &TestGateway, kdc: &Kdc, user: &str) -> Curl {
    gateway.browser().with_env(kdc.client_env(&kdc.login(user)))
}

/// Logs in by ticket, and says what the application saw.
async fn log_in(browser: &Curl, url: &str) -> Seen {
    let answer = browser.get(url, &FOLLOW).await;
    assert_eq!(answer.status, 200, "{} {}", answer.heads, answer.body);
    answer.json()
}

fn user(seen: &Seen) -> &str {
    seen.headers.get("x-forwarded-user").map_or("", String::as_str)
}

/// From a page of an application to the identity provider's form.
pub async fn to_form(gateway: &TestGateway, browser: &Curl, url: &str) -> Answer {
    let asked = browser.get(url, &["-L"]).await;
    if asked.url.starts_with("http://idp.localhost") {
        return asked; // Who had no ticket a moment ago is not asked again.
    }
    assert_eq!(asked.status, 401, "the question for a ticket carries the page for those without");
    let (_, rest) = asked.body.split_once("class=\"button\" href=\"").unwrap();
    let start = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    assert!(start.starts_with(&gateway.login()), "{start}");
    browser.get(&start, &["-L"]).await
}

pub async fn post(gateway: &TestGateway, browser: &Curl, posted: &Posted, more: &[&str]) -> Answer {
    posted.post(&gateway.login(), browser, more).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_leads_to_the_page_that_was_wanted_on_every_host() {
    let kdc = Kdc::start(&[SERVICE]);
    for plan in Plan::on_every_database().await {
        let gateway = plan.with_tickets(&kdc.keytab()).start().await;
        let alice = with_ticket(&gateway, &kdc, "alice");
        let seen = log_in(&alice, &format!("{}/browse/X-1?a=%7Bb%7D&c;d", gateway.jira())).await;
        assert_eq!((user(&seen), seen.target.as_str()), ("alice", "/browse/X-1?a=%7Bb%7D&c;d"));
        assert_eq!(seen.app, "jira");
        assert!(!seen.headers.contains_key("authorization"), "the ticket stays here");
        assert!(!seen.headers.contains_key("cookie"), "and so do our cookies: {seen:?}");

        let seen: Seen = alice.get(&gateway.wiki(), &["-L"]).await.json();
        assert_eq!((user(&seen), seen.app.as_str()), ("alice", "wiki"), "no second login");
        let again: Seen = alice.ask(&format!("{}/rest/x", gateway.jira()), &[]).await.json();
        assert_eq!(user(&again), "alice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_logs_in_by_ticket() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let browser = Browser::start_with_tickets(&kdc.client_env(&kdc.login("bob"))).await;
    let deep = format!("{}/browse/X-2?focus=1", gateway.jira());
    browser.driver.goto(&deep).await.unwrap();
    assert_eq!(browser.wait_for(&deep).await, deep);
    let seen: Seen = serde_json::from_str(&browser.text().await).unwrap();
    assert_eq!((user(&seen), seen.target.as_str()), ("bob", "/browse/X-2?focus=1"));
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_without_a_ticket_goes_on_to_the_identity_provider_and_back_to_a_deep_link() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, _idp) = house(&kdc).await;
    let browser = Browser::start().await;
    let deep = format!("{}/display/X?page=2", gateway.wiki());
    browser.driver.goto(&deep).await.unwrap();
    // Nobody clicks: the page that comes with the question for a ticket goes on by itself.
    browser.wait_for("http://idp.localhost").await;
    let username = browser.driver.query(By::Name("username")).first().await.unwrap();
    username.send_keys("bob").await.unwrap();
    let password = browser.driver.query(By::Name("password")).first().await.unwrap();
    password.send_keys("bob-pw" + Key::Enter).await.unwrap();
    assert_eq!(browser.wait_for(&deep).await, deep);
    let seen: Seen = serde_json::from_str(&browser.text().await).unwrap();
    assert_eq!(user(&seen), "bob");
    assert_eq!(seen.headers["x-forwarded-name"], "Bob O'Hara & Söns");
    assert_eq!(seen.headers["x-forwarded-email"], "bob@example.test");
    assert_eq!(seen.headers["x-forwarded-groups"], "jira-users");

    browser.driver.goto(gateway.jira()).await.unwrap();
    let seen: Seen = serde_json::from_str(&browser.text().await).unwrap();
    assert_eq!((user(&seen), seen.app.as_str()), ("bob", "jira"), "no second login");

    // A second login replaces the first, though its answer comes from another site, and so without the
    // first one's cookie.
    browser.driver.goto(format!("{}/_gatehouse/logged-out", gateway.login())).await.unwrap();
    for _ in 0..2 {
        browser.driver.query(By::Css("a.button")).first().await.unwrap().click().await.unwrap();
    }
    browser.wait_for(&format!("{}/_gatehouse/", gateway.login())).await;
    for _ in 0..100 {
        if browser.text().await.contains("Signed in as") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let listed = gateway.command(&["session", "list", "--user", "bob"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.matches(" bob ").count(), 1, "{listed}");
    browser.driver.goto(gateway.jira()).await.unwrap();
    browser.wait_for(&gateway.jira()).await;

    // Out by the keyboard alone, and out on both hosts.
    browser.driver.goto(format!("{}/_gatehouse/logout", gateway.jira())).await.unwrap();
    let active = || async { browser.driver.active_element().await.unwrap() };
    active().await.send_keys("" + Key::Tab).await.unwrap();
    active().await.send_keys("" + Key::Enter).await.unwrap();
    browser.wait_for(&format!("{}/_gatehouse/logged-out", gateway.login())).await;
    assert!(browser.text().await.contains("You are signed out"));
    let left = gateway.command(&["session", "list", "--user", "bob"]).await;
    assert!(!String::from_utf8(left.stdout).unwrap().contains("bob"));
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alice_by_ticket_and_alice_by_assertion_are_one_person() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, idp) = house(&kdc).await;
    log_in(&with_ticket(&gateway, &kdc, "alice"), &gateway.jira()).await;

    let browser = gateway.browser();
    let form = to_form(&gateway, &browser, &format!("{}/b", gateway.jira())).await;
    let posted = idp.fill_in(&browser, &form, "alice").await;
    let seen: Seen = post(&gateway, &browser, &posted, &["-L"]).await.json();
    assert_eq!((user(&seen), seen.target.as_str()), ("alice", "/b"));
    assert_eq!(seen.headers["x-forwarded-groups"], "jira-users,wiki-users");

    let shown = gateway.command(&["user", "show", "alice"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.matches("username").count(), 1, "{shown}");
    assert!(shown.contains("kerberos:EXAMPLE.TEST") && shown.contains("saml:corp"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_good_once_and_for_the_browser_that_was_sent() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, idp) = house(&kdc).await;
    let browser = gateway.browser();
    let form = to_form(&gateway, &browser, &gateway.jira()).await;
    let posted = idp.fill_in(&browser, &form, "bob").await;

    let refused = |answer: &Answer, code: &str| {
        assert_eq!(answer.status / 100, 4, "{code}: {}", answer.heads);
        assert!(answer.header("x-gatehouse-trace").is_some());
        assert!(answer.body.contains("That did not work"), "{code}: {}", answer.body);
        assert!(!answer.heads.contains("gatehouse-login="), "{code}");
    };
    // A changed answer uses up the handle, but not the assertion.
    let other = gateway.browser();
    // Another browser begins once more, as itself; the answer is worth nothing to it.
    let sent_back = post(&gateway, &other, &posted, &[]).await;
    assert_eq!(sent_back.status, 303, "{}", sent_back.heads);
    assert!(sent_back.header("location").unwrap().contains("/_gatehouse/login?flow="));
    assert!(!sent_back.heads.contains("gatehouse-login="), "{}", sent_back.heads);
    // So does whoever has used it.
    let sent_back = post(&gateway, &browser, &posted, &[]).await;
    assert_eq!(sent_back.status, 303, "{}", sent_back.heads);
    assert!(!sent_back.heads.contains("gatehouse-login="), "{}", sent_back.heads);

    let form = to_form(&gateway, &browser, &gateway.jira()).await;
    let fresh = idp.fill_in(&browser, &form, "bob").await;
    let swapped = Posted { saml_response: posted.saml_response.clone(), ..fresh };
    refused(&post(&gateway, &browser, &swapped, &[]).await, "an answer to another request");

    for hostile in ["", "PHNhbWw+", "!!!", &"A".repeat(100_000)] {
        let form = to_form(&gateway, &browser, &gateway.jira()).await;
        let fresh = idp.fill_in(&browser, &form, "bob").await;
        let hostile = Posted { saml_response: hostile.to_owned(), ..fresh };
        refused(&post(&gateway, &browser, &hostile, &[]).await, "no response");
    }

    let form = to_form(&gateway, &browser, &gateway.jira()).await;
    let good = idp.fill_in(&browser, &form, "bob").await;
    let seen: Seen = post(&gateway, &browser, &good, &["-L"]).await.json();
    assert_eq!(user(&seen), "bob");
    // Back in the browser, the form is posted once more.
    let again = post(&gateway, &browser, &good, &["-L"]).await;
    assert_eq!(user(&again.json()), "bob", "and leads to where they are signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_works_once_and_in_the_browser_that_began() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let alice = with_ticket(&gateway, &kdc, "alice");
    log_in(&alice, &gateway.jira()).await;
    // The way to the second host, one step at a time.
    let sent = alice.get(&format!("{}/deep", gateway.wiki()), &[]).await;
    let handed = alice.get(&sent.header("location").unwrap(), &[]).await;
    let handover = handed.header("location").unwrap();
    assert!(handover.starts_with(&format!("{}/_gatehouse/handover", gateway.wiki())), "{handover}");

    // Another browser, which has begun something itself, begins once more, and not a third time.
    let other = gateway.browser();
    other.get(&gateway.wiki(), &[]).await;
    let sent_back = other.get(&handover, &[]).await;
    assert_eq!(sent_back.status, 303, "{}", sent_back.heads);
    let login = sent_back.header("location").unwrap();
    assert!(login.starts_with(&gateway.login()), "{login}");
    assert!(!sent_back.heads.contains("gatehouse-session"), "{}", sent_back.heads);
    let (_, retried) = login.split_once("flow=").unwrap();
    let third = format!("{}/_gatehouse/handover?code=x&flow={retried}", gateway.wiki());
    let refused = other.get(&third, &[]).await;
    assert_eq!(refused.status, 400, "{}", refused.heads);
    assert!(!refused.heads.contains("gatehouse-session"), "{}", refused.heads);
    assert!(
        refused.body.contains(&format!("{}/deep", gateway.wiki())),
        "a way on: {}",
        refused.body
    );

    let seen: Seen = alice.get(&handover, &["-L"]).await.json();
    assert_eq!((user(&seen), seen.target.as_str()), ("alice", "/deep"));
    let back = alice.get(&handover, &[]).await;
    assert_eq!(
        (back.status, back.header("location").unwrap()),
        (303, format!("{}/deep", gateway.wiki()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_that_were_changed_or_are_too_old_lead_nowhere() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let browser = gateway.browser();
    let sent = browser.get(&format!("{}/x", gateway.jira()), &[]).await;
    let login = sent.header("location").unwrap();
    let mut changed = login.clone().into_bytes();
    let last = changed.len() - 5;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).unwrap();
    let (page, flow) = login.split_once("?flow=").unwrap();
    for bad in [
        page.to_owned(),
        format!("{page}?flow="),
        format!("{page}?flow=%00"),
        changed,
        format!("{page}?flow={flow}&flow={flow}"),
        format!("{page}?flow=https://evil.example/"),
    ] {
        let answer = browser.get(&bad, &[]).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert_eq!(answer.header("location"), None, "{bad}");
        assert!(!answer.body.contains("evil"), "{bad}");
    }
    assert_eq!(browser.get(&login, &[]).await.status, 401);
    gateway.clock.advance(chrono::TimeDelta::minutes(61));
    let late = browser.get(&login, &[]).await;
    assert_eq!(late.status, 400);
    assert!(late.body.contains(&format!("{}/x", gateway.jira())), "a way on: {}", late.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ticket_leads_to_a_page_and_never_further() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, _idp) = house(&kdc).await;
    let header = kdc.authorization(&kdc.login("alice"), "login.localhost");
    let long = format!("Negotiate {}", "A".repeat(92_000));
    let tokens = [
        "NTLM TlRMTVNTUAABAAAAt4II4gAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==",
        "Negotiate TlRMTVNTUAABAAAAt4II4gAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==",
        "Negotiate",
        "Negotiate ",
        "Negotiate ====",
        "Negotiate YIIB",
        "Basic YWxpY2U6cHc=",
        "",
        &long,
        &header[..header.len() / 2],
    ];
    for token in tokens {
        let browser = gateway.browser();
        let sent = browser.get(&gateway.jira(), &[]).await;
        let authorization = format!("Authorization: {token}");
        // curl sends no more than 64 KiB of headers over HTTP/2.
        let arguments = ["-H", &authorization, "--http1.1"];
        let answer = browser.get(&sent.header("location").unwrap(), &arguments).await;
        let start: String = token.chars().take(30).collect();
        assert!(matches!(answer.status, 200 | 401), "{start}: {}", answer.heads);
        assert!(answer.body.contains("Sign in with Example Corp"), "{start}: {}", answer.body);
        assert!(!answer.heads.contains("gatehouse-login="), "{start}");
    }
    assert_eq!(gateway.jira.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_good_once() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let header = kdc.authorization(&kdc.login("alice"), "login.localhost");
    let header = format!("Authorization: {header}");
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let browser = gateway.browser();
        let sent = browser.get(&gateway.jira(), &[]).await;
        let answer = browser.get(&sent.header("location").unwrap(), &["-H", &header]).await;
        statuses.push((answer.status, answer.heads.contains("gatehouse-login=")));
    }
    assert_eq!(statuses, [(303, true), (200, false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_first_logins_at_once_make_one_person() {
    let kdc = Kdc::start(&[SERVICE]);
    for plan in Plan::on_every_database().await {
        let gateway = plan.with_tickets(&kdc.keytab()).start().await;
        let ccache = kdc.login("carol");
        let logins = (0..50).map(|number| {
            let browser = gateway.browser().with_env(kdc.client_env(&ccache));
            let url = format!("{}/{number}", gateway.jira());
            async move { (number, browser.get(&url, &FOLLOW).await) }
        });
        let logins: Vec<_> = logins.collect();
        let answers = futures_util::future::join_all(logins).await;
        for (number, answer) in answers {
            assert_eq!(answer.status, 200, "{}", answer.heads);
            let seen: Seen = answer.json();
            assert_eq!(user(&seen), "carol");
            assert_eq!(seen.target, format!("/{number}"));
        }
        let shown = gateway.command(&["user", "show", "carol"]).await;
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(shown.matches("username").count(), 1, "{shown}");
        assert_eq!(shown.matches("identity").count(), 1, "{shown}");
        let listed = gateway.command(&["session", "list", "--user", "carol"]).await;
        assert_eq!(String::from_utf8(listed.stdout).unwrap().matches(" carol ").count(), 50);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_told_and_never_sent_away() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let browser = gateway.browser();
    let url = format!("{}/rest/api/2/issue", gateway.jira());
    for script in [
        vec!["-H", "Accept: application/json"],
        vec!["-H", "Accept: text/html", "-H", "X-Requested-With: XMLHttpRequest"],
        vec![
            "-H",
            "Accept: text/html",
            "-H",
            "Sec-Fetch-Mode: cors",
            "-H",
            "Sec-Fetch-Dest: empty",
        ],
        vec![
            "-H",
            "Sec-Fetch-Mode: websocket",
            "-H",
            "Upgrade: websocket",
            "-H",
            "Connection: Upgrade",
        ],
        vec!["-d", "a=b", "-H", "Accept: text/html", "-H", "X-Requested-With: XMLHttpRequest"],
        vec!["-X", "PUT", "-d", "a=b", "-H", "Accept: text/html"],
    ] {
        let answer = browser.ask(&url, &script).await;
        assert_eq!((answer.status, answer.header("location")), (401, None), "{script:?}");
        assert_eq!(answer.header("www-authenticate"), None, "{script:?}");
        assert!(!answer.heads.to_lowercase().contains("set-cookie"), "{script:?}");
    }
    let json: serde_json::Value = browser.ask(&url, &[]).await.json();
    assert_eq!(json["error"]["code"], "login-required");
    assert_eq!(gateway.jira.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_everywhere_by_logout_by_the_administrator_and_by_itself() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let (jira, wiki) = (gateway.jira(), gateway.wiki());
    let alice = with_ticket(&gateway, &kdc, "alice");
    let log_in_twice = async || {
        log_in(&alice, &jira).await;
        assert_eq!(alice.get(&wiki, &FOLLOW).await.status, 200);
    };
    let is_out = async |why: &str| {
        for url in [&jira, &wiki] {
            assert_eq!(alice.get(url, &[]).await.status, 303, "{why}: {url}");
        }
    };

    log_in_twice().await;
    let logout = format!("{wiki}/_gatehouse/logout");
    let cross = alice.get(&logout, &["-X", "POST", "-H", "Origin: https://evil.example"]).await;
    assert_eq!(cross.status, 403, "another site's form");
    let link = alice.get(&logout, &["-H", "Sec-Fetch-Site: cross-site"]).await;
    assert!(link.body.contains("Sign out?"), "another site's link asks first: {}", link.body);
    let picture = alice.ask(&logout, &["-H", "Sec-Fetch-Site: same-origin"]).await;
    assert!(picture.body.contains("Sign out?"), "a picture in a comment: {}", picture.body);
    assert_eq!(alice.get(&jira, &[]).await.status, 200);
    let origin = format!("Origin: {wiki}");
    assert_eq!(alice.get(&logout, &["-X", "POST", "-H", &origin]).await.status, 303);
    is_out("by logout").await;

    log_in_twice().await;
    let ended = gateway.command(&["session", "end", "--user", "alice"]).await;
    assert!(ended.status.success());
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    is_out("by the administrator").await;

    log_in_twice().await;
    let blocked = gateway.command(&["user", "block", "alice"]).await;
    assert!(String::from_utf8(blocked.stdout).unwrap().contains("sessions ended: 1"));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    is_out("blocked").await;
    let refused = alice.get(&jira, &FOLLOW).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("Your account is not active"), "{}", refused.body);
    assert!(gateway.command(&["user", "unblock", "alice"]).await.status.success());

    log_in_twice().await;
    gateway.clock.advance(chrono::TimeDelta::hours(9));
    is_out("idle").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_gives_the_browser_a_new_session_and_ends_the_one_it_had() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let alice = with_ticket(&gateway, &kdc, "alice");
    // A session that somebody planted is no session.
    alice.set_cookie("jira.localhost", "__Host-gatehouse-session", &"A".repeat(64));
    alice.set_cookie("login.localhost", "__Host-gatehouse-login", &"A".repeat(64));
    assert_eq!(user(&log_in(&alice, &gateway.jira()).await), "alice");
    let first = alice.cookie("login.localhost", "__Host-gatehouse-login").unwrap();
    assert_ne!(first, "A".repeat(64));

    // Bob signs in where Alice is signed in.
    let sent = gateway.browser().get(&gateway.jira(), &[]).await;
    let login = format!("{}&choose=", sent.header("location").unwrap());
    let bob = kdc.authorization(&kdc.login("bob"), "login.localhost");
    let answer = alice.get(&login, &["-H", &format!("Authorization: {bob}")]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_ne!(alice.cookie("login.localhost", "__Host-gatehouse-login").unwrap(), first);
    assert_eq!(alice.get(&gateway.jira(), &[]).await.status, 303, "Alice's session has ended");
}
