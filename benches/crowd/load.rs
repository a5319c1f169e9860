//! Requests, as they are written in a file, over connections that stay open.

use std::{
    fmt::Write as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const CONNECTIONS: usize = 16;

/// A request of an application's.
pub struct Request<'a> {
    pub method: &'a str,
    pub path: String,
    pub authorization: &'a str,
    pub body: String,
}

impl Request<'_> {
    fn write(&self, text: &mut String) {
        let Self { method, path, authorization, body } = self;
        let length = body.len();
        let _ = write!(
            text,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n\
             Accept: application/xml\r\nContent-Type: application/xml; charset=UTF-8\r\nX-Atlassian-Token: no-check\r\n\
             User-Agent: Apache-HttpClient/4.5.13 (Java/17.0.9)\r\nContent-Length: {length}\r\n\r\n{body}\0"
        );
    }
}

/// Writes requests down, for [`run`] in another process.
pub fn write(path: &Path, requests: &[Request<'_>]) {
    let mut text = String::new();
    for request in requests {
        request.write(&mut text);
    }
    std::fs::write(path, text).unwrap();
}

/// Sends so many of them, in turn. An answer that is no success ends it.
pub async fn run(file: &Path, port: u16, count: usize) {
    let text = std::fs::read_to_string(file).unwrap();
    let requests: Vec<_> =
        text.split_terminator('\0').map(|request| request.as_bytes().to_vec()).collect();
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (requests, next) = (requests.clone(), next.clone());
        tasks.spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut buffer = Vec::with_capacity(1 << 16);
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return;
                }
                stream.write_all(&requests[index % requests.len()]).await.unwrap();
                read_answer(&mut stream, &mut buffer).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    loop {
        assert_ne!(stream.read_buf(buffer).await.unwrap(), 0, "the server closed");
        if is_whole(buffer) {
            return;
        }
    }
}

/// Whether an answer has come, by its length or its last chunk.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let (head, body) = answer.split_at(end + 4);
    let head = std::str::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 20"), "{head}{}", String::from_utf8_lossy(body));
    match head.split_once("content-length: ") {
        Some((_, rest)) => body.len() >= rest.split("\r\n").next().unwrap().parse().unwrap(),
        None => head.contains("chunked") && body.ends_with(b"0\r\n\r\n"),
    }
}
