//! What applications see of requests, and browsers of answers.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest as _};

use crate::support::{
    curl::{Curl, FOLLOW},
    gateway::{Plan, TestGateway},
    kdc::Kdc,
    tls,
    upstream::Seen,
};

/// A gateway, and Alice's browser with a session on Jira's host.
struct House {
    gateway: TestGateway,
    alice: Curl,
    _kdc: Kdc,
}

async fn house() -> House {
    house_with("").await
}

async fn house_with(more: &str) -> House {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let gateway = Plan::new().with_tickets(&kdc.keytab()).with(more).start().await;
    let alice = gateway.browser().with_env(kdc.client_env(&kdc.login("alice")));
    assert_eq!(alice.get(&gateway.jira(), &FOLLOW).await.status, 200);
    House { gateway, alice, _kdc: kdc }
}

impl House {
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.jira())
    }

    fn cookie(&self) -> String {
        let name = "__Host-gatehouse-session";
        format!("{name}={}", self.alice.cookie("jira.localhost", name).unwrap())
    }

    /// A TLS connection to the gateway.
    async fn connect(&self) -> TlsStream<TcpStream> {
        tls::connect(&self.gateway.plan, "jira.localhost").await
    }

    /// Sends bytes as they are, and reads until the gateway closes.
    async fn send(&self, raw: &str) -> String {
        let mut stream = self.connect().await;
        let host = format!("jira.localhost:{}", self.gateway.plan.port());
        let raw = raw.replace("{HOST}", &host).replace("{COOKIE}", &self.cookie());
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_say_who_it_is_or_where_it_comes_from() {
    let house = house().await;
    let spoofed = [
        "X-Forwarded-User: root",
        "x_forwarded_user: root",
        "X.Forwarded~User: root",
        "X-Forwarded-Groups: jira-administrators",
        "X_Forwarded_Email: root@example.test",
        "X-Forwarded-For: 203.0.113.9",
        "X_Forwarded_For: 203.0.113.9",
        "Forwarded: for=203.0.113.9",
        "X-Real-IP: 203.0.113.9",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Prefix: /evil",
        "X-Original-URL: /admin",
        "X-HTTP-Method-Override: DELETE",
        "Remote_User: root",
        "X-Gatehouse-Assertion: e30.e30.",
        "x_gatehouse.assertion: e30.e30.",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate: a=b",
        "Proxy: evil.example",
        "TE: trailers",
        "Trailer: X-Forwarded-User",
        "HTTP2-Settings: AAMAAABk",
        "Connection: X-Forwarded-User, x-forwarded-for, keep-alive",
    ];
    let more: Vec<&str> = spoofed.iter().flat_map(|header| ["-H", *header]).collect();
    let more: Vec<&str> = more.into_iter().chain(["--http1.1"]).collect();
    let seen: Seen = house.alice.ask(&house.url("/x"), &more).await.json();
    let port = house.gateway.plan.port();
    let host = format!("jira.localhost:{port}");
    let expected = BTreeMap::from([
        ("host", host.as_str()),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", &host),
        ("x-forwarded-user", "alice"),
    ]);
    assert!(seen.headers["x-gatehouse-assertion"].len() > 200, "ours");
    assert!(!seen.headers["traceparent"].contains("4bf92f3577b34da6"), "ours");
    for (name, value) in expected {
        assert_eq!(seen.headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    let mut names: Vec<_> = seen.headers.keys().map(String::as_str).collect();
    names.retain(|name| !["accept", "user-agent"].contains(name));
    assert_eq!(
        (seen.headers["connection"].as_str(), seen.headers["te"].as_str()),
        ("TE", "trailers")
    );
    assert_eq!(
        names,
        [
            "connection",
            "host",
            "te",
            "traceparent",
            "x-forwarded-for",
            "x-forwarded-groups",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-forwarded-user",
            "x-gatehouse-assertion"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn own_credentials_pass_and_then_nobody_else_is_spoken_for() {
    let house = house().await;
    let bearer = ["-H", "Authorization: Bearer pat", "-H", "Cookie: JSESSIONID=1; a=b"];
    let seen: Seen = house.alice.ask(&house.url("/rest/x"), &bearer).await.json();
    assert_eq!(seen.headers["authorization"], "Bearer pat");
    assert!(!seen.headers.contains_key("x-forwarded-user"), "{seen:?}");
    assert!(seen.headers["cookie"].contains("JSESSIONID=1"));
    assert!(!seen.headers["cookie"].contains("gatehouse"), "{seen:?}");

    let ticket = ["-H", "Authorization: Negotiate YIIabc"];
    let seen: Seen = house.alice.ask(&house.url("/rest/x"), &ticket).await.json();
    assert!(!seen.headers.contains_key("authorization"), "{seen:?}");
    assert_eq!(seen.headers["x-forwarded-user"], "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_account_in_an_applications_directories_is_not_let_in() {
    let away = crate::support::free_port();
    let more = format!(
        "[[app]]\nname = \"archive\"\nurl = \"{{jira}}/archive\"\ndirectories = [\"Archive\"]\n\
         upstream = \"http://127.0.0.1:{away}\"\n"
    );
    let house = house_with(&more).await;
    let refused = house.alice.get(&house.url("/archive/x"), &[]).await;
    assert_eq!(refused.status, 403, "{}", refused.heads);
    assert!(refused.body.contains("no active account"), "{}", refused.body);
    assert_eq!(
        house.alice.get(&house.url("/archived"), &[]).await.status,
        200,
        "another application"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_visit_to_an_application_gives_its_default_groups() {
    let away = crate::support::free_port();
    let more = format!(
        "[[app]]\nname = \"boards\"\nurl = \"{{jira}}/boards\"\ndefault_groups = [\"board-users\"]\n\
         upstream = \"http://127.0.0.1:{away}\"\n"
    );
    let house = house_with(&more).await;
    let show = async || {
        let shown = house.gateway.command(&["user", "show", "alice"]).await;
        String::from_utf8(shown.stdout).unwrap()
    };
    assert!(!show().await.contains("board-users"), "not here yet");
    assert_eq!(house.alice.get(&house.url("/boards/"), &[]).await.status, 502);
    assert!(show().await.contains("\"board-users\" by default:boards"), "{}", show().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_decide_who_needs_a_login() {
    let house = house().await;
    let nobody = house.gateway.browser();
    let seen: Seen = nobody.get(&house.url("/status"), &[]).await.json();
    assert!(!seen.headers.contains_key("x-forwarded-user"));
    let seen: Seen = nobody.get(&house.url("/public/a"), &[]).await.json();
    assert!(!seen.headers.contains_key("x-forwarded-user"));
    let seen: Seen = house.alice.get(&house.url("/public/a"), &[]).await.json();
    assert_eq!(seen.headers["x-forwarded-user"], "alice");
    let seen: Seen = house.alice.get(&house.url("/status"), &[]).await.json();
    assert!(!seen.headers.contains_key("x-forwarded-user"), "passed without an identity");

    let before = house.gateway.jira.requests();
    for (path, status) in [
        ("/closed/x", 403),
        ("//closed;x/y", 403),
        ("/public/..;/closed/x", 400),
        ("/public/%2e%2e/x", 400),
        ("/public/%2fx", 400),
        ("/_gatehouse/nothing", 404),
        ("/%5fgatehouse/login", 404),
        ("/%5Fgatehouse;x/handover", 404),
    ] {
        assert_eq!(house.alice.get(&house.url(path), &[]).await.status, status, "{path}");
    }
    for path in ["/statusx", "/status/", "/Status", "/public;x/../", "/publicx"] {
        let answer = nobody.get(&house.url(path), &[]).await;
        assert!(matches!(answer.status, 303 | 400), "{path}: {}", answer.heads);
    }
    assert_eq!(nobody.get(&house.url("/status"), &["-X", "POST"]).await.status, 401);
    assert_eq!(house.gateway.jira.requests(), before, "nothing of it reached the application");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_ask_for_groups_and_let_credentials_pass_where_they_say_so() {
    // Nothing listens there: 502 is what whoever gets through sees.
    let away = crate::support::free_port();
    let more = format!(
        "[[app]]\nname = \"boards\"\nurl = \"{{jira}}/boards\"\n\
         upstream = \"http://127.0.0.1:{away}\"\nrule = [\n\
         {{ path = \"/boards/admin/*\", decision = \"login\", groups = [\"Board-Admins\"] }},\n\
         {{ path = \"/boards/rest/*\", decision = \"pass\", with_credentials = true }},\n\
         {{ path = \"/boards/near\", decision = \"pass\", networks = [\"127.0.0.0/8\"] }},\n\
         {{ path = \"/boards/far\", decision = \"pass\", networks = [\"10.0.0.0/8\"] }} ]\n"
    );
    let house = house_with(&more).await;
    let status = async |path: &str| house.alice.get(&house.url(path), &[]).await.status;
    assert_eq!(status("/boards/x").await, 502);
    for path in ["/boards/admin/x", "/boards/Admin;x/x", "/boards/%61dmin"] {
        assert_eq!(status(path).await, 403, "{path}");
    }
    for arguments in [["create", "board-admins"].as_slice(), &["join", "board-admins", "alice"]] {
        let done = house.gateway.command(&[&["group"], arguments].concat()).await;
        assert!(done.status.success());
    }
    let joined = std::time::Instant::now();
    while status("/boards/admin/x").await != 502 {
        assert!(joined.elapsed().as_secs() < 60, "the group has not arrived");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }

    let nobody = house.gateway.browser();
    let basic = ["-H", "Authorization: Basic YTpi"];
    for (path, arguments, status) in [
        ("/boards/rest/x", &basic[..], 502),
        ("/boards/rest/x", &[], 401),
        (
            "/boards/rest/x",
            &[&basic[..], &["-H", "Connection: authorization", "--http1.1"]].concat(),
            401,
        ),
        ("/boards/x", &basic, 401),
        ("/boards/admin/x", &basic, 401),
        ("/boards/near", &[], 502),
        ("/boards/far", &[], 401),
        ("/boards/far", &["-H", "X-Forwarded-For: 10.0.0.1"], 401),
    ] {
        let answer = nobody.ask(&house.url(path), arguments).await;
        assert_eq!(answer.status, status, "{path} {arguments:?}: {}", answer.heads);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_two_servers_read_differently_are_refused() {
    let house = house().await;
    let before = house.gateway.jira.requests();
    let get = "GET /x HTTP/1.1\r\nHost: {HOST}\r\nCookie: {COOKIE}\r\nConnection: close\r\n";
    for (raw, status) in [
        (format!("{get}Host: {{HOST}}\r\n\r\n"), "400"),
        ("GET /x HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), "400"),
        ("GET /x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_owned(), "421"),
        (
            "GET http://evil.example/ HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
                .to_owned(),
            "400",
        ),
        (
            "CONNECT evil.example:443 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
                .to_owned(),
            "405",
        ),
        (get.replace("GET", "TRACE") + "\r\n", "405"),
        (get.replace("GET", "get") + "\r\n", "405"),
        (get.replace("/x", "/x\\y") + "\r\n", "400"),
        (get.replace("/x", &format!("/{}", "a".repeat(9000))) + "\r\n", "414"),
        (format!("{get}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "501"),
        (format!("{get}Content_Length: 3\r\n\r\nabc"), "400"),
        (format!("{get}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"), "400"),
        (format!("{get}Content-Length: +3\r\n\r\nabc"), "400"),
        (format!("{get}X-Y : z\r\n\r\n"), "400"),
        (format!("{get} folded\r\n\r\n"), "400"),
    ] {
        let answer = house.send(&raw).await;
        let found = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(found, status, "{raw:?}: {answer:?}");
    }
    assert_eq!(house.gateway.jira.requests(), before, "nothing of it reached the application");
    // The good one among them gets through.
    let answer = house.send(&format!("{get}\r\n")).await;
    assert!(answer.contains("\"x-forwarded-user\":\"alice\""), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_hidden_in_a_first_one_is_read_by_nobody() {
    let house = house().await;
    let smuggled = "POST /x HTTP/1.1\r\nHost: {HOST}\r\nCookie: {COOKIE}\r\nContent-Length: 4\r\n\
                    Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /closed/hidden HTTP/1.1\r\n\
                    Host: {HOST}\r\nConnection: close\r\n\r\n";
    let before = house.gateway.jira.requests();
    let answer = house.send(smuggled).await;
    let reached = house.gateway.jira.requests() - before;
    assert!(reached <= 1, "{answer}");
    assert!(!answer.contains("\"target\":\"/closed/hidden\""), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_back_without_what_is_ours() {
    let house = house().await;
    let answer = house.alice.get(&house.url("/cookies"), &[]).await;
    assert_eq!(answer.heads.to_lowercase().matches("set-cookie").count(), 2, "{}", answer.heads);
    assert!(!answer.heads.contains("evil"), "{}", answer.heads);
    assert_eq!(answer.header("keep-alive"), None);
    let moved = house.alice.get(&house.url("/moved"), &[]).await;
    assert_eq!((moved.status, moved.header("location").unwrap().as_str()), (302, "/elsewhere"));
    let head = house.alice.get(&house.url("/x"), &["-I"]).await;
    assert!(head.status == 200 && !head.body.contains('{'), "{}", head.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_both_ways_over_both_versions() {
    let house = house().await;
    for version in ["--http1.1", "--http2"] {
        // Three lines, 700 ms apart: the first one is here before the last one was written.
        let url = house.url("/ticks");
        let cookie = format!("Cookie: {}", house.cookie());
        let mut curl = tokio::process::Command::new("curl")
            .args(["-sSN", version, "-H", &cookie, "--cacert"])
            .arg(house.gateway.plan.ca())
            .arg(&url)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
        let first = timeout(Duration::from_millis(650), lines.next_line()).await;
        assert_eq!(first.expect("not held back").unwrap().unwrap(), "data: 0", "{version}");
        let mut count = 1;
        while let Some(line) = lines.next_line().await.unwrap() {
            count += usize::from(line.starts_with("data"));
        }
        assert_eq!(count, 3, "{version}");

        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(300 << 20).unwrap();
        let upload = format!("@{}", file.path().display());
        for more in [vec![], vec!["-H", "Transfer-Encoding: chunked"]] {
            if version == "--http2" && !more.is_empty() {
                continue; // HTTP/2 has no chunks.
            }
            let mut arguments = vec![version, "-X", "POST", "-T", &upload[1..]];
            arguments.extend(more);
            let seen: Seen = house.alice.ask(&house.url("/upload"), &arguments).await.json();
            assert_eq!((seen.body_bytes, seen.method.as_str()), (300 << 20, "POST"));
        }
        let large = house.alice.ask(&house.url("/large"), &[version, "-w", "%{http_code} x"]).await;
        assert_eq!(large.body.len(), 256 << 20, "{version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_used_again_and_broken_ones_are_not() {
    let house = house().await;
    let mut connections = Vec::new();
    for path in ["/a", "/cookies", "/b", "/moved", "/c"] {
        let answer = house.alice.ask(&house.url(path), &[]).await;
        if answer.body.starts_with('{') {
            connections.push(answer.json::<Seen>().connection);
        }
    }
    assert_eq!(connections.len(), 3);
    assert!(connections.iter().all(|connection| *connection == connections[0]), "{connections:?}");

    // Somebody goes away in the middle: what is left of the answer belongs to nobody.
    let mut stream = house.connect().await;
    let host = format!("jira.localhost:{}", house.gateway.plan.port());
    let request =
        format!("GET /large HTTP/1.1\r\nHost: {host}\r\nCookie: {}\r\n\r\n", house.cookie());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut some = [0; 1000];
    stream.read_exact(&mut some).await.unwrap();
    drop(stream);
    for _ in 0..20 {
        let seen: Seen = house.alice.ask(&house.url("/d"), &[]).await.json();
        assert_eq!(seen.target, "/d");
    }
}

async fn open_websocket(
    house: &House,
    headers: &[(&'static str, String)],
) -> Result<tokio_tungstenite::WebSocketStream<TlsStream<TcpStream>>, tungstenite::Error> {
    let url = house.url("/echo").replace("https://", "wss://");
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = house.connect().await;
    tokio_tungstenite::client_async(request, stream).await.map(|(socket, _)| socket)
}

fn status(error: &tungstenite::Error) -> u16 {
    match error {
        tungstenite::Error::Http(response) => response.status().as_u16(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_echoes_through_the_gateway_until_the_session_ends() {
    let house = house().await;
    let cookie = ("cookie", house.cookie());
    let origin = ("origin", house.gateway.jira());
    let mut socket = open_websocket(&house, &[cookie.clone(), origin]).await.unwrap();
    for number in 0..100 {
        let text = format!("message {number} {}", "x".repeat(number * 100));
        socket.send(Message::text(text.clone())).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap(), text);
    }

    let nobody = open_websocket(&house, &[]).await.unwrap_err();
    assert_eq!(status(&nobody), 401);
    let foreign = ("origin", "https://evil.example".to_owned());
    let foreign = open_websocket(&house, &[cookie, foreign]).await.unwrap_err();
    assert_eq!(status(&foreign), 403, "another site's page");

    let ended = house.gateway.command(&["session", "end", "--user", "alice"]).await;
    assert!(ended.status.success());
    let end = timeout(Duration::from_secs(5), socket.next()).await.expect("the tunnel ends");
    let Some(Ok(Message::Close(Some(last)))) = end else { panic!("{end:?}") };
    assert_eq!(u16::from(last.code), 1008, "not allowed any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_away_or_breaks_gets_a_page_of_ours() {
    let broken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let broken_port = broken.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = broken.accept().await {
            let mut some = [0; 100];
            let _ = stream.read(&mut some).await;
            let _ = stream.write_all(b"this is not HTTP\r\n\r\n").await;
        }
    });
    let away = crate::support::free_port();
    let more = format!(
        "[[app]]\nname = \"away\"\nurl = \"https://away.localhost:1\"\nupstream = \"http://127.0.0.1:{away}\"\n\
         rule = [{{ path = \"/*\", decision = \"pass\" }}]\n\
         [[app]]\nname = \"broken\"\nurl = \"https://broken.localhost:2\"\nupstream = \"http://127.0.0.1:{broken_port}\"\n\
         rule = [{{ path = \"/*\", decision = \"pass\" }}]\n"
    );
    let house = house_with(&more).await;
    for (host, code) in
        [("away.localhost:1", "just starting"), ("broken.localhost:2", "does not understand")]
    {
        let raw = format!(
            "GET /x HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
        );
        let answer = house.send(&raw).await;
        assert!(answer.starts_with("HTTP/1.1 502"), "{host}: {answer}");
        assert!(answer.contains(code) && answer.contains("x-gatehouse-trace"), "{host}: {answer}");
    }
}
