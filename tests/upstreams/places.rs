//! How many requests are at an application at a time, and how connections are kept.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use super::{Node, app, at, code, house, node::Mode};
use crate::support::{tls, upstream::Upstream};

#[tokio::test(flavor = "multi_thread")]
async fn more_than_there_are_places_wait_and_then_are_told_so() {
    let one = Node::start("one").await;
    let lines =
        at(&[&one]) + "connections = { max_requests = 1, max_waiting = 1, max_wait_seconds = 1 }\n";
    let house = house(&app("cluster", &lines)).await;
    one.set(Mode::Slow(2500));
    let url = house.url("/cluster/x");
    let browsers = [(); 3].map(|()| house.gateway.browser());
    let ask = async |index: usize| {
        sleep(Duration::from_millis(300 * index as u64)).await;
        browsers[index].ask(&url, &[]).await
    };
    let (first, waits, refused) = tokio::join!(ask(0), ask(1), ask(2));
    assert_eq!((first.status, first.body.as_str()), (200, "one"));
    for answer in [waits, refused] {
        assert_eq!((answer.status, code(&answer).as_str()), (503, "upstream-full"));
        assert_eq!(answer.header("retry-after").as_deref(), Some("10"));
    }
    assert_eq!(one.seen().len(), 1);
    one.set(Mode::Slow(600));
    let (first, second) = tokio::join!(ask(0), ask(1));
    assert_eq!((first.status, second.status), (200, 200), "waiting for a little while is enough");
    assert_eq!(one.connections(), 1, "the second goes on the connection of the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_has_its_place_as_long_as_it_is_open() {
    let wiki = Upstream::start("wiki").await;
    let lines = format!(
        "upstream = \"http://127.0.0.1:{}\"\nconnections = {{ max_requests = 1, max_waiting = 0 }}\n",
        wiki.port
    );
    // All of a host, since the echo is at its root.
    let apps = app("cluster", &lines)
        .replace("{jira}/cluster", "https://cluster.localhost:1")
        .replace("/cluster/*", "/*");
    let house = house(&apps).await;
    let stream = tls::connect(&house.gateway.plan, "jira.localhost").await;
    let request = "wss://cluster.localhost:1/echo";
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap(), "hello");
    assert_eq!(house.status("cluster").await[0].requests, 1);

    let there = ["-H", "Host: cluster.localhost:1"];
    let full = house.browser.ask(&house.url("/x"), &there).await;
    assert_eq!((full.status, code(&full).as_str()), (503, "upstream-full"));
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}
    // The client does not close its connection.
    let began = Instant::now();
    while house.status("cluster").await[0].requests > 0 {
        assert!(began.elapsed().as_secs() < 20, "it keeps its place");
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(house.browser.ask(&house.url("/x"), &there).await.status, 200);
    drop(socket);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_nobody_uses_are_not_kept_for_long() {
    let one = Node::start("one").await;
    let lines = at(&[&one]) + "connections = { idle_seconds = 1 }\n";
    let house = house(&app("cluster", &lines)).await;
    for _ in 0..3 {
        house.get("/cluster/x").await;
    }
    assert_eq!((one.connections(), house.status("cluster").await[0].idle), (1, 1));
    sleep(Duration::from_millis(1200)).await;
    house.get("/cluster/x").await;
    assert_eq!((one.connections(), house.status("cluster").await[0].idle), (2, 1));
    house.wait_until_unused().await;
}
