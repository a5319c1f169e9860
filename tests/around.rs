//! What happens around a login: nothing gets lost on the way, nothing else begins one, and nobody is left
//! without a way on.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use thirtyfour::prelude::*;

use crate::support::{
    browser::Browser,
    curl::{Answer, Curl, FOLLOW},
    gateway::{Plan, TestGateway},
    idp::Idp,
    kdc::Kdc,
    upstream::{Seen, Upstream},
};

const SERVICE: &str = "HTTP/login.localhost";

/// A gateway with logins by assertion only.
async fn with_idp() -> (TestGateway, Idp) {
    with_idp_and("").await
}

async fn with_idp_and(more: &str) -> (TestGateway, Idp) {
    let plan = Plan::new();
    let idp = Idp::start(&plan.login()).await;
    (plan.with_idp(&idp).with(more).start().await, idp)
}

/// A gateway with logins by ticket only, and somebody with one.
async fn with_ticket(plan: Plan, kdc: &Kdc) -> (TestGateway, Curl) {
    let gateway = plan.with_tickets(&kdc.keytab()).start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    (gateway, alice)
}

fn user(seen: &Seen) -> &str {
    seen.headers.get("x-forwarded-user").map_or("", String::as_str)
}

/// What the application tells, as soon as its page is there.
async fn seen_by(browser: &Browser) -> Seen {
    for _ in 0..200 {
        if let Ok(seen) = serde_json::from_str(&browser.text().await) {
            return seen;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    serde_json::from_str(&browser.text().await).unwrap()
}

/// The hash of a body, as the application tells it.
fn hash(bytes: &[u8]) -> String {
    BASE64.encode(gatehouse::secrets::sha256(bytes))
}

/// What a browser says that sends a form of the application's own page.
fn own_form(gateway: &TestGateway) -> Vec<String> {
    vec![
        "-H".to_owned(),
        format!("Origin: {}", gateway.jira()),
        "-H".to_owned(),
        "Sec-Fetch-Site: same-origin".to_owned(),
    ]
}

async fn send(browser: &Curl, url: &str, headers: &[String], more: &[&str]) -> Answer {
    let mut arguments: Vec<&str> = headers.iter().map(String::as_str).collect();
    arguments.extend(more);
    browser.get(url, &arguments).await
}

// ------------------------------------------------------------------------------------ what begins a login

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_navigation_begins_a_login_or_says_where_it_ends() {
    let (gateway, _idp) = with_idp().await;
    let browser = Browser::start().await;
    let page = format!("{}/public/form", gateway.jira());
    browser.driver.goto(&page).await.unwrap();
    let before = gateway.jira.targets().len();
    // All at once, before, while and after the browser is sent away.
    browser
        .run(
            r#"
            const name = number => "/rest/noise/" + number;
            window.answers = [];
            const noise = number => {
              fetch(name(number)).then(async answer => window.answers.push(
                [answer.status, answer.redirected, answer.headers.get("www-authenticate"),
                 (await answer.json()).error.code]));
              const request = new XMLHttpRequest();
              request.open("GET", name(number) + "?xhr"); request.send();
              new Image().src = "/secure/picture/" + number;
              new WebSocket("wss://" + location.host + "/secure/socket/" + number);
              const frame = document.createElement("iframe");
              frame.src = "/secure/frame/" + number; document.body.append(frame);
              for (const [rel, as] of [["prefetch", ""], ["preload", "fetch"], ["prerender", ""]]) {
                const link = document.createElement("link");
                link.rel = rel; link.as = as; link.href = "/secure/" + rel + "/" + number;
                document.head.append(link);
              }
              const rules = document.createElement("script");
              rules.type = "speculationrules";
              rules.textContent = JSON.stringify(
                { prefetch: [{ source: "list", urls: ["/secure/ahead/" + number] }] });
              document.head.append(rules);
              const form = new URLSearchParams({ number });
              fetch("/secure/change/" + number, { method: "POST", body: form });
            };
            for (let number = 0; number < 20; number++) noise(number);
            "#,
        )
        .await;
    for _ in 0..200 {
        if browser.run("return window.answers.length").await == 20 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let answers = browser.run("return window.answers").await;
    let expected = serde_json::json!([401, false, null, "login-required"]);
    assert_eq!(answers.as_array().unwrap().len(), 20);
    assert!(answers.as_array().unwrap().iter().all(|answer| *answer == expected), "{answers}");

    let deep = format!("{}/browse/X-1?a=b", gateway.jira());
    browser
        .run(&format!(
            "for (let number = 0; number < 20; number++) {{ fetch('/rest/late/' + number); }}
             location.href = '{deep}';
             for (let number = 0; number < 20; number++) {{ fetch('/rest/later/' + number); }}"
        ))
        .await;
    browser.sign_in("bob").await;
    assert_eq!(browser.wait_for(&deep).await, deep);
    let seen = seen_by(&browser).await;
    assert_eq!((user(&seen), seen.target.as_str()), ("bob", "/browse/X-1?a=b"));
    // Chromium opens a few sockets at a time, and the last of them when somebody is signed in.
    let mut reached = gateway.jira.targets().split_off(before);
    reached.retain(|target| !target.starts_with("/secure/socket/"));
    assert_eq!(reached, ["/browse/X-1?a=b"]);
    browser.quit().await;
}

// --------------------------------------------------------------------------------------------- forms

#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_a_file_is_passed_on_after_the_login_byte_for_byte() {
    let (gateway, _idp) = with_idp().await;
    let browser = Browser::start().await;
    browser.driver.goto(format!("{}/public/form", gateway.jira())).await.unwrap();
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).take(900_000).collect();
    std::fs::write(gateway.plan.path("file.bin"), &bytes).unwrap();
    let file = browser.driver.query(By::Name("file")).first().await.unwrap();
    file.send_keys(gateway.plan.path("file.bin").display().to_string()).await.unwrap();
    // Its boundary is the browser's own choice, so the body is known by what an application reads in it.
    browser.driver.query(By::Css("form button")).first().await.unwrap().click().await.unwrap();
    browser.sign_in("bob").await;
    browser.wait_for(&format!("{}/secure/Create.jspa", gateway.jira())).await;
    let seen = seen_by(&browser).await;
    assert_eq!(
        (seen.method.as_str(), seen.target.as_str()),
        ("POST", "/secure/Create.jspa?a=%7Bb")
    );
    assert_eq!(user(&seen), "bob");
    assert_eq!(seen.headers["origin"], gateway.jira());
    assert_eq!(seen.headers["referer"], format!("{}/public/form", gateway.jira()));
    let (_, boundary) = seen.headers["content-type"].split_once("boundary=").unwrap();
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"summary\"\r\n\r\nGröße & Co\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend(&bytes);
    body.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert_eq!((seen.body_bytes, seen.body_hash), (body.len() as u64, hash(&body)));

    // Back, and there again: nothing is sent twice.
    let before = gateway.jira.requests();
    browser.driver.refresh().await.unwrap();
    assert!(browser.text().await.contains("has been sent already"), "{}", browser.text().await);
    browser.take_picture("form-gone").await;
    browser.driver.query(By::Css("a.button")).first().await.unwrap().click().await.unwrap();
    assert_eq!(seen_by(&browser).await.method, "GET");
    assert_eq!(gateway.jira.requests(), before + 1);
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_kept_for_its_browser_and_sent_once() {
    let kdc = Kdc::start(&[SERVICE]);
    for plan in Plan::on_every_database().await {
        let (gateway, alice) = with_ticket(plan, &kdc).await;
        let url = format!("{}/secure/Create.jspa", gateway.jira());
        let own = own_form(&gateway);
        for (media_type, body) in [
            ("application/x-www-form-urlencoded", "summary=x&y=%C3%A4"),
            ("text/plain; charset=utf-8", "summary=x"),
            ("multipart/form-data; boundary=b", "--b\r\n\r\n\0\u{1}\r\n--b--"),
            ("application/x-www-form-urlencoded", ""),
        ] {
            let before = gateway.jira.requests();
            let media_type = format!("Content-Type: {media_type}");
            let body_file = gateway.plan.path("body");
            std::fs::write(&body_file, body).unwrap();
            let data = format!("@{}", body_file.display());
            let kept = send(&alice, &url, &own, &["-H", &media_type, "--data-binary", &data]).await;
            assert_eq!(kept.status, 303, "{}", kept.heads);
            let address = kept.header("location").unwrap();
            assert!(address.starts_with(&format!("{url}?gatehouse-form=")), "{address}");

            // Another browser that has heard of the address gets nothing, signed in or not.
            let bob = gateway.browser().with_env(kdc.client_env(&kdc.login("bob")));
            let stolen = bob.get(&address, &FOLLOW).await;
            assert_eq!(stolen.status, 410, "{}", stolen.heads);
            assert_eq!(gateway.jira.requests(), before);

            let seen: Seen = alice.get(&address, &FOLLOW).await.json();
            assert_eq!((user(&seen), seen.method.as_str()), ("alice", "POST"));
            assert_eq!(seen.target, "/secure/Create.jspa");
            assert_eq!(format!("Content-Type: {}", seen.headers["content-type"]), media_type);
            assert_eq!(seen.headers["content-length"], body.len().to_string());
            assert_eq!(seen.body_hash, hash(body.as_bytes()));
            let again = alice.get(&address, &FOLLOW).await;
            assert_eq!(again.status, 410, "{}", again.heads);
            assert!(again.body.contains(&format!("href=\"{url}\"")), "a way on: {}", again.body);
            let ended = gateway.command(&["session", "end", "--user", "alice"]).await;
            assert!(ended.status.success());
            tokio::time::sleep(Duration::from_millis(1200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_waits_for_its_login_although_the_page_at_its_address_needs_none() {
    let (kdc, app) = (Kdc::start(&[SERVICE]), Upstream::start("survey").await);
    let more = format!(
        "[[app]]\nname = \"survey\"\nurl = \"{{jira}}/survey\"\nupstream = \"http://127.0.0.1:{}\"\n\
         rule = [\n{{ path = \"/survey/*\", methods = [\"GET\"], decision = \"pass\" }},\n\
         {{ path = \"/survey/*\", sign_in_with = [\"kerberos\"], decision = \"login\" }},\n]\n",
        app.port
    );
    let (gateway, alice) = with_ticket(Plan::new().with(&more), &kdc).await;
    let url = format!("{}/survey/answer", gateway.jira());
    let kept = send(&alice, &url, &own_form(&gateway), &["-d", "a=b"]).await;
    assert_eq!(kept.status, 303, "{}", kept.heads);
    let seen: Seen = alice.get(&kept.header("location").unwrap(), &FOLLOW).await.json();
    assert_eq!((user(&seen), seen.method.as_str()), ("alice", "POST"));
    assert_eq!((seen.target.as_str(), app.requests()), ("/survey/answer", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_an_address_opens_nothing_that_only_forms_may_have() {
    let (kdc, app) = (Kdc::start(&[SERVICE]), Upstream::start("hooks").await);
    let more = format!(
        "[[app]]\nname = \"hooks\"\nurl = \"{{jira}}/hooks\"\nupstream = \"http://127.0.0.1:{}\"\n\
         rule = [{{ path = \"/hooks/in\", methods = [\"POST\"], decision = \"pass\" }}]\n",
        app.port
    );
    let gateway = Plan::new().with_tickets(&kdc.keytab()).with(&more).start().await;
    let nobody = gateway.browser();
    let url = format!("{}/hooks/in", gateway.jira());
    assert_eq!(nobody.ask(&url, &["-d", "a=b"]).await.status, 200);
    let address = format!("{url}?gatehouse-form={}", "A".repeat(43));
    assert_eq!(nobody.get(&address, &[]).await.status, 303, "a page needs a login");
    assert_eq!(app.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_come_for_a_form_at_once_one_gets_it() {
    let kdc = Kdc::start(&[SERVICE]);
    for plan in Plan::on_every_database().await {
        let (gateway, alice) = with_ticket(plan, &kdc).await;
        let url = format!("{}/secure/Create.jspa", gateway.jira());
        let kept = send(&alice, &url, &own_form(&gateway), &["-d", "a=b"]).await;
        let address = kept.header("location").unwrap();
        assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
        let name = "__Host-gatehouse-session";
        let browser = "__Host-gatehouse-browser";
        let cookie =
            |name: &str| format!("{name}={}", alice.cookie("jira.localhost", name).unwrap());
        let cookies = format!("Cookie: {}; {}", cookie(name), cookie(browser));
        let gets = (0..10).map(|_| {
            let (curl, cookies, address) = (gateway.browser(), cookies.clone(), address.clone());
            async move { curl.get(&address, &["-H", &cookies]).await.status }
        });
        let mut statuses = futures_util::future::join_all(gets.collect::<Vec<_>>()).await;
        statuses.sort_unstable();
        assert_eq!((statuses[0], &statuses[1..]), (200, &[410; 9][..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_form_waits_until_somebody_says_that_it_was_them() {
    let (gateway, _idp) = with_idp().await;
    let browser = Browser::start().await;
    let deep = format!("{}/browse/X-1", gateway.jira());
    browser.driver.goto(&deep).await.unwrap();
    browser.sign_in("bob").await;
    browser.wait_for(&deep).await;
    let cookies = browser.driver.get_all_cookies().await.unwrap();
    let requests = gateway.jira.requests();

    // A page of another site, which sends a form by itself as soon as it is shown.
    let evil = |action: &str| {
        format!(
            "data:text/html,<form method=post action='{action}'><input name=a value=1></form>\
             <script>document.forms[0].submit()</script>"
        )
    };
    let target = format!("{}/secure/Delete.jspa", gateway.jira());
    browser.driver.goto(evil(&target)).await.unwrap();
    browser.wait_for(&target).await;
    let text = browser.text().await;
    assert!(text.contains("Send the form?") && text.contains("jira"), "{text}");
    browser.take_picture("send-form").await;
    assert_eq!(gateway.jira.requests(), requests, "nothing has reached the application");
    let now = browser.driver.get_all_cookies().await.unwrap();
    let values = |all: &[Cookie]| {
        let mut all: Vec<_> =
            all.iter().map(|cookie| (cookie.name.clone(), cookie.value.clone())).collect();
        all.sort();
        all
    };
    assert_eq!(values(&now), values(&cookies), "and no cookie is another one");

    // By the keyboard alone.
    for _ in 0..2 {
        let active = browser.driver.active_element().await.unwrap();
        active.send_keys("" + Key::Tab).await.unwrap();
    }
    let active = browser.driver.active_element().await.unwrap();
    assert_eq!(active.text().await.unwrap(), "Do not send it");
    active.send_keys("" + Key::Enter).await.unwrap();
    assert_eq!(browser.wait_for(&target).await, target);
    assert_eq!(seen_by(&browser).await.method, "GET");

    browser.driver.goto(evil(&target)).await.unwrap();
    browser.wait_for(&format!("{target}?gatehouse-form=")).await;
    browser.driver.query(By::Css("form button")).first().await.unwrap().click().await.unwrap();
    let seen = seen_by(&browser).await;
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/secure/Delete.jspa"));
    assert_eq!((user(&seen), seen.body_hash.clone()), ("bob", hash(b"a=1")));
    assert_eq!(seen.headers["origin"], "null", "the application sees whose page it was");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_may_be_tricks_are_asked_about_and_forms_of_others_are_not_kept() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, alice) = with_ticket(Plan::new(), &kdc).await;
    let url = format!("{}/secure/Delete.jspa", gateway.jira());
    for headers in [
        vec!["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"],
        vec!["Origin: https://evil.example"],
        vec!["Origin: null"],
        vec!["Sec-Fetch-Site: same-site"],
        vec![],
    ] {
        let mut arguments: Vec<&str> = vec!["-d", "a=b"];
        arguments.extend(headers.iter().flat_map(|header| ["-H", header]));
        let kept = alice.get(&url, &arguments).await;
        assert_eq!(kept.status, 303, "{headers:?}: {}", kept.heads);
        assert!(!kept.heads.to_lowercase().contains("set-cookie"), "{}", kept.heads);
        let asked = alice.get(&kept.header("location").unwrap(), &FOLLOW).await;
        assert_eq!(asked.status, 200, "{headers:?}");
        assert!(asked.body.contains("Send the form?"), "{headers:?}: {}", asked.body);
        // Another site's page cannot press the button.
        let pressed = alice
            .get(
                &kept.header("location").unwrap(),
                &["-X", "POST", "-H", "Origin: https://evil.example"],
            )
            .await;
        assert_ne!(pressed.status, 200, "{}", pressed.body);
        let ended = gateway.command(&["session", "end", "--user", "alice"]).await;
        assert!(ended.status.success());
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    assert_eq!(gateway.jira.requests(), 0);

    // An own form that is old is asked about as well, and one that is too old is gone.
    for (minutes, expected) in [(11, 200), (61, 410)] {
        let kept = send(&alice, &url, &own_form(&gateway), &["-d", "a=b"]).await;
        gateway.clock.advance(chrono::TimeDelta::minutes(minutes));
        let asked = alice.get(&kept.header("location").unwrap(), &FOLLOW).await;
        assert_eq!(asked.status, expected, "{}", asked.body);
        let ended = gateway.command(&["session", "end", "--user", "alice"]).await;
        assert!(ended.status.success());
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }

    for (other, more) in [
        ("a script's", vec!["-H", "Sec-Fetch-Mode: cors"]),
        ("JSON", vec!["-H", "Content-Type: application/json"]),
        ("a packed one", vec!["-H", "Content-Encoding: gzip"]),
        ("a change", vec!["-X", "PUT"]),
    ] {
        let mut arguments = vec!["-d", "a=b"];
        arguments.extend(more);
        let refused = send(&alice, &url, &own_form(&gateway), &arguments).await;
        assert_eq!((refused.status, refused.header("location")), (401, None), "{other}");
    }
    assert_eq!(gateway.jira.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_too_large_has_reached_nobody_and_its_sender_is_told() {
    let (gateway, _idp) = with_idp_and("\n[session]\nmax_saved_post_bytes = 100000\n").await;
    let browser = Browser::start().await;
    let form = format!("{}/public/form", gateway.jira());
    let before = gateway.jira.requests();
    for size in [100_000, 30_000_000] {
        browser.driver.goto(&form).await.unwrap();
        std::fs::write(gateway.plan.path("large.bin"), vec![b'x'; size]).unwrap();
        let file = browser.driver.query(By::Name("file")).first().await.unwrap();
        file.send_keys(gateway.plan.path("large.bin").display().to_string()).await.unwrap();
        browser.driver.query(By::Css("form button")).first().await.unwrap().click().await.unwrap();
        browser.wait_for(&format!("{}/secure/Create.jspa", gateway.jira())).await;
        let text = browser.text().await;
        assert!(text.contains("Nothing of it has reached the application"), "{size}: {text}");
        let way_on = browser.driver.query(By::Css("a.button")).first().await.unwrap();
        assert_eq!(way_on.attr("href").await.unwrap().unwrap(), form);
    }
    browser.take_picture("form-too-large").await;
    assert_eq!(gateway.jira.requests(), before);
    browser.quit().await;

    // The same without a length, and with one that is a lie.
    let curl = gateway.browser();
    let large = format!("@{}", gateway.plan.path("large.bin").display());
    let chunked = ["-H", "Transfer-Encoding: chunked", "--http1.1", "--data-binary", &large];
    let url = format!("{}/secure/Create.jspa", gateway.jira());
    let refused = send(&curl, &url, &own_form(&gateway), &chunked).await;
    assert_eq!(refused.status, 413, "{}", refused.heads);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_are_not_kept_where_they_are_switched_off_or_there_is_no_room() {
    let kdc = Kdc::start(&[SERVICE]);
    let off = Plan::new().with("\n[session]\nmax_saved_post_bytes = 0\n");
    let (gateway, alice) = with_ticket(off, &kdc).await;
    let url = format!("{}/secure/Create.jspa", gateway.jira());
    let refused = send(&alice, &url, &own_form(&gateway), &["-d", "a=b"]).await;
    assert_eq!(refused.status, 401, "{}", refused.heads);
    assert!(refused.body.contains("Nothing of what you sent"), "{}", refused.body);

    for plan in Plan::on_every_database().await {
        let (gateway, alice) = with_ticket(plan, &kdc).await;
        let url = format!("{}/secure/Create.jspa", gateway.jira());
        for number in 0..21 {
            let kept = send(&alice, &url, &own_form(&gateway), &["-d", "a=b"]).await;
            assert_eq!(kept.status, if number < 20 { 303 } else { 401 }, "{number}");
        }
        let other = gateway.browser();
        let kept = send(&other, &url, &own_form(&gateway), &["-d", "a=b"]).await;
        assert_eq!(kept.status, 303, "another browser's");
        gateway.clock.advance(chrono::TimeDelta::minutes(61));
        let kept = send(&alice, &url, &own_form(&gateway), &["-d", "a=b"]).await;
        assert_eq!(kept.status, 303, "those of before are forgotten");
    }
}

// ------------------------------------------------------------------------------------------- fragments

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_hash_is_there_again_after_a_login_by_assertion() {
    let kdc = Kdc::start(&[SERVICE]);
    let plan = Plan::new().with_tickets(&kdc.keytab());
    let idp = Idp::start(&plan.login()).await;
    let gateway = plan.with_idp(&idp).start().await;
    let browser = Browser::start().await;
    // By the page that comes with the question for a ticket, and without that question.
    for (name, fragment) in [("bob", "comment-1/%7Bx%7D?a=b"), ("alice", "/issues/X-1")] {
        let deep = format!("{}/browse/X-1?a=b#{fragment}", gateway.jira());
        browser.driver.goto(&deep).await.unwrap();
        browser.sign_in(name).await;
        assert_eq!(browser.wait_for(&gateway.jira()).await, deep);
        let seen = seen_by(&browser).await;
        assert_eq!((seen.target.as_str(), user(&seen)), ("/browse/X-1?a=b", name));
        // On another host by the session, over redirects alone.
        let other = format!("{}/display/Y#{fragment}", gateway.wiki());
        browser.driver.goto(&other).await.unwrap();
        assert_eq!(browser.wait_for(&gateway.wiki()).await, other);
        for host in
            [gateway.jira(), gateway.wiki(), gateway.login(), "http://idp.localhost".to_owned()]
        {
            let host = host.replace("http://idp.localhost", &idp.url());
            browser.driver.goto(format!("{host}/_gatehouse/style.css")).await.unwrap();
            browser.driver.delete_all_cookies().await.unwrap();
        }
    }
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_hash_is_there_again_after_a_login_by_ticket() {
    let kdc = Kdc::start(&[SERVICE]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).start().await;
    let browser = Browser::start_with_tickets(&kdc.client_env(&kdc.login("alice"))).await;
    let deep = format!("{}/browse/X-1?a=b#comment-1", gateway.jira());
    browser.driver.goto(&deep).await.unwrap();
    assert_eq!(browser.wait_for(&gateway.jira()).await, deep);
    assert_eq!(user(&seen_by(&browser).await), "alice");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_a_login_leads_to_the_page_all_the_same() {
    let (gateway, _idp) = with_idp().await;
    let browser = Browser::start_without_scripts().await;
    let deep = format!("{}/browse/X-1", gateway.jira());
    browser.driver.goto(format!("{deep}#comment-1")).await.unwrap();
    browser.sign_in("bob").await;
    // The identity provider's own page needs a click then. Its form to sign in, which may still be there, has such a
    // button too.
    let button = By::Css("form:has(input[name='SAMLResponse']) button");
    let next = browser.driver.query(button).first().await.unwrap();
    next.click().await.unwrap();
    assert_eq!(browser.wait_for(&deep).await, deep);
    browser.quit().await;
}

// ----------------------------------------------------------------------------------------------- rounds

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_loses_the_session_is_told_so_instead_of_being_sent_round() {
    let kdc = Kdc::start(&[SERVICE]);
    for plan in Plan::on_every_database().await {
        let (gateway, alice) = with_ticket(plan, &kdc).await;
        let deep = format!("{}/browse/X-1", gateway.jira());
        let mut answers = Vec::new();
        for _ in 0..7 {
            answers.push(alice.get(&deep, &FOLLOW).await);
            alice.forget_cookie("jira.localhost", "__Host-gatehouse-session");
        }
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 400, 400]);
        let last = answers.last().unwrap();
        assert!(last.body.contains("without the session&#39;s cookie"), "{}", last.body);
        assert!(last.body.contains(&deep), "a way on: {}", last.body);
        assert!(last.header("x-gatehouse-trace").is_some());
        let other = alice.get(&format!("{}/browse/X-2", gateway.jira()), &FOLLOW).await;
        assert_eq!(other.status, 200, "another page is another way");

        let metrics =
            gateway.browser().ask(&format!("{}/metrics", gateway.plan.internal()), &[]).await;
        let counted = "gatehouse_login_loops_total{app=\"jira\"} 2";
        assert!(metrics.body.contains(counted), "{}", metrics.body);
        gateway.clock.advance(chrono::TimeDelta::minutes(2));
        alice.forget_cookie("jira.localhost", "__Host-gatehouse-session");
        assert_eq!(alice.get(&deep, &FOLLOW).await.status, 200, "and later all is well");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_keeps_no_cookies_of_an_application_is_told_so_at_once() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, alice) = with_ticket(Plan::new(), &kdc).await;
    let sent = alice.get(&gateway.jira(), &[]).await;
    let handed = alice.get(&sent.header("location").unwrap(), &FOLLOW[2..]).await;
    alice.forget_cookie("jira.localhost", "__Host-gatehouse-browser");
    let told = alice.get(&handed.header("location").unwrap(), &[]).await;
    assert_eq!(told.status, 400, "{}", told.heads);
    assert!(told.body.contains("does not keep this site&#39;s cookies"), "{}", told.body);
    assert!(told.body.contains("Sign in again"), "{}", told.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_whose_sessions_are_unknown_is_told_so() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, alice) = with_ticket(Plan::new(), &kdc).await;
    let mut last = None;
    for _ in 0..6 {
        alice.set_cookie("jira.localhost", "__Host-gatehouse-session", &"A".repeat(64));
        last = Some(alice.get(&gateway.jira(), &FOLLOW).await);
    }
    let last = last.unwrap();
    assert_eq!(last.status, 400, "{}", last.heads);
    assert!(last.body.contains("the session was not known"), "{}", last.body);
}

// ---------------------------------------------------------------------------- back, again, and two at once

#[tokio::test(flavor = "multi_thread")]
async fn back_and_forth_after_a_login_leads_to_pages_and_never_astray() {
    let (gateway, _idp) = with_idp().await;
    let browser = Browser::start().await;
    let deep = format!("{}/browse/X-1", gateway.jira());
    browser.driver.goto(&deep).await.unwrap();
    browser.sign_in("bob").await;
    browser.wait_for(&deep).await;
    let length = browser.run("return history.length").await.as_i64().unwrap();
    for _ in 1..length {
        browser.driver.back().await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        let here = browser.driver.current_url().await.unwrap().to_string();
        let text = browser.driver.source().await.unwrap();
        assert!(!text.contains("at the moment") && !text.contains("went wrong"), "{here}: {text}");
    }
    browser.driver.goto(&deep).await.unwrap();
    assert_eq!(user(&seen_by(&browser).await), "bob");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_providers_form_filled_in_once_more_leads_on_as_well() {
    let (gateway, _idp) = with_idp().await;
    let browser = Browser::start().await;
    let deep = format!("{}/browse/X-1", gateway.jira());
    browser.driver.goto(&deep).await.unwrap();
    browser.sign_in("bob").await;
    browser.wait_for(&deep).await;
    browser.driver.back().await.unwrap();
    browser.wait_for("http://idp.localhost").await;
    let password = browser.driver.query(By::Name("password")).first().await.unwrap();
    password.send_keys("" + Key::Enter).await.unwrap();
    browser.wait_for(&deep).await;
    assert_eq!(user(&seen_by(&browser).await), "bob");
    browser.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_twice_signs_in_all_the_same() {
    let (gateway, idp) = with_idp().await;
    let browser = gateway.browser();
    let deep = format!("{}/browse/X-1", gateway.jira());
    let form = browser.get(&deep, &["-L"]).await;
    let posted = idp.fill_in(&browser, &form, "bob").await;
    // The browser has gone away before the first answer came, with nothing of it: a second click.
    let lost = gateway.browser();
    lost.copy_cookies(&browser);
    let first = posted.post(&gateway.login(), &lost, &[]).await;
    assert_eq!(first.status, 303, "{}", first.heads);
    let second = posted.post(&gateway.login(), &browser, &[]).await;
    assert_eq!(second.status, 303, "{}", second.heads);
    assert!(!second.heads.contains("gatehouse-login="), "nothing in it is believed");
    // The identity provider knows them by now.
    let form = browser.get(&second.header("location").unwrap(), &["-L"]).await;
    let again = idp.fill_in(&browser, &form, "bob").await;
    let seen: Seen = again.post(&gateway.login(), &browser, &["-L"]).await.json();
    assert_eq!((user(&seen), seen.target.as_str()), ("bob", "/browse/X-1"));
    // Once more: whoever is signed in goes on to the page, or to the start page.
    let told = posted.post(&gateway.login(), &browser, &["-L"]).await;
    assert_eq!(user(&told.json()), "bob");
    let told = again.post(&gateway.login(), &browser, &["-L"]).await;
    assert!(told.body.contains("Signed in as Bob"), "{}", told.body);
    let stranger = again.post(&gateway.login(), &gateway.browser(), &["-L"]).await;
    assert_eq!(stranger.status, 400);
    assert!(stranger.body.contains("To the start page"), "{}", stranger.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_sign_in_at_once_are_one_session_and_sign_out_together() {
    let plans = Plan::on_every_database().await;
    for plan in plans {
        let idp = Idp::start(&plan.login()).await;
        let gateway = plan.with_idp(&idp).start().await;
        let browser = Browser::start().await;
        let jira = format!("{}/browse/X-1", gateway.jira());
        let wiki = format!("{}/display/Y", gateway.wiki());
        browser.driver.goto(&jira).await.unwrap();
        browser.wait_for("http://idp.localhost").await;
        let first = browser.driver.window().await.unwrap();
        let second = browser.driver.new_tab().await.unwrap();
        browser.driver.switch_to_window(second.clone()).await.unwrap();
        browser.driver.goto(&wiki).await.unwrap();
        browser.sign_in("bob").await;
        assert_eq!(browser.wait_for(&wiki).await, wiki);
        browser.driver.switch_to_window(first).await.unwrap();
        browser.sign_in("bob").await;
        assert_eq!(browser.wait_for(&jira).await, jira);
        assert_eq!(user(&seen_by(&browser).await), "bob");
        let listed = gateway.command(&["session", "list", "--user", "bob"]).await;
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(listed.matches(" bob ").count(), 1, "{listed}");
        browser.driver.switch_to_window(second.clone()).await.unwrap();
        let script = browser.run("return fetch('/rest/x').then(answer => answer.status)").await;
        assert_eq!(script, 200, "the first tab's session goes on");

        browser.driver.goto(format!("{}/_gatehouse/logout", gateway.jira())).await.unwrap();
        browser.driver.query(By::Css("form button")).first().await.unwrap().click().await.unwrap();
        browser.wait_for(&format!("{}/_gatehouse/logged-out", gateway.login())).await;
        let left = gateway.command(&["session", "list", "--user", "bob"]).await;
        let left = String::from_utf8(left.stdout).unwrap();
        assert_eq!(left.matches(" bob ").count(), 0, "{left}");
        browser.quit().await;
    }
}

// ----------------------------------------------------------------------------------------------- limits

#[tokio::test(flavor = "multi_thread")]
async fn who_fails_too_often_is_told_to_wait_and_others_behind_the_same_address_get_in() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, alice) = with_ticket(Plan::new(), &kdc).await;
    // A ticket that is good once.
    let used =
        format!("Authorization: {}", kdc.authorization(&kdc.login("bob"), "login.localhost"));
    let try_it = async || {
        let stranger = gateway.browser();
        let sent = stranger.get(&gateway.jira(), &[]).await;
        stranger.get(&sent.header("location").unwrap(), &["-H", &used]).await
    };
    assert_eq!(try_it().await.status, 303);
    let mut tries = 0;
    let refused = loop {
        let answer = try_it().await;
        tries += 1;
        if answer.status != 200 || tries > 200 {
            break answer;
        }
    };
    assert_eq!(refused.status, 429, "{}", refused.heads);
    assert!((60..150).contains(&tries), "{tries}");
    let seconds: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    assert!(
        refused.body.contains("Too many sign-ins of your network have failed"),
        "{}",
        refused.body
    );
    assert!(!refused.heads.contains("gatehouse-login="));

    // At the same address: somebody who has done nothing wrong.
    let answer = alice.get(&gateway.jira(), &FOLLOW).await;
    assert_eq!(answer.status, 200, "{}", answer.heads);
    assert_eq!(user(&answer.json()), "alice");
    gateway.clock.advance(chrono::TimeDelta::minutes(3));
    assert_eq!(try_it().await.status, 200, "forgiven");
    let metrics = gateway.browser().ask(&format!("{}/metrics", gateway.plan.internal()), &[]).await;
    assert!(
        metrics.body.contains("gatehouse_limited_total{limit=\"failures\"}"),
        "{}",
        metrics.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_refused_too_often_has_to_wait_however_its_name_is_written() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, alice) = with_ticket(Plan::new(), &kdc).await;
    assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
    assert!(gateway.command(&["user", "block", "alice"]).await.status.success());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(alice.get(&gateway.jira(), &FOLLOW).await.status);
    }
    assert_eq!(statuses, [[403; 10].as_slice(), &[429; 2]].concat());
    let bob = gateway.browser().with_env(kdc.client_env(&kdc.login("bob")));
    assert_eq!(bob.get(&gateway.jira(), &FOLLOW).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_are_begun_and_not_finished_are_limited_and_finished_ones_are_not() {
    let (gateway, idp) = with_idp().await;
    let start = async |browser: &Curl| {
        let sent = browser.get(&gateway.jira(), &[]).await;
        let login = sent.header("location").unwrap();
        let (_, flow) = login.split_once("flow=").unwrap();
        format!("{}/_gatehouse/saml/start?idp=corp&flow={flow}", gateway.login())
    };
    let stranger = gateway.browser();
    let url = start(&stranger).await;
    let mut begun = 0;
    let refused = loop {
        let answer = stranger.get(&url, &[]).await;
        if answer.status != 303 || begun > 700 {
            break answer;
        }
        begun += 1;
    };
    assert_eq!(refused.status, 429, "{}", refused.heads);
    assert!((590..=700).contains(&begun), "{begun}");
    assert!(refused.header("retry-after").is_some());
    // Others at the same address get in as time goes by.
    gateway.clock.advance(chrono::TimeDelta::seconds(2));
    let browser = gateway.browser();
    let form = browser.get(&start(&browser).await, &["-L"]).await;
    let posted = idp.fill_in(&browser, &form, "bob").await;
    assert_eq!(posted.post(&gateway.login(), &browser, &["-L"]).await.status, 200);
}

// ------------------------------------------------------------------------------------- whose page asks

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_pages_change_nothing_unless_they_are_allowed_to() {
    let kdc = Kdc::start(&[SERVICE]);
    let (gateway, alice) = with_ticket(Plan::new(), &kdc).await;
    assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
    let url = format!("{}/rest/api/2/issue", gateway.jira());
    let (jira, wiki) = (gateway.jira(), gateway.wiki());
    for (origin, site, expected) in [
        (None, None, 200),
        (Some(jira.as_str()), Some("same-origin"), 200),
        (Some(jira.as_str()), None, 200),
        (Some("null"), Some("same-origin"), 200),
        (Some(wiki.as_str()), Some("same-site"), 200),
        (Some("https://evil.example"), Some("cross-site"), 403),
        (Some("https://other.localhost"), Some("same-site"), 403),
        (Some("null"), Some("cross-site"), 403),
        (None, Some("cross-site"), 403),
    ] {
        let origin = origin.map(|origin| format!("Origin: {origin}"));
        let site = site.map(|site| format!("Sec-Fetch-Site: {site}"));
        let headers: Vec<&str> =
            origin.iter().chain(&site).flat_map(|header| ["-H", header.as_str()]).collect();
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let mut arguments = vec!["-X", method, "-d", "{}"];
            arguments.extend(&headers);
            let answer = alice.ask(&url, &arguments).await;
            assert_eq!(answer.status, expected, "{method} {headers:?}: {}", answer.body);
            if expected == 403 {
                let error: serde_json::Value = answer.json();
                assert_eq!(error["error"]["code"], "cross-site-request");
            }
        }
        assert_eq!(alice.ask(&url, &headers).await.status, 200, "GET {headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_says_itself_whose_pages_may_change_something() {
    let kdc = Kdc::start(&[SERVICE]);
    let plan = Plan::new().with_app("jira", "allowed_origins = [\"https://portal.example.com\"]");
    let (gateway, alice) = with_ticket(plan, &kdc).await;
    assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
    let url = format!("{}/rest/api/2/issue", gateway.jira());
    for (origin, expected) in [
        ("https://portal.example.com".to_owned(), 200),
        (gateway.jira(), 200),
        (gateway.wiki(), 403),
    ] {
        let origin = format!("Origin: {origin}");
        let answer = alice.ask(&url, &["-d", "{}", "-H", &origin]).await;
        assert_eq!(answer.status, expected, "{origin}");
    }
}

// ------------------------------------------------------------------------------------------ made-up things

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_cookie_is_no_session_and_a_made_up_address_leads_to_no_other_host() {
    let (gateway, _idp) = with_idp().await;
    let name = "__Host-gatehouse-session";
    let huge = "A".repeat(6000);
    for value in
        ["AAAA", "", "%00%ff", "\u{ff}\u{fe}", &huge, "../../etc/passwd", "{\"user\":\"root\"}"]
    {
        let cookie = format!("Cookie: {name}={value}");
        let answer = gateway.browser().get(&gateway.jira(), &["-H", &cookie]).await;
        assert_eq!(answer.status, 303, "{value}: {}", answer.heads);
        assert!(answer.header("location").unwrap().starts_with(&gateway.login()), "{value}");
        let script = gateway.browser().ask(&gateway.jira(), &["-H", &cookie]).await;
        assert_eq!(script.status, 401, "{value}");
    }
    for path in ["//evil.example/x", "/\\evil.example", "/%2f/evil.example", "/x?y=//evil.example"]
    {
        let url = format!("{}{path}", gateway.jira());
        for more in [vec![], vec!["-d", "a=b"]] {
            let answer = send(&gateway.browser(), &url, &own_form(&gateway), &more).await;
            let leads = answer.header("location").unwrap_or_else(|| gateway.jira());
            let here = [gateway.jira(), gateway.login()].iter().any(|host| {
                leads
                    .strip_prefix(host.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            assert!(here, "{path}: {leads}");
        }
    }
    assert_eq!(gateway.jira.requests(), 0);
}
