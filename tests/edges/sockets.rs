//! Sockets that somebody else keeps, as systemd does, and what it is told.

use std::{
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{ask, by_shell, connect};
use crate::{
    serve::Process,
    support::{gateway::Plan, upstream::Upstream},
};

const BY_PASSWORD: &str = "[passwords]\nsign_in = \"everybody\"\n";

/// Connects anew for each request, in clear, and wants an answer to each.
async fn come_and_go(host: String, stop: Arc<AtomicBool>, served: Arc<AtomicU32>) {
    let (_, port) = host.split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let request = format!("GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    while !stop.load(Ordering::Relaxed) {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        served.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_gateway_that_starts_again_on_a_socket_that_somebody_keeps_turns_nobody_away() {
    let jira = Upstream::start("jira").await;
    let mut plan = Plan::new()
        .with_server("trusted_proxies = [\"127.0.0.1/32\"]")
        .with(BY_PASSWORD)
        .draining(1);
    plan.replace_default_certificate("");
    plan.configuration(jira.port, jira.port);
    // As systemd does it: the socket is its own, and its name in the gateway is 3.
    let kept = TcpListener::bind(("127.0.0.1", plan.port())).unwrap();
    let start = async || {
        let mut command = by_shell("exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$");
        command.stdin(Stdio::from(OwnedFd::from(kept.try_clone().unwrap())));
        Process::start_by(command, &plan).await
    };
    let mut process = start().await;
    let host = plan.jira().trim_start_matches("https://").to_owned();
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut load = tokio::task::JoinSet::new();
    for _ in 0..4 {
        load.spawn(come_and_go(host.clone(), stop.clone(), served.clone()));
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        process.ask_to_stop();
        assert!(process.ended().await.success());
        process = start().await;
    }
    stop.store(true, Ordering::Relaxed);
    load.join_all().await;
    assert!(served.load(Ordering::Relaxed) > 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_when_the_gateway_is_ready_reloads_lives_and_stops() {
    let jira = Upstream::start("jira").await;
    let plan = Plan::new().with(BY_PASSWORD);
    plan.configuration(jira.port, jira.port);
    let socket = UnixDatagram::bind(plan.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let hear = || {
        let mut bytes = [0; 200];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    let notify =
        format!("export NOTIFY_SOCKET={} WATCHDOG_USEC=600000000", plan.path("notify").display());
    let mut command = by_shell(&notify);
    command.stdin(Stdio::null());
    let process = Process::start_by(command, &plan).await;
    let first = [hear(), hear()];
    assert!(
        first.contains(&"READY=1".to_owned()) && first.contains(&"WATCHDOG=1".to_owned()),
        "{first:?}"
    );
    process.signal("HUP");
    assert!(hear().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(hear(), "READY=1");
    assert!(ask(&mut connect(&plan).await, &plan, "/status").await.contains(" 200 "));
    process.ask_to_stop();
    assert_eq!(hear(), "STOPPING=1");
    assert!(process.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_the_kernel_has_connected_is_served_before_the_gateway_ends() {
    let jira = Upstream::start("jira").await;
    let mut plan =
        Plan::new().with_server("trusted_proxies = [\"127.0.0.1/32\"]").with(BY_PASSWORD);
    plan.replace_default_certificate("");
    plan.configuration(jira.port, jira.port);
    let process = Process::start(&plan).await;
    // While it sleeps, nobody but the kernel answers.
    process.signal("STOP");
    let host = plan.jira().trim_start_matches("https://").to_owned();
    let request = format!("GET /status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let mut waiting = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(("127.0.0.1", plan.port())).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    process.signal("INT");
    process.signal("CONT");
    for (index, mut stream) in waiting.into_iter().enumerate() {
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{index}: {read:?} {answer}");
    }
    assert!(process.ended().await.success());
}
