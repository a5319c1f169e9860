//! What does not come in one piece, or in an unusual one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    serve::Process,
    support::{
        clients::python,
        curl::Curl,
        gateway::{Plan, TestGateway},
        kdc::Kdc,
        tomcat::trusting,
        upstream::{Seen, Upstream},
    },
};

/// What may be had without a login, of the application on `localhost`.
fn open_app(plan: &Plan, port: u16) -> (String, String) {
    let url = format!("https://localhost:{}", plan.port());
    let app = format!(
        "[[app]]\nname = \"open\"\nurl = \"{url}\"\nupstream = \"http://127.0.0.1:{port}\"\n\
         rule = [{{ path = \"/*\", decision = \"pass\" }}]\n"
    );
    (url, app)
}

/// A gateway in front of an application that everybody may see.
struct Hall {
    gateway: TestGateway,
    url: String,
    upstream: Upstream,
    _kdc: Kdc,
}

impl Hall {
    async fn open() -> Self {
        let kdc = Kdc::start(&["HTTP/login.localhost"]);
        let (upstream, plan) = (Upstream::start("open").await, Plan::new());
        let (url, app) = open_app(&plan, upstream.port);
        let gateway = plan.with_tickets(&kdc.keytab()).with(&app).start().await;
        Self { gateway, url, upstream, _kdc: kdc }
    }

    async fn ask(&self, path: &str, more: &[&str]) -> crate::support::curl::Answer {
        self.gateway.browser().ask(&format!("{}{path}", self.url), more).await
    }

    /// Sends bytes as they are, over TLS, and reads until the gateway closes.
    async fn send(&self, raw: &[u8]) -> Vec<u8> {
        let tls = TlsConnector::from(Arc::new(trusting(&self.gateway.plan.ca())));
        let stream = TcpStream::connect(("127.0.0.1", self.gateway.plan.port())).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = tls.connect(name, stream).await.unwrap();
        stream.write_all(raw).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        answer
    }

    fn host(&self) -> &str {
        self.url.trim_start_matches("https://")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_speaks_websocket_as_synchrony_does() {
    let Some(python) = python() else { return };
    let hall = Hall::open().await;
    let output = Command::new(python)
        .args(["tests/clients/talk.py", "websocket", &hall.url])
        .env("REQUESTS_CA_BUNDLE", hall.gateway.plan.ca())
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).expect(&errors);
    // The application does not compress, and the gateway does not say that it does.
    assert_eq!(seen, json!({ "echoed": [true, true, true, true], "compressed": false }));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_that_clients_use_arrives_as_it_is() {
    let hall = Hall::open().await;
    for version in ["--http1.1", "--http2"] {
        for method in ["GET", "OPTIONS", "PROPFIND", "REPORT", "MKCOL", "PATCH", "DELETE", "PUT"] {
            let body = ["-X", method, version, "--data-binary", "<x/>", "-H", "Depth: 1"];
            let seen: Seen = hall.ask("/webdav/a", &body).await.json();
            assert_eq!((seen.method.as_str(), seen.body_bytes), (method, 4));
            assert_eq!(seen.headers["depth"], "1");
        }
        let head = hall.ask("/x", &["-I", version]).await;
        let length: usize = head.header("content-length").unwrap().parse().unwrap();
        assert!(head.status == 200 && length > 100, "{}", head.heads);
        let polled = Instant::now();
        assert_eq!(hall.ask("/poll", &[version]).await.body, "news");
        assert!(polled.elapsed() >= Duration::from_secs(3));
    }
    assert_eq!(hall.upstream.requests(), 18);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_go_ahead_gets_one() {
    let hall = Hall::open().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(2 << 20).unwrap();
    let upload = file.path().display().to_string();
    let expect = ["--http1.1", "-X", "POST", "-T", &upload, "-H", "Expect: 100-continue"];
    let asked = Instant::now();
    let answer = hall.ask("/upload", &[&expect[..], &["--expect100-timeout", "20"]].concat()).await;
    assert!(answer.heads.starts_with("HTTP/1.1 100"), "{}", answer.heads);
    assert_eq!(answer.json::<Seen>().body_bytes, 2 << 20);
    assert!(asked.elapsed() < Duration::from_secs(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_attachments_keep_their_bytes() {
    let hall = Hall::open().await;
    let request =
        format!("GET /attachment HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", hall.host());
    let answer = hall.send(request.as_bytes()).await;
    for name in [
        &b"filename=\"\xdcbersicht \\\"1\\\".txt\"\r\n"[..],
        "filename=\"Übersicht €.txt\"\r\n".as_bytes(),
        b"filename*=UTF-8''%c3%9cbersicht%20%e2%82%ac.txt\r\n",
    ] {
        let found = answer.windows(name.len()).any(|window| window == name);
        assert!(found, "{}", String::from_utf8_lossy(&answer));
    }
}

/// `docs/operation.md` says so.
#[tokio::test(flavor = "multi_thread")]
async fn characters_that_jira_takes_unencoded_arrive_but_for_three() {
    let hall = Hall::open().await;
    for target in ["/x?jql=[]|{}^\\`'!$*()", "/browse/[a]|b", "/x?a=%22%3C%3E"] {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", hall.host());
        let answer = String::from_utf8(hall.send(request.as_bytes()).await).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(serde_json::from_str::<Seen>(body).unwrap().target, target);
    }
    for target in ["/x?a=\"", "/x?a=<", "/x?a=>"] {
        let request =
            format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", hall.host());
        let answer = hall.send(request.as_bytes()).await;
        assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_of_answers_pass_and_those_of_requests_do_not() {
    let hall = Hall::open().await;
    let get = format!("GET /trailers HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", hall.host());
    let answer =
        String::from_utf8(hall.send(format!("{get}TE: trailers\r\n\r\n").as_bytes()).await)
            .unwrap();
    assert!(answer.ends_with("0\r\nx-checksum: 42\r\n\r\n"), "{answer}");
    let without = String::from_utf8(hall.send(format!("{get}\r\n").as_bytes()).await).unwrap();
    assert!(without.ends_with("\r\n0\r\n\r\n"), "not asked for: {without}");
    let answer = hall.ask("/trailers", &["--http2", "-H", "TE: trailers"]).await;
    assert!(
        answer.heads.contains("x-checksum: 42") && answer.body == "content",
        "{}",
        answer.heads
    );

    // Nobody says in a trailer who they are.
    let post = format!(
        "POST /x HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Forwarded-User, X-Checksum\r\n\r\n3\r\nabc\r\n0\r\nX-Forwarded-User: root\r\n\
         X-Checksum: 1\r\n\r\n",
        hall.host()
    );
    let answer = String::from_utf8(hall.send(post.as_bytes()).await).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body = &body[body.find('{').unwrap()..=body.rfind('}').unwrap()];
    let seen: Seen = serde_json::from_str(body).unwrap();
    assert_eq!((seen.body_bytes, seen.trailers.len()), (3, 0), "{seen:?}");
    assert!(!seen.headers.contains_key("x-forwarded-user"), "{seen:?}");
}

/// A body of several GiB passes through, and is nowhere as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn gigabytes_pass_both_ways_in_little_memory() {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let (upstream, plan) = (Upstream::start("open").await, Plan::new());
    let (url, app) = open_app(&plan, upstream.port);
    let plan = plan.with_tickets(&kdc.keytab()).with(&app);
    plan.configuration(upstream.port, upstream.port);
    let gateway = Process::start(&plan).await;
    let curl = Curl::new(&plan.ca());
    assert_eq!(curl.ask(&format!("{url}/x"), &[]).await.status, 200);
    let before = gateway.most_memory();

    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len((2 << 30) + 1).unwrap();
    let upload = file.path().display().to_string();
    let patient = ["-m", "300", "-X", "POST", "-T", &upload];
    let seen: Seen = curl.ask(&format!("{url}/upload"), &patient).await.json();
    assert_eq!(seen.body_bytes, (2 << 30) + 1);

    let patient = ["-m", "300", "-o", "/dev/null", "-w", "%{http_code} %{size_download}"];
    let answer = curl.ask(&format!("{url}/large?2049"), &patient).await;
    assert_eq!(answer.url, (2049_u64 << 20).to_string());
    // The system counts roughly: what has not grown may even seem to have become less.
    let grown = gateway.most_memory().saturating_sub(before);
    eprintln!("{} MiB before, {} MiB more", before >> 20, grown >> 20);
    assert!(grown < 48 << 20, "{} MiB more", grown >> 20);
}
