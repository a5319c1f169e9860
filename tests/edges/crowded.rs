//! More connections than anybody needs, and heads that are larger than they look.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{ask, by_shell, connect};
use crate::{
    attacks::frames::{CONTINUATION, END_STREAM, HEADERS, Http2, block},
    serve::Process,
    support::{
        curl::Curl,
        gateway::{Plan, TestGateway},
        upstream::Upstream,
    },
};

const BY_PASSWORD: &str = "[passwords]\nsign_in = \"everybody\"\n";

/// A connection from an address of this machine that nobody else uses.
async fn connect_from(address: &str, port: u16) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(format!("{address}:0").parse().unwrap())?;
    socket.connect(format!("127.0.0.1:{port}").parse().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_with_thousands_of_connections_is_bounded_and_nobody_else_suffers() {
    let jira = Upstream::start("jira").await;
    let server = "max_connections = 6000\nmax_connections_per_client = 2000";
    let plan = Plan::new().with_server(server).with(BY_PASSWORD);
    plan.configuration(jira.port, jira.port);
    // What programs are given at first is for those that use select(2).
    let mut command = by_shell("ulimit -Sn 1024");
    command.stdin(Stdio::null());
    let process = Process::start_by(command, &plan).await;
    let before = process.most_memory();
    let mut open = Vec::new();
    for _ in 0..6000 {
        open.push(connect_from("127.0.0.9", plan.port()).await.unwrap());
    }
    let curl = Curl::new(&plan.ca());
    for _ in 0..20 {
        let began = Instant::now();
        let answer = curl.ask(&format!("{}/status", plan.jira()), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.heads);
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }
    let metrics = curl.ask(&format!("{}/metrics", plan.internal()), &[]).await.body;
    let count = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.trim().parse::<u64>().unwrap()
    };
    assert_eq!(count("gatehouse_refused_total{reason=\"connections-of-one-client\"} "), 4000);
    assert!(count("gatehouse_open_connections ") <= 2000 + 25, "{metrics}");
    let grown = process.most_memory() - before;
    assert!(grown < 64 << 20, "{grown} bytes");

    // Those that were too many were told at once; the others go when they have said nothing for long.
    let last = open.last_mut().unwrap();
    let closed = timeout(Duration::from_secs(1), last.read(&mut [0; 1])).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    let first = timeout(Duration::from_secs(15), open[0].read(&mut [0; 1])).await;
    assert!(matches!(first, Ok(Ok(0) | Err(_))), "{first:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_have_become_websockets_still_count() {
    let jira = Upstream::start("jira").await;
    let more = format!(
        "[[app]]\nname = \"echo\"\nurl = \"{{jira}}/echo\"\nupstream = \"http://127.0.0.1:{}\"\n\
         rule = [{{ path = \"/echo\", decision = \"pass\" }}]\n{BY_PASSWORD}",
        jira.port
    );
    let server = "max_connections = 10\nmax_connections_per_client = 3";
    let gateway = Plan::new().with_server(server).with(&more).start().await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&gateway.plan).await;
        let host = gateway.jira().trim_start_matches("https://").to_owned();
        let handshake = format!(
            "GET /echo HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(handshake.as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 101");
        sockets.push(stream);
    }
    let status = format!("{}/status", gateway.jira());
    assert_eq!(gateway.browser().ask_in_vain(&status, &[]).await.status, 0, "there is no place");
    sockets.clear();
    for _ in 0..50 {
        if gateway.browser().ask_in_vain(&status, &[]).await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the places are not free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_uses_is_closed_when_the_configuration_says_so() {
    let gateway = Plan::new().with_server("keep_alive_seconds = 5").with(BY_PASSWORD).start().await;
    let mut stream = connect(&gateway.plan).await;
    for _ in 0..2 {
        ask(&mut stream, &gateway.plan, "/status").await;
        let used = timeout(Duration::from_secs(3), stream.read(&mut [0; 1])).await;
        assert!(used.is_err(), "not yet: {used:?}");
    }
    let closed = timeout(Duration::from_secs(5), stream.read(&mut [0; 1])).await;
    assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_a_head_a_byte_at_a_time_is_cut_off_after_half_a_minute() {
    let gateway = Plan::new().with(BY_PASSWORD).start().await;
    let mut slow = connect(&gateway.plan).await;
    let began = Instant::now();
    let head = b"GET /status HTTP/1.1\r\nHost: jira.localhost\r\nX-Never: ends";
    for byte in head.iter().cycle() {
        // Of these no silence is long.
        let sent = slow.write_all(&[*byte]).await;
        let read = timeout(Duration::from_secs(1), slow.read(&mut [0; 1])).await;
        if sent.is_err() || read.is_ok() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(45), "it is still there");
    }
    assert!(began.elapsed() > Duration::from_secs(25), "{:?}", began.elapsed());
    let metrics = gateway.plan.internal() + "/metrics";
    let metrics = gateway.browser().ask(&metrics, &[]).await.body;
    assert!(metrics.contains("gatehouse_refused_total{reason=\"head-late\"} 1"), "{metrics}");
}

/// Asks for a login with a ticket of so many bytes; a page says what is wrong with the ticket, unless the head is too large
/// for somebody on the way.
async fn with_ticket(gateway: &TestGateway, version: http::Version, bytes: usize) -> u16 {
    let ca = reqwest::Certificate::from_pem(&std::fs::read(gateway.plan.ca()).unwrap()).unwrap();
    let address = format!("127.0.0.1:{}", gateway.plan.port()).parse().unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .resolve("login.localhost", address)
        .redirect(reqwest::redirect::Policy::none());
    let client = if version == http::Version::HTTP_2 {
        client.http2_prior_knowledge()
    } else {
        client.http1_only()
    };
    let request = client.build().unwrap().get(format!("{}/_gatehouse/", gateway.login()));
    let ticket = format!("Negotiate {}", "YII".repeat(bytes / 3));
    let answer = request.header("Authorization", ticket).header("Accept", "text/html").send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.version(), version);
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_with_all_the_groups_there_can_be_fits_into_a_head_in_both_versions() {
    let gateway = Plan::new().with(BY_PASSWORD).start().await;
    for version in [http::Version::HTTP_11, http::Version::HTTP_2] {
        // What Windows makes at most, 65535 bytes, in base64.
        let status = with_ticket(&gateway, version, 87_384).await;
        assert!(status < 400 || status == 401, "{version:?}: {status}");
        assert_eq!(with_ticket(&gateway, version, 140_000).await, 431, "{version:?}");
    }
}

/// Sends pieces of a head that never ends, until the gateway has had enough; how many it took.
fn pieces_taken(gateway: &TestGateway, piece: &[u8]) -> usize {
    let address = format!("127.0.0.1:{}", gateway.plan.port());
    let mut http2 = Http2::to(&address, "jira.localhost", &gateway.plan.ca());
    let begin = block(&[(":method", "GET"), (":scheme", "https"), (":path", "/status")]);
    http2.send(HEADERS, END_STREAM, 1, &begin).unwrap();
    for number in 0..5000 {
        if http2.send(CONTINUATION, 0, 1, piece).is_err() {
            return number;
        }
        // What the kernel still takes is not what the gateway has read.
        if number % 10 == 9 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    5000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_over_http2_that_never_ends_ends_its_connection() {
    let gateway = Plan::new().with(BY_PASSWORD).start().await;
    let header = block(&[("x-more", &"x".repeat(16_000))]);
    for piece in [&b""[..], &header] {
        let taken = tokio::task::block_in_place(|| pieces_taken(&gateway, piece));
        assert!(taken < 200, "{taken} of {} bytes", piece.len());
    }
    let metrics = gateway.plan.internal() + "/metrics";
    let metrics = gateway.browser().ask(&metrics, &[]).await.body;
    assert!(metrics.contains("gatehouse_refused_total{reason=\"http2\"} 2"), "{metrics}");
    let status = format!("{}/status", gateway.jira());
    assert_eq!(gateway.browser().ask(&status, &[]).await.status, 200, "nobody else suffers");
}
