//! Those who are told: independent programs that check what they hear, and one that is as rude as it is told to be.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::support::{free_port, python, wait_for_port};

/// A program in Python that prints what it hears, until this is dropped.
pub struct Peer {
    pub port: u16,
    process: Child,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Peer {
    pub async fn start(program: &str, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut process = python::python()
            .arg(format!("tests/peers/{program}"))
            .arg(port.to_string())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let heard = Arc::<Mutex<Vec<Value>>>::default();
        let (lines, read) = (BufReader::new(process.stdout.take().unwrap()).lines(), heard.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                read.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        wait_for_port(port, program).await;
        Self { port, process, heard }
    }

    /// What it has heard. It prints before it answers.
    pub async fn heard(&self, count: usize) -> Vec<Value> {
        for _ in 0..200 {
            let heard = self.heard.lock().unwrap().clone();
            if heard.len() >= count {
                return heard;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{:?} instead of {count}", self.heard.lock().unwrap());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub id: String,
    pub said: Value,
}

impl Call {
    pub fn event(&self) -> (&str, &str) {
        (self.said["event"].as_str().unwrap(), self.said["alarm"]["key"].as_str().unwrap())
    }
}

/// What has come, and how the next ones are answered, the last first.
#[derive(Clone, Default)]
struct Calls {
    calls: Arc<Mutex<Vec<Call>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
}

/// A receiver in this process.
pub struct Ears {
    pub address: SocketAddr,
    calls: Calls,
    serving: JoinHandle<()>,
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn heard(State(calls): State<Calls>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let id = headers["x-gatehouse-delivery"].to_str().unwrap().to_owned();
    let call =
        Call { path: uri.path().to_owned(), id, said: serde_json::from_slice(&body).unwrap() };
    calls.calls.lock().unwrap().push(call);
    let status = calls.answers.lock().unwrap().pop().unwrap_or(StatusCode::NO_CONTENT);
    if status == StatusCode::CONTINUE {
        // Never.
        std::future::pending::<()>().await;
    }
    if status.is_redirection() {
        return (status, [(header::LOCATION, "/elsewhere")]).into_response();
    }
    status.into_response()
}

impl Ears {
    pub async fn open() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap()).await
    }

    pub async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Calls::default();
        let routes = Router::new().fallback(post(heard)).with_state(calls.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, calls, serving }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// How the next messages are answered; 100 is for never.
    pub fn answer(&self, statuses: &[u16]) {
        let statuses = statuses.iter().rev().map(|status| StatusCode::from_u16(*status).unwrap());
        *self.calls.answers.lock().unwrap() = statuses.collect();
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.calls.lock().unwrap().clone()
    }

    /// What has come, as events and the last words of keys.
    pub fn events(&self) -> Vec<String> {
        let calls = self.calls();
        let events = calls.iter().map(|call| {
            let (event, key) = call.event();
            format!("{event} {}", key.rsplit(':').next().unwrap())
        });
        events.collect()
    }

    pub async fn wait_for(&self, count: usize) -> Vec<Call> {
        for _ in 0..800 {
            if self.calls().len() >= count {
                return self.calls();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{:?} instead of {count}", self.calls());
    }
}
