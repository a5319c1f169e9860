//! An application that tells what it was sent, in JSON.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{
        ConnectInfo, RawQuery, Request, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, Html, IntoResponse, Response},
    routing::{any, get},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use super::own_sessions;

/// What an application was sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    pub app: String,
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// By name; of several, with a line break in between.
    pub headers: BTreeMap<String, String>,
    pub body_bytes: u64,
    /// SHA-256 of the body, in base64.
    pub body_hash: String,
    /// The names of what came behind the body.
    pub trailers: Vec<String>,
    /// The connection that it came on: the client's port.
    pub connection: u16,
}

/// A page that anybody may see, with a form that only people who are signed in may send.
const FORM: &str = r#"<!DOCTYPE html><title>form</title>
<form method="post" action="/secure/Create.jspa?a=%7Bb" enctype="multipart/form-data">
<input name="summary" value="Größe &amp; Co"><input type="file" name="file"><button>Create</button></form>
<form id="plain" method="post" action="/secure/Plain.jspa"><input name="a" value="1"><button>Send</button></form>"#;

/// An application on a port of its own, which ends when this is dropped.
pub struct Upstream {
    pub port: u16,
    targets: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct App {
    name: String,
    targets: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub async fn start(name: &str) -> Self {
        let targets = Arc::default();
        let app = App { name: name.to_owned(), targets: Arc::clone(&targets) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = Router::new()
            .route("/echo", get(echo))
            .route("/ticks", get(ticks))
            .route("/large", get(large))
            .route("/cookies", get(cookies))
            .route("/public/form", get(async || Html(FORM)))
            .route("/attachment", get(attachment))
            .route("/poll", get(poll))
            .route("/trailers", get(trailers))
            .route("/moved", get(async || (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")])))
            .fallback(any(tell))
            .with_state(app)
            .merge(own_sessions::routes())
            .into_make_service_with_connect_info::<std::net::SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { port, targets, serving }
    }

    /// How many requests have come, for icons apart.
    pub fn requests(&self) -> u64 {
        self.targets().len() as u64
    }

    /// What they were for.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn tell(
    State(app): State<App>,
    ConnectInfo(client): ConnectInfo<std::net::SocketAddr>,
    request: Request,
) -> Json<Seen> {
    // Browsers ask for it whenever they like.
    if request.uri().path() != "/favicon.ico" {
        app.targets.lock().unwrap().push(request.uri().to_string());
    }
    let (parts, mut body) = request.into_parts();
    let (mut body_bytes, mut trailers) = (0, Vec::new());
    let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    while let Some(Ok(frame)) = body.frame().await {
        body_bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
        hash.update(frame.data_ref().map_or(&[][..], |data| data));
        trailers.extend(
            frame.trailers_ref().into_iter().flat_map(HeaderMap::keys).map(ToString::to_string),
        );
    }
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .entry(name.to_string())
            .and_modify(|all| *all = format!("{all}\n{value}"))
            .or_insert(value);
    }
    Json(Seen {
        app: app.name,
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers,
        body_bytes,
        body_hash: BASE64.encode(hash.finish()),
        trailers,
        connection: client.port(),
    })
}

async fn echo(upgrade: WebSocketUpgrade) -> impl IntoResponse {
    upgrade.on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            let echoed = matches!(message, Message::Text(_) | Message::Binary(_));
            if echoed && socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

/// A line, and another one only after a while: whoever buffers keeps the first one back.
async fn ticks() -> Body {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    tokio::spawn(async move {
        for tick in 0..3 {
            let line = Bytes::from(format!("data: {tick}\n\n"));
            if sender.send(Ok(line)).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    });
    from_channel(receiver)
}

/// As many MiB as the query says, else 256.
async fn large(RawQuery(query): RawQuery) -> Body {
    let count = query.map_or(256, |query| query.parse().unwrap());
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    tokio::spawn(async move {
        let chunk = Bytes::from(vec![b'x'; 1024 * 1024]);
        for _ in 0..count {
            if sender.send(Ok(chunk.clone())).await.is_err() {
                break;
            }
        }
    });
    from_channel(receiver)
}

fn from_channel(receiver: mpsc::Receiver<Result<Bytes, Infallible>>) -> Body {
    Body::new(http_body_util::StreamBody::new(Frames(receiver)))
}

struct Frames(mpsc::Receiver<Result<Bytes, Infallible>>);

impl futures_core::Stream for Frames {
    type Item = Result<http_body::Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|item| item.map(|data| data.map(http_body::Frame::data)))
    }
}

/// With names as applications write them: in Latin 1, in UTF-8, and as RFC 8187 has it.
async fn attachment() -> Response {
    let mut response = "content".into_response();
    for name in [
        &b"attachment; filename=\"\xdcbersicht \\\"1\\\".txt\""[..],
        "attachment; filename=\"Übersicht €.txt\"".as_bytes(),
        b"attachment; filename*=UTF-8''%c3%9cbersicht%20%e2%82%ac.txt",
    ] {
        let value = HeaderValue::from_bytes(name).unwrap();
        response.headers_mut().append(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// A body with a checksum behind it.
async fn trailers() -> Response {
    let trailers = HeaderMap::from_iter([(
        HeaderName::from_static("x-checksum"),
        HeaderValue::from_static("42"),
    )]);
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    let _ = sender.send(Ok(Bytes::from("content"))).await;
    let body = from_channel(receiver).with_trailers(async { Some(Ok(trailers)) });
    ([(header::TRAILER, "x-checksum")], Body::new(body)).into_response()
}

/// Nothing, for a while.
async fn poll() -> &'static str {
    tokio::time::sleep(Duration::from_secs(3)).await;
    "news"
}

async fn cookies() -> impl IntoResponse {
    let set = |value: &'static str| (header::SET_COOKIE, value);
    AppendHeaders([
        set("JSESSIONID=1; Path=/"),
        set("__Host-gatehouse-session=evil; Path=/; Secure"),
        set("seraph=2; Path=/"),
        (HeaderName::from_static("keep-alive"), "timeout=5"),
    ])
}
