//! How much a request may bring, and how much a client may hold.

use std::time::Duration;

use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};

use crate::support::{
    curl::{Curl, FOLLOW},
    gateway::{Plan, TestGateway},
    kdc::Kdc,
    upstream::Seen,
};

async fn house(server: &str) -> (TestGateway, Curl, Kdc) {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let more = "[[app]]\nname = \"roomy\"\nurl = \"{jira}/roomy\"\nupstream = \"http://127.0.0.1:1\"\n\
                max_upstream_head_bytes = 32768\nrule = [{ path = \"/roomy/*\", decision = \"pass\" }]\n";
    let plan = Plan::new().with_tickets(&kdc.keytab()).with_server(server).with(more);
    let gateway = plan.start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
    (gateway, alice, kdc)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tomcat_would_not_take_gets_a_page_that_names_what_is_too_large() {
    let (gateway, alice, _kdc) = house("").await;
    let before = gateway.jira.requests();
    let long = "x".repeat(9000);
    for (header, words) in [
        (format!("Cookie: app={long}"), "is the application&#39;s cookies"),
        (format!("X-Mine: {long}"), "is the header x-mine"),
        (format!("Authorization: Bearer {long}"), "is credentials"),
    ] {
        let page = alice.get(&(gateway.jira() + "/x"), &["-H", &header]).await;
        assert_eq!(page.status, 431, "{}", page.heads);
        assert!(page.body.contains(words), "{words}: {}", page.body);
        assert!(
            page.body.contains("takes 8192")
                && page.body.contains(&page.header("x-gatehouse-trace").unwrap())
        );
        let said: serde_json::Value =
            alice.ask(&(gateway.jira() + "/x"), &["-H", &header]).await.json();
        assert_eq!(said["error"]["code"], "head-too-large");
    }
    assert_eq!(gateway.jira.requests(), before, "nothing of it reached the application");
    let roomy =
        alice.get(&(gateway.jira() + "/roomy/x"), &["-H", &format!("X-Mine: {long}")]).await;
    assert_eq!(roomy.status, 502, "an application that takes more is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_passed_on_does_not_count_and_what_is_added_does() {
    let (gateway, alice, _kdc) = house("").await;
    let ask = async |path: &str, headers: &[String]| {
        let arguments: Vec<&str> =
            headers.iter().flat_map(|header| ["-H", header.as_str()]).collect();
        alice.ask(&(gateway.jira() + path), &arguments).await
    };
    let own = format!("Cookie: gatehouse-x={}", "x".repeat(9000));
    let ticket = format!("Authorization: Negotiate {}", "x".repeat(9000));
    let answer = ask("/public/x", &[own, ticket]).await;
    assert_eq!(answer.status, 200, "{}", answer.heads);

    // As much as fits without an identity: /status is passed without one, and everything else with one.
    let fits = |bytes: usize| format!("X-Mine: {}", "x".repeat(bytes));
    let mut bytes = 7000;
    while ask("/status", &[fits(bytes + 10)]).await.status == 200 {
        bytes += 10;
    }
    assert!((7500..8192).contains(&bytes), "{bytes}");
    let told: Seen = ask("/browse", &[fits(bytes - 1500)]).await.json();
    assert_eq!(told.headers["x-forwarded-user"], "alice");
    assert_eq!(ask("/browse", &[fits(bytes)]).await.status, 431, "the identity counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_are_places_wait() {
    let (gateway, _, _kdc) = house("max_connections = 4\nmax_connections_per_client = 4").await;
    let connect = || TcpStream::connect(("127.0.0.1", gateway.plan.port()));
    let mut idle = Vec::new();
    // One of them is being waited with at the door.
    for _ in 0..5 {
        idle.push(connect().await.unwrap());
    }
    let browser = gateway.browser();
    let url = gateway.jira() + "/status";
    let waiting = browser.ask(&url, &[]);
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_millis(700), &mut waiting).await.is_err(), "there is no place");
    idle.clear();
    let answer = timeout(Duration::from_secs(10), waiting).await.expect("there are places again");
    assert_eq!(answer.status, 200);

    // The metrics are for others.
    let metrics = browser.ask(&(gateway.plan.internal() + "/metrics"), &[]).await.body;
    assert!(metrics.contains("gatehouse_refused_total{reason=\"connections-full\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_counted_that_machines_wait_for_a_place() {
    let (gateway, _, _kdc) = house("max_connections = 4").await;
    let full = "gatehouse_refused_total{reason=\"internal-connections-full\"}";
    let browser = gateway.browser();
    let metrics = gateway.plan.internal() + "/metrics";
    assert!(!browser.ask(&metrics, &[]).await.body.contains(full));
    let port = gateway.plan.internal().rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let mut idle = Vec::new();
    for _ in 0..5 {
        idle.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let waiting = browser.ask(&metrics, &[]);
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_millis(700), &mut waiting).await.is_err(), "there is no place");
    idle.clear();
    let answer = timeout(Duration::from_secs(10), waiting).await.expect("there are places again");
    assert!(answer.body.contains(full), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_and_says_nothing_is_let_go() {
    let (gateway, _, _kdc) = house("").await;
    let mut silent = TcpStream::connect(("127.0.0.1", gateway.plan.port())).await.unwrap();
    let ended = timeout(Duration::from_secs(15), silent.read(&mut [0; 1])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
}
