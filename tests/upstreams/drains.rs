//! Administrators empty addresses.

use super::{Node, app, at, code, house};

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_address_keeps_whom_it_has_and_a_closed_one_nobody() {
    let (one, two) = (Node::start("one").await, Node::start("two").await);
    let house = house(&app("cluster", &at(&[&one, &two]))).await;
    let mut here = house.gateway.browser();
    while here.ask(&house.url("/cluster/x"), &[]).await.body != "one" {
        here = house.gateway.browser();
    }
    let said = house.command(&["app", "drain", "cluster", &one.address()]).await;
    assert!(said.contains("draining"), "{said}");
    for _ in 0..3 {
        assert_eq!(here.ask(&house.url("/cluster/x"), &[]).await.body, "one");
        assert_eq!(house.get_anew("/cluster/x").await.body, "two");
    }
    house.command(&["app", "drain", "cluster", &one.address(), "--now"]).await;
    assert_eq!(here.ask(&house.url("/cluster/x"), &[]).await.body, "two");

    house.command(&["app", "drain", "cluster", &two.address(), "--now"]).await;
    let closed = house.get("/cluster/x").await;
    assert_eq!((closed.status, code(&closed).as_str()), (503, "upstream-closed"));
    assert_eq!(closed.header("retry-after").as_deref(), Some("120"));

    let said = house.command(&["app", "restore", "cluster", &one.address(), "--json"]).await;
    assert!(said.contains("\"admission\": \"open\""), "{said}");
    assert_eq!(house.get("/cluster/x").await.body, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_there_is_not_is_not_drained() {
    let one = Node::start("one").await;
    let mut house = house(&app("cluster", &at(&[&one]))).await;
    let output = house.gateway.command(&["app", "drain", "cluster", "127.0.0.1:1"]).await;
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && complained.contains(&one.address()), "{complained}");
    house.gateway.stop().await;
    let output = house.gateway.command(&["app", "status", "cluster"]).await;
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complained.contains("no gateway is running"), "{complained}");
}
