//! Load balancers that say in a PROXY header for whom they open a connection.

use std::{process::Stdio, sync::Arc, time::Duration};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;

use crate::support::{
    free_port,
    gateway::{Plan, TestGateway},
    kdc::Kdc,
    upstream::Seen,
    wait_for_port,
};

/// The load balancer; tests that come from elsewhere come from 127.0.0.1.
const BALANCER: &str = "127.0.0.2";

struct House {
    gateway: TestGateway,
    /// The port for load balancers.
    port: u16,
    _kdc: Kdc,
}

async fn house() -> House {
    let kdc = Kdc::start(&["HTTP/login.localhost"]);
    let port = free_port();
    let server = format!(
        "proxy_protocol_listen = [\"127.0.0.1:{port}\"]\ntrusted_proxies = [\"{BALANCER}/32\"]"
    );
    let gateway = Plan::new().with_tickets(&kdc.keytab()).with_server(&server).start().await;
    House { gateway, port, _kdc: kdc }
}

async fn connect(from: &str, port: u16) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

impl House {
    /// A request over TLS on a connection that has said what it had to say.
    async fn ask(&self, stream: TcpStream, more: &str) -> std::io::Result<String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.gateway.plan.ca()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("jira.localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await?;
        let host = format!("jira.localhost:{}", self.gateway.plan.port());
        let request =
            format!("GET /status HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        Ok(answer)
    }

    /// Whom the application sees, if the load balancer begins with these bytes, so many at a time.
    async fn client(&self, header: &[u8], at_a_time: usize, more: &str) -> String {
        let mut stream = connect(BALANCER, self.port).await;
        for piece in header.chunks(at_a_time) {
            stream.write_all(piece).await.unwrap();
            sleep(Duration::from_millis(if at_a_time < 20 { 2 } else { 0 })).await;
        }
        let answer = self.ask(stream, more).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let seen: Seen = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        seen.headers["x-forwarded-for"].clone()
    }

    async fn refused(&self, reason: &str) -> u64 {
        let url = format!("{}/metrics", self.gateway.plan.internal());
        let text = self.gateway.browser().ask(&url, &[]).await.body;
        let line = format!("gatehouse_refused_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|text| text.strip_prefix(&line)?.parse().ok()).unwrap_or_default()
    }
}

fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_load_balancer_says_whose_connection_it_is() {
    let house = house().await;
    let line = b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n";
    let v4 = [192, 0, 2, 8, 198, 51, 100, 1, 0xc3, 0x50, 1, 0xbb];
    let v6 = [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9][..], &[0; 20]].concat();
    let large = [&v4[..], &[0xea, 4, 0], &[b'x'; 1024]].concat();
    for (header, client) in [
        (line.to_vec(), "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n".to_vec(), "2001:db8::7"),
        (version_2(0x21, 0x11, &v4), "192.0.2.8"),
        (version_2(0x21, 0x21, &v6), "2001:db8::9"),
        (version_2(0x21, 0x11, &large), "192.0.2.8"),
        // Its own connections: health checks.
        (version_2(0x20, 0, &[]), BALANCER),
        (b"PROXY UNKNOWN\r\n".to_vec(), BALANCER),
    ] {
        assert_eq!(house.client(&header, 2000, "").await, client);
        assert_eq!(house.client(&header, 7, "").await, client, "in pieces");
    }
    // The client is none of the trusted: what it says about itself does not count.
    let spoofed = "X-Forwarded-For: 203.0.113.9\r\n";
    assert_eq!(house.client(line, 2000, spoofed).await, "192.0.2.7");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_trusted_or_says_nothing_useful_is_not_listened_to() {
    let house = house().await;
    let good = b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\r\n";
    let before = house.gateway.jira.requests();
    for (from, header, reason) in [
        ("127.0.0.1", &good[..], "proxy-untrusted"),
        (BALANCER, b"", "proxy-header"),
        (BALANCER, b"PROXY TCP4 192.0.2.7 198.51.100.1 50000\r\n", "proxy-header"),
        (BALANCER, b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 443\n", "proxy-header"),
        (BALANCER, &version_2(0x31, 0x11, &[0; 12]), "proxy-header"),
        (BALANCER, &version_2(0x21, 0x11, &[0; 4]), "proxy-header"),
        (BALANCER, b"GET /status HTTP/1.1\r\n\r\n", "proxy-header"),
    ] {
        let counted = house.refused(reason).await;
        let mut stream = connect(from, house.port).await;
        let _ = stream.write_all(header).await;
        assert!(house.ask(stream, "").await.is_err(), "{header:?}: it is closed");
        assert_eq!(house.refused(reason).await, counted + 1, "{header:?} is counted");
    }
    // The other address is for browsers, and knows nothing of it.
    let mut stream = connect(BALANCER, house.gateway.plan.port()).await;
    stream.write_all(good).await.unwrap();
    assert!(house.ask(stream, "").await.is_err());

    // A load balancer that begins, and does not go on.
    let mut stream = connect(BALANCER, house.port).await;
    stream.write_all(b"PROXY ").await.unwrap();
    let ended = timeout(Duration::from_secs(8), stream.read(&mut [0; 1])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "{ended:?}");
    assert_eq!(house.refused("proxy-header-late").await, 1);
    assert_eq!(house.gateway.jira.requests(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_haproxy_are_understood() {
    let house = house().await;
    let connect_to =
        format!("jira.localhost:{}:127.0.0.1:{}", house.gateway.plan.port(), house.port);
    let arguments = ["--haproxy-protocol", "--interface", BALANCER, "--connect-to", &connect_to];
    let url = house.gateway.jira() + "/status";
    let seen: Seen = house.gateway.browser().ask(&url, &arguments).await.json();
    assert_eq!(seen.headers["x-forwarded-for"], BALANCER);

    for version in ["send-proxy", "send-proxy-v2"] {
        let front = free_port();
        let configuration = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n\
             listen front\n bind 127.0.0.1:{front}\n server gateway 127.0.0.1:{} source {BALANCER} {version}\n",
            house.port
        );
        std::fs::write(configuration.path(), text).unwrap();
        let mut haproxy = tokio::process::Command::new("/usr/sbin/haproxy")
            .arg("-db")
            .arg("-f")
            .arg(configuration.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        wait_for_port(front, "HAProxy").await;
        let connect_to = format!("jira.localhost:{}:127.0.0.1:{front}", house.gateway.plan.port());
        let arguments = ["--interface", "127.0.0.3", "--connect-to", &connect_to];
        let seen: Seen = house.gateway.browser().ask(&url, &arguments).await.json();
        assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.3", "{version}");
        haproxy.kill().await.unwrap();
    }
}
