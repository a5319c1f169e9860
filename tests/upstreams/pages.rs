//! What people see when an application is not there, and what scripts do.

use super::{Node, app, at, house, node::Mode};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_it_is_and_what_to_do() {
    let mut one = Node::start("one").await;
    let lines = at(&[&one]) + "answer_timeout_seconds = 1\n";
    let house = house(&app("cluster", &lines)).await;
    let html = ["-H", "Accept: text/html"];
    let page = async |path: &str| house.browser.ask(&house.url(path), &html).await;

    one.set(Mode::Silent);
    let late = page("/cluster/x?a=1&b=%22").await;
    assert_eq!(late.status, 504, "{}", late.heads);
    assert!(late.body.contains("<h1>The application takes too long</h1>"), "{}", late.body);
    let again = format!("href=\"{}\">Try again</a>", house.url("/cluster/x?a=1&#38;b=%22"));
    assert!(late.body.contains(&again), "{again}: {}", late.body);
    assert!(late.body.contains("This page comes from the sign-on gateway"), "{}", late.body);
    assert!(late.body.contains(&late.header("x-gatehouse-trace").unwrap()), "{}", late.body);

    one.set(Mode::Resets);
    let broken = page("/cluster/x").await;
    assert_eq!(broken.status, 502);
    assert!(broken.body.contains("<h1>The application broke off</h1>"), "{}", broken.body);
    let posted = house.browser.ask(&house.url("/cluster/x"), &["-d", "a", html[0], html[1]]).await;
    assert!(posted.body.contains("look first whether it has arrived"), "{}", posted.body);
    assert!(!posted.body.contains("Try again</a>"), "a link would not send it again");

    one.go_away().await;
    let away = page("/cluster//evil.example/").await;
    assert_eq!(away.status, 502);
    assert!(away.body.contains("<h1>The application is not there</h1>"), "{}", away.body);
    let again = format!("href=\"{}\"", house.url("/cluster//evil.example/"));
    assert!(away.body.contains(&again), "{}", away.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_application_itself_passes_as_it_is() {
    let one = Node::start("one").await;
    let house = house(&app("cluster", &at(&[&one]))).await;
    let own = house.get("/cluster/own-error").await;
    assert_eq!((own.status, own.body.as_str()), (503, "<h1>Reindexing</h1>"));
    assert_eq!(own.header("x-own").as_deref(), Some("1"));
    assert_eq!((own.header("x-gatehouse-trace"), own.header("retry-after")), (None, None));
    assert_eq!(house.status("cluster").await[0].failures, 0, "it is well enough to say so");
}
