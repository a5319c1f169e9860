//! How the gateway takes its leave.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::{ask, close_code, connect, echoes, open_websocket};
use crate::{
    attacks::frames::{End, GOAWAY, Http2},
    serve::Process,
    support::{curl::Curl, gateway::Plan, upstream::Upstream},
};

/// A plan whose Jira needs no login for what these tests ask, with so many seconds to drain.
fn plan(drain_seconds: u32, app: &Upstream) -> Plan {
    let open = |name: &str| {
        format!(
            "[[app]]\nname = \"{name}\"\nurl = \"{{jira}}/{name}\"\nupstream = \"http://127.0.0.1:{}\"\n\
             rule = [{{ path = \"/{name}/*\", decision = \"pass\" }}]\n",
            app.port
        )
    };
    let by_password = "[passwords]\nsign_in = \"everybody\"\n".to_owned();
    let more = [open("echo"), open("poll"), by_password].concat();
    let plan = Plan::new().with(&more).draining(drain_seconds);
    plan.configuration(app.port, app.port);
    plan
}

async fn wait_until_unready(plan: &Plan) {
    let ready = format!("{}/readyz", plan.internal());
    for _ in 0..100 {
        if Curl::new(&plan.ca()).ask(&ready, &[]).await.status == 503 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is still ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_it_is_unready_and_serves_everybody_and_sends_them_elsewhere() {
    let app = Upstream::start("jira").await;
    let plan = plan(4, &app);
    let process = Process::start(&plan).await;
    let mut idle = connect(&plan).await;
    let mut used = connect(&plan).await;
    for stream in [&mut idle, &mut used] {
        let head = ask(stream, &plan, "/status").await;
        assert!(head.contains("200 ok") && !head.contains("connection: close"), "{head}");
    }
    let began = Instant::now();
    process.ask_to_stop();
    wait_until_unready(&plan).await;
    assert!(began.elapsed() < Duration::from_secs(2), "readiness is the first to go");

    let head = ask(&mut used, &plan, "/status").await;
    assert!(head.contains("200 ok") && head.contains("connection: close"), "{head}");
    assert_eq!(used.read(&mut [0; 1]).await.unwrap_or(0), 0, "and so it was");
    let head = ask(&mut connect(&plan).await, &plan, "/status").await;
    assert!(head.contains("200 ok") && head.contains("connection: close"), "a newcomer: {head}");
    let status = format!("{}/status", plan.jira());
    let http2 = Curl::new(&plan.ca()).ask(&status, &["--http2"]).await;
    assert_eq!(http2.status, 200, "{}", http2.heads);
    // Whoever is idle is not cut off in what they may just be sending.
    assert!(timeout(Duration::from_secs(2), idle.read(&mut [0; 1])).await.is_err());

    assert!(process.ended().await.success());
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(4) && took < Duration::from_secs(8), "{took:?}");
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_there_over_http2_is_told_to_go_when_the_drain_begins() {
    let app = Upstream::start("jira").await;
    let plan = plan(5, &app);
    let process = Process::start(&plan).await;
    let address = format!("127.0.0.1:{}", plan.port());
    let mut http2 = tokio::task::block_in_place(|| {
        let mut http2 = Http2::to(&address, "jira.localhost", &plan.ca());
        let host = plan.jira().replace("https://", "");
        let place = [(":scheme", "https"), (":authority", host.as_str()), (":path", "/status")];
        http2.ask(1, &[&[(":method", "GET")], &place[..]].concat()).unwrap();
        assert_eq!(http2.end_of(1), End::Status(200));
        http2
    });
    let began = Instant::now();
    process.ask_to_stop();
    wait_until_unready(&plan).await;
    let frame = tokio::task::block_in_place(|| {
        loop {
            match http2.next() {
                Ok(Some(frame)) if frame.kind != GOAWAY => {}
                frame => return frame,
            }
        }
    });
    assert_eq!(frame.unwrap().map(|frame| frame.kind), Some(GOAWAY));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_over_http2_ends_and_nothing_else_begins_on_its_connection() {
    let app = Upstream::start("jira").await;
    let plan = plan(1, &app);
    let process = Process::start(&plan).await;
    // Three seconds until it answers: longer than the drain.
    let slow = format!("{}/poll", plan.jira());
    let curl = Curl::new(&plan.ca());
    let (answer, status) = tokio::join!(curl.ask(&slow, &["--http2"]), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        process.ask_to_stop();
        process.ended().await
    });
    assert_eq!(answer.status, 200, "{}", answer.heads);
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_are_told_that_the_gateway_goes() {
    let app = Upstream::start("jira").await;
    let plan = plan(0, &app);
    let process = Process::start(&plan).await;
    let mut socket = open_websocket(&plan, None).await;
    assert!(echoes(&mut socket).await);
    process.ask_to_stop();
    assert_eq!(close_code(&mut socket).await, 1001);
    // The client's answer, and the end.
    let more = socket.next().await;
    assert!(!matches!(more, Some(Ok(_))), "{more:?}");
    assert!(process.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_insists_need_not_wait() {
    let app = Upstream::start("jira").await;
    let plan = plan(60, &app);
    let process = Process::start(&plan).await;
    let began = Instant::now();
    process.ask_to_stop();
    wait_until_unready(&plan).await;
    process.ask_to_stop();
    assert!(!process.ended().await.success(), "it is said that it was no orderly end");
    assert!(began.elapsed() < Duration::from_secs(10));

    // Nobody waits for load balancers at a keyboard.
    let process = Process::start(&plan).await;
    let began = Instant::now();
    process.signal("INT");
    assert!(process.ended().await.success());
    assert!(began.elapsed() < Duration::from_secs(10));
}
