//! What is sent once more, and what is not.

use super::{Node, app, at, code, house, node::Mode};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_sent_goes_to_another_address_whatever_it_is() {
    let (mut one, two) = (Node::start("one").await, Node::start("two").await);
    let house = house(&app("cluster", &at(&[&one, &two]))).await;
    one.go_away().await;
    for _ in 0..4 {
        let answer = house.gateway.browser().ask(&house.url("/cluster/x"), &["-d", "a=1"]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "two"));
    }
    assert_eq!(two.count("POST"), 4);
    assert!(
        house.metric("gatehouse_upstream_retries_total{app=\"cluster\",outcome=\"unsent\"}").await
            > 0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_seen_is_sent_again_only_if_it_changes_nothing() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let house = house(&app("cluster", &at(&[&one, &two]))).await;
    one.set(Mode::Resets);
    two.set(Mode::Resets);
    let lost = house.post("/cluster/x").await;
    assert_eq!((lost.status, code(&lost).as_str()), (502, "upstream-broken"));
    assert_eq!(one.count("POST") + two.count("POST"), 1);
    let lost = house.browser.ask(&house.url("/cluster/x"), &["-X", "GET", "-d", "a=1"]).await;
    assert_eq!(lost.status, 502);
    assert_eq!(one.count("GET") + two.count("GET"), 1, "it has a body");

    two.set(Mode::Well);
    for method in ["GET", "OPTIONS"] {
        for _ in 0..2 {
            let browser = house.gateway.browser();
            let found = browser.ask(&house.url("/cluster/x"), &["-X", method]).await;
            assert_eq!((found.status, found.body.as_str()), (200, "two"), "{method}");
        }
    }
    let lost = house.gateway.browser().ask(&house.url("/cluster/x"), &["-X", "DELETE"]).await;
    assert!(lost.status == 502 || lost.body == "two", "{}", lost.body);
    assert!(one.count("DELETE") + two.count("DELETE") == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_application_has_just_ended_is_no_failure_of_its() {
    let one = Node::start("one").await;
    let house = house(&app("cluster", &at(&[&one]))).await;
    one.set(Mode::ClosesUsed);
    for _ in 0..3 {
        let answer = house.get("/cluster/x").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "one"));
    }
    assert_eq!(house.status("cluster").await[0].failures, 0);
    // Its first request may have been seen, and so may the second; there is no third.
    let before = one.count("POST");
    assert_eq!(house.post("/cluster/x").await.status, 502);
    assert_eq!(one.count("POST"), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_ended_while_nobody_used_it_is_not_used() {
    let one = Node::start("one").await;
    let house = house(&app("cluster", &at(&[&one]))).await;
    one.set(Mode::Impatient(200));
    for round in 1..=3 {
        assert_eq!(house.post("/cluster/x").await.status, 200);
        assert_eq!(one.connections(), round);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    // It is closed here too, though nobody asks for one.
    house.wait_until_unused().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_in_time_is_not_asked_again() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let lines = at(&[&one, &two]) + "answer_timeout_seconds = 1\n";
    let house = house(&app("cluster", &lines)).await;
    one.set(Mode::Silent);
    two.set(Mode::Silent);
    let late = house.get("/cluster/x").await;
    assert_eq!((late.status, code(&late).as_str()), (504, "upstream-timeout"));
    assert_eq!(one.count("GET") + two.count("GET"), 1);
}
