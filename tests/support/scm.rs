//! Bitbucket as git sees it: `git http-backend` and a store for large files, both with Basic credentials.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
};

use aws_lc_rs::digest;
use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Path as Segment, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    process::Command,
    task::JoinHandle,
};

/// `alice:alice-pw`, the only one who may.
const BASIC: &str = "Basic YWxpY2U6YWxpY2UtcHc=";

/// What the store's addresses are asked with.
const BEARER: &str = "Bearer for-this-object";

const LFS_JSON: &str = "application/vnd.git-lfs+json";

/// A server of the repository `/scm/repo.git`, which ends when this is dropped.
pub struct Scm {
    pub port: u16,
    server: Server,
    serving: JoinHandle<()>,
    _directory: TempDir,
}

#[derive(Clone)]
struct Server {
    root: PathBuf,
    requests: Arc<Mutex<Vec<HeaderMap>>>,
    objects: Arc<Mutex<HashMap<String, Bytes>>>,
}

impl Scm {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_owned();
        git(&root, &["init", "-q", "--bare", "-b", "main", "scm/repo.git"]).await;
        git(&root, &["-C", "scm/repo.git", "config", "http.receivepack", "true"]).await;
        let server = Server { root, requests: Arc::default(), objects: Arc::default() };
        let routes = Router::new()
            .route("/scm/repo.git/info/lfs/objects/batch", post(batch))
            .route("/scm/repo.git/info/lfs/locks/verify", post(async || StatusCode::NOT_FOUND))
            .route("/storage/{oid}", put(store).get(load))
            .route("/storage/{oid}/verify", post(verify))
            .route("/scm/{*path}", get(backend).post(backend))
            .with_state(server.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { port, server, serving, _directory: directory }
    }

    /// The headers of all requests to git.
    pub fn requests(&self) -> Vec<HeaderMap> {
        self.server.requests.lock().unwrap().clone()
    }

    /// The large files.
    pub fn objects(&self) -> HashMap<String, Bytes> {
        self.server.objects.lock().unwrap().clone()
    }
}

impl Drop for Scm {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// git, with nothing of this machine's own settings.
pub fn git_command(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn git(directory: &Path, arguments: &[&str]) {
    let output = git_command(directory).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn challenge() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"Bitbucket\"")];
    (StatusCode::UNAUTHORIZED, challenge, "who are you?").into_response()
}

/// One request to `git http-backend`, by CGI (RFC 3875), streaming both ways.
async fn backend(State(server): State<Server>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    server.requests.lock().unwrap().push(parts.headers.clone());
    if header(&parts.headers, "authorization") != BASIC {
        return challenge();
    }
    let mut backend = git_command(&server.root);
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &server.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "alice")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default());
    for (variable, name) in [
        ("CONTENT_TYPE", "content-type"),
        ("CONTENT_LENGTH", "content-length"),
        ("HTTP_CONTENT_ENCODING", "content-encoding"),
        ("GIT_PROTOCOL", "git-protocol"),
    ] {
        if parts.headers.contains_key(name) {
            backend.env(variable, header(&parts.headers, name));
        }
    }
    let mut backend = backend.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = backend.stdin.take().unwrap();
    tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.into_data().unwrap_or_default();
            if stdin.write_all(&data).await.is_err() {
                break;
            }
        }
    });
    let mut answer = Vec::new();
    backend.stdout.take().unwrap().read_to_end(&mut answer).await.unwrap();
    cgi_answer(answer)
}

fn cgi_answer(answer: Vec<u8>) -> Response {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let mut response = Response::builder();
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().unwrap()),
            _ => response.header(name, value),
        };
    }
    response.body(Body::from(Bytes::from(answer).slice(end + 4..))).unwrap()
}

/// What a client wants to do with large files (git-lfs, docs/api/batch.md).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    operation: String,
    #[serde(default)]
    transfers: Vec<String>,
    #[serde(default, rename = "ref")]
    _reference: Option<Value>,
    objects: Vec<Object>,
    #[serde(default)]
    hash_algo: Option<String>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
    size: u64,
}

async fn batch(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> Response {
    if header(&headers, "authorization") != BASIC {
        return challenge();
    }
    assert_eq!(header(&headers, "accept"), LFS_JSON);
    assert!(header(&headers, "content-type").starts_with(LFS_JSON));
    let batch: Batch = serde_json::from_slice(&body).unwrap();
    assert!(batch.transfers.is_empty() || batch.transfers.contains(&"basic".to_owned()));
    assert!(batch.hash_algo.is_none_or(|name| name == "sha256"));
    // As browsers see it: the addresses must lead through the gateway.
    let (scheme, host) = (header(&headers, "x-forwarded-proto"), header(&headers, "host"));
    let objects = batch.objects.iter().map(|Object { oid, size }| {
        let action = |path: &str| {
            let href = format!("{scheme}://{host}/storage/{oid}{path}");
            json!({ "href": href, "header": { "Authorization": BEARER }, "expires_in": 60 })
        };
        let is_here = server.objects.lock().unwrap().contains_key(oid);
        let actions = match (batch.operation.as_str(), is_here) {
            ("download", true) => json!({ "download": action("") }),
            ("upload", false) => json!({ "upload": action(""), "verify": action("/verify") }),
            ("upload", true) => json!({}),
            (operation, _) => panic!("{operation} of {oid}"),
        };
        json!({ "oid": oid, "size": size, "authenticated": true, "actions": actions })
    });
    let answer = json!({ "transfer": "basic", "objects": objects.collect::<Vec<_>>() });
    ([(header::CONTENT_TYPE, LFS_JSON)], answer.to_string()).into_response()
}

async fn store(
    State(server): State<Server>,
    Segment(oid): Segment<String>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let content = to_bytes(body, usize::MAX).await.unwrap();
    let hash = digest::digest(&digest::SHA256, &content);
    let hash = hash.as_ref().iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
    if header(&headers, "authorization") != BEARER || hash != oid {
        return StatusCode::FORBIDDEN;
    }
    server.objects.lock().unwrap().insert(oid, content);
    StatusCode::OK
}

async fn load(
    State(server): State<Server>,
    Segment(oid): Segment<String>,
    headers: HeaderMap,
) -> Response {
    let object = server.objects.lock().unwrap().get(&oid).cloned();
    match object.filter(|_| header(&headers, "authorization") == BEARER) {
        Some(object) => object.into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn verify(State(server): State<Server>, Json(object): Json<Object>) -> StatusCode {
    let objects = server.objects.lock().unwrap();
    let size = objects.get(&object.oid).map(|content| content.len() as u64);
    if size == Some(object.size) { StatusCode::OK } else { StatusCode::NOT_FOUND }
}
