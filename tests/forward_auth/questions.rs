//! Questions as proxies ask them, without a proxy: what they are answered, and which are not answered at all.

use super::{House, PEERS, Plan, Product, house, house_with, session_of};
use crate::support::curl::Curl;

const FOR: &str = "X-Forwarded-For: 192.0.2.7";
const GET: &str = "X-Original-Method: GET";

/// A house where somebody is signed in, whose cookie is given.
async fn with_alice() -> (House, String) {
    let mut house = house().await;
    house.put(Product::Nginx).await;
    let alice = house.signed_in("alice").await;
    let cookie = session_of(&alice);
    (house, cookie)
}

impl House {
    fn about(&self, app: &str, path: &str) -> String {
        format!("X-Original-URL: https://{app}.localhost:{}{path}", self.port)
    }

    fn nobody(&self) -> Curl {
        self.gateway.browser()
    }

    async fn reason(&self, reason: &str) -> u64 {
        let url = format!("{}/metrics", self.gateway.plan.internal());
        let text = self.nobody().ask(&url, &[]).await.body;
        let line = format!("gatehouse_refused_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|text| text.strip_prefix(&line)?.parse().ok()).unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_header_is_there_even_if_it_says_nothing() {
    let mut house = house_with(Plan::new().with(&format!(
        "[app.identity_headers]\nuser = \"Remote-User\"\ngroups = \"X-Wiki_Groups\"\n{PEERS}"
    )))
    .await;
    house.put(Product::Nginx).await;
    let alice = house.signed_in("alice").await;
    let cookie = session_of(&alice);
    let public = house.about("jira", "/public/x");
    let all = [
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-name",
        "x-forwarded-groups",
        "x-gatehouse-assertion",
        "remote-user",
        "x-wiki_groups",
        "cookie",
    ];
    for (cookie, user) in [("Cookie: a=1", ""), (cookie.as_str(), "alice")] {
        let headers = [FOR, GET, &public, cookie, "X-Forwarded-User: root", "Remote-User: root"];
        let answer = house.ask(&house.nobody(), "nginx/jira", &headers).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        for name in all {
            let said = answer.header(name).unwrap_or_else(|| panic!("{name}: {}", answer.heads));
            assert_ne!(said, "root", "{name}");
        }
        assert_eq!(answer.header("x-forwarded-user").unwrap(), user);
        assert_eq!(answer.header("cookie").unwrap(), if user.is_empty() { "a=1" } else { "" });
        assert_eq!(answer.header("cache-control").unwrap(), "no-store");
        assert_eq!(answer.body, "");
    }
    // One request speaks for one.
    let basic = [FOR, GET, &public, &cookie, "Authorization: Basic YTpi"];
    let answer = house.ask(&house.nobody(), "nginx/jira", &basic).await;
    assert_eq!(answer.header("x-forwarded-user").unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_peers_may_ask() {
    let (house, cookie) = with_alice().await;
    let url = format!("{}/_gatehouse/authorize/nginx/jira", house.gateway.plan.internal());
    let about = house.about("jira", "/page");
    let headers = ["-H", FOR, "-H", GET, "-H", &about, "-H", &cookie];
    assert_eq!(house.nobody().ask(&url, &headers).await.status, 200);
    let elsewhere = [&headers[..], &["--interface", "127.0.0.2"]].concat();
    let refused = house.nobody().ask(&url, &elsewhere).await;
    assert_eq!((refused.status, house.reason("not-a-peer").await), (403, 1));
    let without = house_with(Plan::new()).await;
    let url = format!("{}/_gatehouse/authorize/nginx", without.gateway.plan.internal());
    assert_eq!(without.nobody().ask(&url, &headers).await.status, 404, "nobody may ask there");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_product_gets_what_it_understands() {
    let (house, cookie) = with_alice().await;
    let host = format!("jira.localhost:{}", house.port);
    let forwarded = |path: &str| {
        let uri = format!("X-Forwarded-Uri: {path}");
        [format!("X-Forwarded-Host: {host}"), uri]
    };
    let page = "Accept: text/html";
    let form = format!("/page?gatehouse-form={}", "A".repeat(43));
    for (path, by_status, whole, sends_on) in [
        ("/page", 401, 303, true),
        ("/closed/x", 403, 403, false),
        ("/a/..;/b", 403, 400, false),
        ("/_gatehouse/login", 403, 403, false),
        ("/s/x/_/_gatehouse/login", 403, 403, false),
        (form.as_str(), 403, 403, false),
    ] {
        let about = house.about("jira", path);
        for product in ["nginx", "haproxy"] {
            let answer = house.ask(&house.nobody(), product, &[FOR, GET, &about, page]).await;
            assert_eq!(answer.status, by_status, "{product} {path}");
            assert_eq!(answer.header("location").is_some(), sends_on, "{product} {path}");
        }
        let [on, uri] = forwarded(path);
        for product in ["traefik", "caddy"] {
            let words =
                [FOR, "X-Forwarded-Method: GET", "X-Forwarded-Proto: https", &on, &uri, page];
            let answer = house.ask(&house.nobody(), product, &words).await;
            assert_eq!(answer.status, whole, "{product} {path}");
        }
        let host = format!("Host: {host}");
        let answer = house.ask(&house.nobody(), &format!("envoy{path}"), &[FOR, &host, page]).await;
        assert_eq!(answer.status, whole, "envoy {path}");
    }
    let about = house.about("jira", "/closed/x");
    let told = house.ask(&house.nobody(), "nginx", &[FOR, GET, &about, &cookie]).await;
    assert_eq!(told.status, 403, "whoever it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_what_contradicts_is_refused() {
    let (house, cookie) = with_alice().await;
    let about = house.about("jira", "/page");
    let missing = house.ask(&house.nobody(), "nginx", &[FOR, &about, &cookie]).await;
    assert_eq!(missing.status, 500);
    assert!(missing.body.contains("x-original-method"), "{}", missing.body);
    let missing = house.ask(&house.nobody(), "nginx", &[GET, &about, &cookie]).await;
    assert!(missing.body.contains("x-forwarded-for"), "{}", missing.body);
    let missing = house.ask(&house.nobody(), "traefik", &[FOR, GET, &about, &cookie]).await;
    assert!(missing.body.contains("x-forwarded-method"), "{}", missing.body);

    let good = [FOR, GET, &about, &cookie];
    let others = house.about("wiki", "/page");
    for more in [
        about.as_str(),
        others.as_str(),
        GET,
        "X-Original-Method: POST",
        "X-Original-URI: /public/x",
        "X-Forwarded-Uri: /public/x",
        "X-Forwarded-Host: wiki.localhost",
        "X-Forwarded-Proto: http",
        "X_Forwarded_User: root",
        "X.Original.URL: /public/x",
    ] {
        let headers = [&good[..], &[more]].concat();
        let answer = house.ask(&house.nobody(), "nginx", &headers).await;
        assert_eq!(answer.status, 403, "{more}");
    }
    assert_eq!(house.ask(&house.nobody(), "nginx", &good).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_and_a_question_are_one_applications() {
    let (house, cookie) = with_alice().await;
    let (jira, wiki) = (house.about("jira", "/page"), house.about("wiki", "/page"));
    let ask = |address: &'static str, headers: Vec<String>| {
        let house = &house;
        async move {
            let headers: Vec<_> = headers.iter().map(String::as_str).collect();
            house.ask(&house.nobody(), address, &headers).await.status
        }
    };
    let of = |about: &str| vec![FOR.to_owned(), GET.to_owned(), about.to_owned(), cookie.clone()];
    assert_eq!(ask("nginx", of(&jira)).await, 200);
    assert_eq!(ask("nginx", of(&wiki)).await, 401, "the cookie of another host's session is none");
    assert_eq!(ask("nginx/jira", of(&wiki)).await, 403);
    assert_eq!(ask("nginx/wiki", of(&jira)).await, 403);
    assert_eq!(ask("nginx/", of(&jira)).await, 403);
    let in_clear = format!("X-Original-URL: http://jira.localhost:{}/page", house.port);
    assert_eq!(ask("nginx", of(&in_clear)).await, 403, "the application is at https");
    let nowhere = house.about("nowhere", "/page");
    assert_eq!(ask("nginx", of(&nowhere)).await, 403);
    let garbled = format!("Cookie: __Host-gatehouse-session={}", "A".repeat(60));
    let headers = vec![FOR.to_owned(), GET.to_owned(), jira.clone(), garbled];
    assert_eq!(ask("nginx", headers).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_asked_of_the_method_and_the_client_that_the_proxy_names() {
    let rule = "\n[[app.rule]]\npath = \"/net/*\"\nnetworks = [\"198.51.100.0/24\"]\ndecision = \"pass\"\n";
    let house = house_with(Plan::new().with(&format!("{rule}{PEERS}"))).await;
    let status = async |about: String, method: &str, client: &str| {
        let method = format!("X-Original-Method: {method}");
        let client = format!("X-Forwarded-For: {client}");
        house.ask(&house.nobody(), "nginx", &[&client, &method, &about]).await.status
    };
    let jira = || house.about("jira", "/status");
    assert_eq!(status(jira(), "GET", "192.0.2.7").await, 200);
    assert_eq!(status(jira(), "POST", "192.0.2.7").await, 401);
    for method in ["TRACE", "CONNECT", "get", "FOO"] {
        assert_eq!(status(jira(), method, "192.0.2.7").await, 403, "{method}");
    }
    let wiki = || house.about("wiki", "/net/x");
    assert_eq!(status(wiki(), "GET", "198.51.100.1").await, 200);
    assert_eq!(status(wiki(), "GET", "192.0.2.7").await, 401);
    assert_eq!(status(wiki(), "GET", "198.51.100.1, 192.0.2.7").await, 401, "the nearest counts");
    assert_eq!(status(wiki(), "GET", "198.51.100.1, junk").await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_told_what_a_proxy_is_answered() {
    let house = house().await;
    let explain = async |path: &str| {
        let url = house.jira(path);
        let output = house.gateway.command(&["explain", "request", "GET", &url]).await;
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(explain("/page").await.contains("a proxy gets 401"), "{}", explain("/page").await);
    assert!(explain("/status").await.contains("a proxy gets 200"));
    assert!(explain("/closed/x").await.contains("a proxy gets 403"));
    assert!(explain("/_gatehouse/login").await.contains("a proxy gets refused"));
    let check = house.gateway.command(&["check"]).await;
    assert!(!String::from_utf8_lossy(&check.stdout).contains("forward_auth"), "{check:?}");

    let strange = PEERS.replace("127.0.0.1/32", "192.0.2.0/24");
    let house = house_with(Plan::new().with(&strange)).await;
    let check = house.gateway.command(&["check"]).await;
    let said = [check.stdout, check.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("192.0.2.0/24 is not in server.trusted_proxies"), "{said}");
}
