//! Whoever has been at an address comes back to it.

use std::collections::BTreeSet;

use super::{Node, app, at, house};

const COOKIE: &str = "__Host-gatehouse-node-cluster";

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_stays_where_it_began_and_others_are_sent_elsewhere() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let house = house(&app("cluster", &at(&[&one, &two]))).await;
    let first = house.get("/cluster/x").await;
    let set = first.header("set-cookie").unwrap();
    let attributes = set.split_once("; ").unwrap().1;
    assert!(set.starts_with(&format!("{COOKIE}=")), "{set}");
    assert_eq!(attributes, "Path=/; HttpOnly; Secure; SameSite=Lax");
    assert!(!set.contains("127") && !set.contains(&one.port.to_string()), "{set}");
    for _ in 0..6 {
        let again = house.get("/cluster/x").await;
        assert_eq!((&again.body, again.header("set-cookie")), (&first.body, None));
    }
    let mut others = BTreeSet::new();
    for _ in 0..4 {
        others.insert(house.get_anew("/cluster/x").await.body);
    }
    assert_eq!(others.len(), 2, "{others:?}");
    for head in one.seen().iter().chain(&two.seen()) {
        assert!(!head.to_lowercase().contains("gatehouse"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_the_gateway_has_not_made_leads_nowhere() {
    let (one, two, foreign) =
        (Node::start("one").await, Node::start("two").await, Node::start("foreign").await);
    let other = app("other", &at(&[&foreign, &one]));
    let apps = app("cluster", &at(&[&one, &two])) + other.as_str();
    let house = house(&apps).await;
    let status = house.status("other").await;
    let foreign_id = &status.iter().find(|found| found.address == foreign.address()).unwrap().id;
    let long = "a".repeat(4000);
    for word in [foreign_id, &foreign.address(), "0", "1", "\"\"", "../..", "%00", &long, ""] {
        let cookie = format!("Cookie: {COOKIE}={word}");
        let answer = house.gateway.browser().ask(&house.url("/cluster/x"), &["-H", &cookie]).await;
        assert!(["one", "two"].contains(&&*answer.body), "{word}: {}", answer.body);
        assert!(answer.header("set-cookie").unwrap().starts_with(COOKIE), "{word}");
    }
    assert_eq!(foreign.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_word_means_the_same_address_after_a_restart() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let mut house = house(&app("cluster", &at(&[&one, &two]))).await;
    let first = house.get("/cluster/x").await.body;
    house.gateway.stop().await;
    // In the other order, too.
    house.gateway.plan.replace(&at(&[&one, &two]), &at(&[&two, &one]));
    house.gateway.try_run().await.unwrap();
    for _ in 0..3 {
        let again = house.get("/cluster/x").await;
        assert_eq!((&again.body, again.header("set-cookie")), (&first, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_caches_keep_for_everybody_pins_nobody() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let house = house(&app("cluster", &at(&[&one, &two]))).await;
    assert_eq!(house.get("/cluster/shared").await.header("set-cookie"), None);
    assert!(house.get("/cluster/x").await.header("set-cookie").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_at_one_address_needs_no_cookie() {
    let one = Node::start("one").await;
    let house = house(&app("cluster", &at(&[&one]))).await;
    assert_eq!(house.get("/cluster/x").await.header("set-cookie"), None);
}
