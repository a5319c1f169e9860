//! What is not the cloud's: refused, and nobody is looked at.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::house::{House, SECRET, Which, houses};
use crate::support::curl::{Answer, Curl};

/// A message as each cloud would send it, with a secret.
fn message(which: Which, secret: &str) -> (Vec<String>, Value) {
    match which {
        Which::Entra => {
            let data = json!({ "@odata.type": "#Microsoft.Graph.User", "id": "u-1" });
            let said =
                json!({ "clientState": secret, "resource": "Users/u-1", "resourceData": data });
            (Vec::new(), json!({ "value": [said] }))
        }
        Which::Okta => {
            let target = json!([{ "id": "00u1", "type": "User" }]);
            let body = json!({ "data": { "events": [{ "target": target }] } });
            (vec![format!("Authorization: {secret}")], body)
        }
        Which::Google => {
            let headers = [
                format!("X-Goog-Channel-Token: {secret}"),
                "X-Goog-Resource-State: update".to_owned(),
            ];
            (headers.to_vec(), json!({ "id": "1234" }))
        }
    }
}

async fn post(browser: &Curl, url: &str, headers: &[String], body: &str) -> Answer {
    let mut arguments = vec!["-X", "POST", "-H", "Content-Type: application/json"];
    for header in headers {
        arguments.extend(["-H", header.as_str()]);
    }
    arguments.extend(["--data-binary", body]);
    browser.ask(url, &arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_believed_who_has_not_the_secret() {
    for which in Which::ALL {
        let house = House::build(which).await;
        let browser = house.gateway.browser();
        let heard = house.counted("heard").await;
        for secret in ["", "wrong", &SECRET[1..], "Bearer x", "null"] {
            let (headers, body) = message(which, secret);
            let answer = post(&browser, &house.address(), &headers, &body.to_string()).await;
            assert_eq!(answer.status, 401, "{which:?} {secret}: {}", answer.body);
        }
        assert!(house.counted("unproved").await >= 5);
        assert_eq!(house.counted("heard").await, heard, "{which:?}");
        assert!(house.status().await.contains("waiting: 0"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_login_host_listens_and_only_for_connectors_with_hints() {
    let house = House::build(Which::Okta).await;
    let browser = house.gateway.browser();
    let (headers, body) = message(Which::Okta, SECRET);
    let body = body.to_string();
    let jira = format!("{}/_gatehouse/hints/cloud", house.gateway.jira());
    let other = format!("{}/_gatehouse/hints/other", house.gateway.login());
    for url in [jira, other] {
        assert_eq!(post(&browser, &url, &headers, &body).await.status, 404, "{url}");
    }
    // Nothing but messages, and the question whether somebody is there.
    assert_eq!(browser.ask(&house.address(), &[]).await.status, 404);
    assert_eq!(browser.ask(&house.address(), &["-X", "PUT"]).await.status, 405);
    assert_eq!(post(&browser, &house.address(), &headers, &body).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused() {
    let house = House::build(Which::Okta).await;
    let browser = house.gateway.browser();
    let (headers, body) = message(Which::Okta, SECRET);
    for odd in ["", "{", "[]", "{\"data\":{}}", "\u{1}\u{2}"] {
        let answer = post(&browser, &house.address(), &headers, odd).await;
        assert_eq!(answer.status, 400, "{odd}");
    }
    let large = json!({ "data": { "events": [], "filler": "x".repeat(1_100_000) } }).to_string();
    let path = house.gateway.plan.path("large.json");
    std::fs::write(&path, large).unwrap();
    let file = format!("@{}", path.display());
    assert_eq!(post(&browser, &house.address(), &headers, &file).await.status, 413);
    let mut arguments = vec!["-X", "POST", "-H", "Content-Type: text/xml", "-H", &headers[0]];
    let body = body.to_string();
    arguments.extend(["--data-binary", &body]);
    assert_eq!(browser.ask(&house.address(), &arguments).await.status, 415);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_repeated_for_a_cloud_runs_in_no_browser() {
    let house = House::build(Which::Entra).await;
    house.ask_the_cloud().await;
    let browser = house.gateway.browser();
    let asked = format!("{}?validationToken=Validation%3A+Testing+%2B+1", house.address());
    let answer = browser.ask(&asked, &["-X", "POST", "-d", ""]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "Validation: Testing + 1"));
    assert_eq!(answer.header("content-type").as_deref(), Some("text/plain"));
    assert_eq!(answer.header("x-content-type-options").as_deref(), Some("nosniff"));
    let script = format!("{}?validationToken=%3Cscript%3E", house.address());
    let refused = browser.ask(&script, &["-X", "POST", "-d", ""]).await;
    assert!(refused.status >= 400 && !refused.body.contains("<script>"), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_is_answered_only_while_it_is_asked_for_something_and_so_nobody_elses_is() {
    for house in houses(Which::Entra).await {
        let browser = house.gateway.browser();
        let asked = format!("{}?validationToken=a-strangers", house.address());
        let ask = async || browser.ask(&asked, &["-X", "POST", "-d", ""]).await.status;
        for _ in 0..40 {
            assert_eq!(ask().await, 401);
        }
        assert!(house.counted("unasked").await >= 40);
        house.ask_the_cloud().await;
        assert_eq!(ask().await, 200, "what was refused counts for nobody");
        // Whoever asked is gone.
        house.clock_forward(181);
        assert_eq!(ask().await, 401);
        let looked = house.counted("looked").await;
        let renamed = json!({ "do": "change_user", "no": 7, "set": { "display": "New Name" } });
        house.happen(renamed);
        house.wait_until(async || house.counted("looked").await > looked).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_no_sign_of_a_stranger() {
    let house = House::build(Which::Entra).await;
    let browser = house.gateway.browser();
    for _ in 0..40 {
        let answer = post(&browser, &house.address(), &[], "{").await;
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
    assert_eq!(house.counted("no_room").await, 0);
}

/// Sends the first half of a message from an address of this machine, and waits with the other.
async fn send_by_half(house: &House, from: &str) -> TlsStream<TcpStream> {
    let plan = &house.gateway.plan;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(([127, 0, 0, 1], plan.port()).into()).await.unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(plan.ca()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("login.localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap();
    let host = plan.login();
    let half = format!(
        "POST /_gatehouse/hints/cloud HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n{{",
        host.split("//").nth(1).unwrap()
    );
    stream.write_all(half.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_come_slowly_keep_no_other_from_being_heard() {
    let house = House::build(Which::Entra).await;
    let mut senders = Vec::new();
    for _ in 0..100 {
        senders.push(send_by_half(&house, "127.0.0.2").await);
    }
    let browser = house.gateway.browser();
    let (headers, body) = message(Which::Entra, "forged");
    let began = std::time::Instant::now();
    let answer = post(&browser, &house.address(), &headers, &body.to_string()).await;
    assert_eq!(answer.status, 401, "it was read: {}", answer.body);
    assert!(began.elapsed().as_secs() < 3, "nobody waits for those who send slowly");
    assert!(house.counted("no_room").await >= 90);
    drop(senders);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_forged_hints_costs_nothing_and_real_ones_come_through() {
    for which in [Which::Entra, Which::Okta] {
        let house = House::build(which).await;
        let browser = house.gateway.browser();
        let (headers, body) = message(which, "forged");
        let body = body.to_string();
        for _ in 0..60 {
            let answer = post(&browser, &house.address(), &headers, &body).await;
            assert_eq!(answer.status, 401);
        }
        assert!(house.status().await.contains("waiting: 0"), "nothing is written down");
        // Also if the flood came from the cloud's own addresses: anybody may have made it send that.
        let looked = house.counted("looked").await;
        let renamed = json!({ "do": "change_user", "no": 7, "set": { "display": "New Name" } });
        house.happen(renamed);
        house.wait_until(async || house.counted("looked").await > looked).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_that_are_repeated_are_looked_at_once() {
    let house = House::build(Which::Okta).await;
    house.happen(json!({ "do": "change_user", "no": 7, "set": { "display": "New Name" } }));
    house.wait_until(async || house.counted("looked").await >= 1).await;
    let told = house.cloud().hooks.told().last().unwrap().clone();
    let headers = vec![format!("Authorization: {SECRET}")];
    let browser = house.gateway.browser();
    let (history, looked) = (house.runs().await, house.counted("looked").await);
    for _ in 0..20 {
        let answer = post(&browser, &house.address(), &headers, &told.body.to_string()).await;
        assert_eq!(answer.status, 204);
    }
    house.wait_until(async || house.counted("looked").await > looked).await;
    assert_eq!(house.runs().await, history);
    assert!(house.counted("looked").await - looked < 10, "they are taken together");
}
