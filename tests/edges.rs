//! The listening side, and running it: certificates, drains, outages, restarts and reloads.

mod certificates;
mod crowded;
mod draining;
mod outages;
mod reloads;
mod rolling;
mod sockets;

use std::{process::Command, sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest as _, protocol::CloseFrame},
};

use crate::support::{curl::Curl, gateway::Plan};

const SERVICE: &str = "HTTP/login.localhost";

/// A TLS connection to a gateway that speaks HTTP/1.1.
async fn connect(plan: &Plan) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(plan.ca()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", plan.port())).await.unwrap();
    let name = ServerName::try_from("jira.localhost").unwrap();
    TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap()
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// A WebSocket of Jira's that sends back what it is sent, for whoever has a cookie if there is one.
async fn open_websocket(plan: &Plan, cookie: Option<&str>) -> Socket {
    let url = format!("{}/echo", plan.jira()).replace("https://", "wss://");
    let mut request = url.into_client_request().unwrap();
    if let Some(cookie) = cookie {
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
    }
    tokio_tungstenite::client_async(request, connect(plan).await).await.unwrap().0
}

/// Whether what is sent comes back.
async fn echoes(socket: &mut Socket) -> bool {
    socket.send(Message::text("here")).await.unwrap();
    socket.next().await.unwrap().unwrap().into_text().unwrap() == "here"
}

/// Why it ends, once it does.
async fn close_code(socket: &mut Socket) -> u16 {
    let last = timeout(Duration::from_secs(5), socket.next()).await.unwrap().unwrap().unwrap();
    let Message::Close(Some(CloseFrame { code, .. })) = last else { panic!("{last:?}") };
    code.into()
}

/// The cookie of somebody who has signed in to Jira.
fn session_cookie(browser: &Curl) -> String {
    let name = "__Host-gatehouse-session";
    format!("{name}={}", browser.cookie("jira.localhost", name).unwrap())
}

/// Asks Jira for something that answers with a short body, and reads the head of the answer, in small letters.
async fn ask(stream: &mut TlsStream<TcpStream>, plan: &Plan, path: &str) -> String {
    let host = plan.jira().trim_start_matches("https://").to_owned();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let mut some = [0; 4096];
        let length = stream.read(&mut some).await.unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&some[..length]);
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_none_or(|length| body.len() >= length.parse().unwrap()) {
            return head.to_owned();
        }
    }
}

/// The gateway, told by its shell about sockets or other things in the environment.
fn by_shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{script}; exec \"$@\""), "sh"]);
    command.arg(env!("CARGO_BIN_EXE_gatehouse"));
    command
}
