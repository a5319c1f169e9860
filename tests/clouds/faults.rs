//! What goes wrong when it is told to, and once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::peer::{Peer, heard, said};

const PAGE: &str = "/users?$top=10";

#[tokio::test]
async fn a_connection_breaks_where_it_is_told_to() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let ask = async || peer.http.get(peer.graph_url(PAGE)).bearer_auth(&token).send().await;
    peer.fault("graph", "/users", json!({ "kind": "reset_in_head" })).await;
    assert!(ask().await.is_err(), "there is no head");
    for kind in ["reset_in_body", "close_in_body"] {
        peer.fault("graph", "/users", json!({ "kind": kind })).await;
        // A reset may overtake the head.
        if let Ok(answer) = ask().await {
            assert_eq!(answer.status(), 200);
            assert!(answer.bytes().await.is_err(), "{kind}");
        }
    }
    assert_eq!(ask().await.unwrap().status(), 200, "once");
}

#[tokio::test]
async fn bytes_come_slowly_and_answers_late() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    for what in [
        json!({ "kind": "slow", "bytes": 100, "pause_ms": 5 }),
        json!({ "kind": "delay", "ms": 100 }),
    ] {
        peer.fault("graph", "/users", what).await;
        let begun = Instant::now();
        assert_eq!(peer.graph(&token, PAGE).await.ids().len(), 10);
        assert!(begun.elapsed() > Duration::from_millis(90), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn a_body_is_half_or_wrong_or_huge() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let ask = async |what: Value| {
        peer.fault("graph", "/users", what).await;
        let answer = peer.http.get(peer.graph_url(PAGE)).bearer_auth(&token).send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), kind, answer.bytes().await.unwrap())
    };
    let (status, _, body) = ask(json!({ "kind": "half_json" })).await;
    assert!(status == 200 && serde_json::from_slice::<Value>(&body).is_err());
    let (status, kind, body) = ask(json!({ "kind": "wrong_content_type" })).await;
    assert!(status == 200 && kind == "text/html" && body.starts_with(b"{"));
    let (status, kind, body) = ask(json!({ "kind": "html" })).await;
    assert!(status == 200 && kind == "text/html" && body.starts_with(b"<"));
    let (_, _, body) = ask(json!({ "kind": "enormous", "bytes": 5_000_000 })).await;
    assert!(body.len() > 5_000_000);
}

#[tokio::test]
async fn each_vendor_fails_in_its_own_words() {
    let peer = Peer::start().await;
    let (graph, google) = (peer.graph_token().await, peer.google_token().await);
    for (status, graph_code, okta_code, google_code) in [
        (429, "TooManyRequests", "E0000009", "rateLimitExceeded"),
        (500, "generalException", "E0000009", "backendError"),
        (503, "serviceNotAvailable", "E0000010", "backendError"),
        (404, "UnknownError", "E0000007", "notFound"),
    ] {
        for vendor in ["graph", "okta", "google"] {
            peer.fault(vendor, "/users", json!({ "kind": "status", "status": status })).await;
        }
        let answers = [
            (peer.graph(&graph, PAGE).await, graph_code),
            (peer.okta("/users").await, okta_code),
            (peer.google(&google, "/users?customer=my_customer").await, google_code),
        ];
        for (answer, code) in answers {
            assert_eq!((answer.status, answer.code()), (status, code));
        }
    }
    for (retry_after, header) in [(json!(17), "17"), (Value::Null, "")] {
        peer.fault("graph", "/users", json!({ "kind": "throttle", "retry_after": retry_after }))
            .await;
        let answer = peer.graph(&graph, PAGE).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, header));
    }
    peer.fault("okta", "/users", json!({ "kind": "throttle", "retry_after": null })).await;
    let answer = peer.okta("/users").await;
    let left = (answer.header("x-rate-limit-limit"), answer.header("x-rate-limit-remaining"));
    assert_eq!((answer.code(), left), ("E0000047", ("0", "0")), "too many at the same time");
}

#[tokio::test]
async fn lists_repeat_themselves_turn_around_and_lead_astray() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let plain = peer.graph(&token, PAGE).await;
    let (ids, next) = (plain.ids(), plain.body["@odata.nextLink"].as_str().unwrap().to_owned());
    let ask = async |what: Value| {
        peer.fault("graph", "/users", what).await;
        peer.graph(&token, PAGE).await
    };
    let link = |body: &Value| body["@odata.nextLink"].as_str().unwrap_or_default().to_owned();
    let empty = ask(json!({ "kind": "empty_page" })).await;
    assert_eq!(empty.ids().len(), 0);
    assert_eq!(peer.graph(&token, &link(&empty.body)).await.ids(), ids);
    assert_eq!(ask(json!({ "kind": "duplicate" })).await.ids().len(), 20);
    let backwards: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(ask(json!({ "kind": "backwards" })).await.ids(), backwards);
    assert_eq!(link(&ask(json!({ "kind": "truncated" })).await.body), "");
    let looping = link(&ask(json!({ "kind": "loop" })).await.body);
    assert_eq!(peer.graph(&token, &looping).await.ids(), ids);
    let foreign =
        ask(json!({ "kind": "foreign_next", "origin": "https://evil.example.net" })).await;
    assert!(
        link(&foreign.body).starts_with("https://evil.example.net/v1.0/users?"),
        "{}",
        foreign.body
    );
    let limited = ask(json!({ "kind": "limited" })).await;
    assert!(
        limited.body["value"][0]["displayName"].is_null()
            && limited.body["value"][0]["id"].is_string()
    );
    peer.graph(&token, PAGE).await;
    peer.fault("graph", "skiptoken", json!({ "kind": "replay" })).await;
    assert_eq!(peer.graph(&token, &next).await.ids()[..10], ids[..], "the page before comes again");
}

#[tokio::test]
async fn a_token_ends_early_and_a_new_one_is_good() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    peer.fault("graph", "/users", json!({ "kind": "expired_token" })).await;
    for _ in 0..2 {
        assert_eq!(peer.graph(&token, PAGE).await.status, 401);
    }
    assert_eq!(peer.graph(&peer.graph_token().await, PAGE).await.status, 200);
}

#[tokio::test]
async fn a_fault_waits_its_turn_and_is_counted() {
    let peer = Peer::start().await;
    let fault = json!([{ "at": "/users", "skip": 1, "times": 2, "what": { "kind": "status", "status": 500 } }]);
    peer.tell("/okta/faults", fault).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(peer.okta("/users?limit=1").await.status);
    }
    assert_eq!(statuses, [200, 500, 500, 200]);
    assert_eq!(peer.okta("/groups").await.status, 200, "another path");
    let seen = said(peer.http.get(format!("{}/okta/seen", peer.control()))).await;
    assert_eq!(seen.body.as_array().unwrap().len(), 5, "every request is remembered");
}

#[tokio::test]
async fn a_feed_is_gone_or_has_lost_its_state() {
    let peer = Peer::start().await;
    let token = peer.graph_token().await;
    let request = || peer.http.get(peer.graph_url("/users/delta")).bearer_auth(&token);
    peer.fault("graph", "delta", json!({ "kind": "gone" })).await;
    let answer = heard(request().send().await.unwrap()).await;
    assert_eq!(answer.status, 410);
    assert!(answer.header("location").ends_with("/v1.0/users/delta?$deltatoken="));
    peer.fault("graph", "delta", json!({ "kind": "lost_state" })).await;
    assert_eq!(heard(request().send().await.unwrap()).await.code(), "syncStateNotFound");
}
