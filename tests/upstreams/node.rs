//! A node of an application, which answers with its name, or misbehaves as it is told.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// What a node does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Answers with its name; `/status` is `{"state":"RUNNING"}`.
    Well,
    /// The same, after some milliseconds.
    Slow(u64),
    /// Says of itself that it is in maintenance, and answers everything else.
    Maintenance,
    /// Takes connections and requests, and says nothing.
    Silent,
    /// Resets the connection when it has the request.
    Resets,
    /// Answers the first request of a connection, and ends it at the second.
    ClosesUsed,
    /// Ends connections that are not used for so many milliseconds.
    Impatient(u64),
}

/// A node on a port of its own, also after it was away.
pub struct Node {
    pub name: String,
    pub port: u16,
    mode: Arc<Mutex<Mode>>,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<u32>>,
    serving: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Work {
    name: String,
    mode: Arc<Mutex<Mode>>,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<u32>>,
}

impl Node {
    pub async fn start(name: &str) -> Self {
        let (mode, port) = (Arc::new(Mutex::new(Mode::Well)), crate::support::free_port());
        let mut node = Self {
            name: name.to_owned(),
            port,
            mode,
            seen: Arc::default(),
            connections: Arc::default(),
            serving: None,
        };
        node.come_back().await;
        node
    }

    /// Nobody listens there any more, and what was open is closed.
    pub async fn go_away(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            let _ = serving.await;
        }
    }

    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let work = Work {
            name: self.name.clone(),
            mode: self.mode.clone(),
            seen: self.seen.clone(),
            connections: self.connections.clone(),
        };
        self.serving = Some(tokio::spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                *work.connections.lock().unwrap() += 1;
                open.spawn(work.clone().serve(stream));
            }
        }));
    }

    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The heads of requests, those for `/status` apart.
    pub fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap().clone();
        seen.into_iter().filter(|head| !head.contains("/status ")).collect()
    }

    /// How many requests had that method.
    pub fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|head| head.starts_with(method)).count()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> u32 {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

impl Work {
    async fn serve(self, mut stream: TcpStream) {
        for number in 0.. {
            let mode = *self.mode.lock().unwrap();
            let Some(head) = self.read(&mut stream, mode, number).await else {
                return;
            };
            self.seen.lock().unwrap().push(head.clone());
            let mode = *self.mode.lock().unwrap();
            match mode {
                Mode::Silent => return std::future::pending().await,
                Mode::Resets => return drop(stream.set_zero_linger()),
                Mode::ClosesUsed if number > 0 => return,
                Mode::Slow(millis) => sleep(Duration::from_millis(millis)).await,
                _ => {}
            }
            if stream.write_all(self.answer(&head, mode).as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// A request's head; its body is read and forgotten.
    async fn read(&self, stream: &mut TcpStream, mode: Mode, number: u32) -> Option<String> {
        let (mut head, mut byte) = (Vec::new(), [0; 1]);
        while !head.ends_with(b"\r\n\r\n") {
            let patience = match mode {
                Mode::Impatient(millis) if number > 0 => Duration::from_millis(millis),
                _ => Duration::from_mins(1),
            };
            let read = tokio::time::timeout(patience, stream.read(&mut byte)).await;
            match read {
                Ok(Ok(1)) => head.push(byte[0]),
                _ => return None,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.ok()?;
        Some(head)
    }

    fn answer(&self, head: &str, mode: Mode) -> String {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (status, body, lines) = match (path, mode) {
            (path, Mode::Maintenance) if path.ends_with("/status") => {
                ("200 OK", "{\"state\":\"MAINTENANCE\"}", "")
            }
            (path, _) if path.ends_with("/status") => ("200 OK", "{\"state\":\"RUNNING\"}", ""),
            (path, _) if path.ends_with("/shared") => {
                ("200 OK", &*self.name, "Cache-Control: public, max-age=60\r\n")
            }
            (path, _) if path.ends_with("/own-error") => {
                ("503 Service Unavailable", "<h1>Reindexing</h1>", "X-Own: 1\r\n")
            }
            _ => ("200 OK", &*self.name, ""),
        };
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{lines}\r\n{body}", body.len())
    }
}
