//! Addresses that go down and come back.

use super::{House, Node, app, at, house, node::Mode};

/// Pages are asked for every second; the kind says which.
const LOOKED_AT: &str = "kind = \"jira\"\npreset = false\nhealth = { interval_seconds = 1, timeout_seconds = 1, \
                         failures = 2, successes = 1 }\n";

/// Nobody asks for pages: only requests say how an address is.
const ONLY_REQUESTS: &str = "health = { path = \"\", failures = 3 }\n";

async fn pair(more: &str) -> (House, Node, Node) {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let house = house(&app("cluster", &(at(&[&one, &two]) + more))).await;
    (house, one, two)
}

impl House {
    async fn up(&self, node: &Node) -> u64 {
        let address = node.address();
        self.metric(&format!("gatehouse_upstream_up{{app=\"cluster\",address=\"{address}\"}}"))
            .await
    }

    async fn turns(&self, node: &Node, turn: &str) -> u64 {
        let labels = format!("app=\"cluster\",address=\"{}\",turn=\"{turn}\"", node.address());
        self.metric(&format!("gatehouse_upstream_turns_total{{{labels}}}")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_down_is_taken_out_and_in_again_and_nobody_notices() {
    let (house, mut one, two) = pair(LOOKED_AT).await;
    // Somebody is at the one that will go down.
    let mut browser = house.gateway.browser();
    while browser.ask(&house.url("/cluster/x"), &[]).await.body != "one" {
        browser = house.gateway.browser();
    }
    assert_eq!((house.up(&one).await, house.up(&two).await), (1, 1));
    one.go_away().await;
    let moved = browser.ask(&house.url("/cluster/x"), &[]).await;
    assert_eq!((moved.status, moved.body.as_str()), (200, "two"));
    assert!(moved.header("set-cookie").is_some(), "they stay there from now on");
    house.wait_until(&one, "out").await;
    assert_eq!((house.up(&one).await, house.up(&two).await), (0, 1));
    for _ in 0..3 {
        assert_eq!(house.get_anew("/cluster/x").await.body, "two");
    }
    let said = house.command(&["app", "status", "cluster"]).await;
    let line = said.lines().find(|line| line.starts_with(&one.address())).unwrap();
    assert!(line.contains(" out ") && said.contains("last error: cannot connect"), "{said}");

    one.come_back().await;
    house.wait_until(&one, "in").await;
    assert_eq!((house.turns(&one, "out").await, house.turns(&one, "in").await), (1, 1));
    assert_eq!(house.turns(&two, "out").await, 0);
    let still = browser.ask(&house.url("/cluster/x"), &[]).await;
    assert_eq!((still.body.as_str(), still.header("set-cookie")), ("two", None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_takes_connections_and_says_nothing_is_found_by_its_page() {
    let (house, one, _two) = pair(LOOKED_AT).await;
    one.set(Mode::Silent);
    house.wait_until(&one, "out").await;
    let status = house.status("cluster").await;
    let error = status[0].last_error.clone().unwrap();
    assert!(error.contains("/cluster/status did not come within 1s"), "{error}");
    for _ in 0..3 {
        assert_eq!(house.get_anew("/cluster/x").await.body, "two");
    }
    one.set(Mode::Well);
    house.wait_until(&one, "in").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_says_it_is_not_running_is_left_out_and_asked_only_if_no_other_is_well() {
    let (house, one, two) = pair(LOOKED_AT).await;
    one.set(Mode::Maintenance);
    house.wait_until(&one, "out").await;
    assert_eq!(house.get_anew("/cluster/x").await.body, "two");
    two.set(Mode::Maintenance);
    house.wait_until(&two, "out").await;
    let answer = house.get_anew("/cluster/x").await;
    assert_eq!(answer.status, 200, "what says so may be wrong about all of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_page_is_asked_for_requests_say_how_an_address_is() {
    let (house, mut one, _two) = pair(ONLY_REQUESTS).await;
    one.go_away().await;
    for _ in 0..8 {
        assert_eq!(house.get_anew("/cluster/x").await.body, "two", "nothing was sent to the other");
    }
    house.wait_until(&one, "out").await;
    one.come_back().await;
    let began = std::time::Instant::now();
    while house.get_anew("/cluster/x").await.body != "one" {
        assert!(began.elapsed().as_secs() < 20, "nobody tries it");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    house.wait_until(&one, "in").await;
    assert_eq!((house.turns(&one, "out").await, house.turns(&one, "in").await), (1, 1));
}
