//! An application that writes down what reaches it, byte by byte, as Tomcat would read it.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A request that has reached the application. Everything is Latin-1.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    /// Head and body, as they came.
    pub raw: String,
}

impl Recorded {
    /// The values of a header, under every name that folds to it.
    pub fn values(&self, folded: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(name, _)| fold(name) == folded);
        found.map(|(_, value)| value.as_str()).collect()
    }
}

/// Names as CGI, PHP and WSGI see them.
pub fn fold(name: &str) -> String {
    let fold = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(fold).collect()
}

pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Runs as long as the tests do.
#[derive(Clone)]
pub struct Recorder {
    pub port: u16,
    seen: Arc<Mutex<Vec<Recorded>>>,
}

impl Recorder {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let recorder = Self { port, seen: Arc::default() };
        let recording = recorder.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let recording = recording.clone();
                thread::spawn(move || recording.serve(stream));
            }
        });
        recorder
    }

    /// What has come since this was asked last.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    fn serve(&self, mut stream: TcpStream) {
        stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        let mut buffer = Vec::new();
        let mut some = [0; 8192];
        while let Ok(read @ 1..) = stream.read(&mut some) {
            buffer.extend_from_slice(&some[..read]);
            while let Some((recorded, length)) = parse(&buffer) {
                buffer.drain(..length);
                let answer = answer(&recorded.target);
                self.seen.lock().unwrap().push(recorded);
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
        }
    }
}

/// `?set=name` has the application set a cookie of that name.
fn answer(target: &str) -> String {
    let set = target.split_once("set=").map(|(_, rest)| rest.split('&').next().unwrap_or_default());
    let cookie = set.map(|name| format!("Set-Cookie: {name}=evil; Path=/\r\n")).unwrap_or_default();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{cookie}Content-Length: 2\r\n\r\nok")
}

/// The first whole request, and how many bytes it has.
pub fn parse(buffer: &[u8]) -> Option<(Recorded, usize)> {
    let head = find(buffer, b"\r\n\r\n")?;
    let text = latin1(&buffer[..head]);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, target) = (word(), word());
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.to_owned(), value.trim().to_owned())
    };
    let headers: Vec<_> = lines.map(header).collect();
    let mut recorded = Recorded { method, target, headers, raw: String::new() };
    let body = body_length(&recorded, &buffer[head + 4..])?;
    let length = head + 4 + body;
    recorded.raw = latin1(&buffer[..length]);
    Some((recorded, length))
}

fn body_length(recorded: &Recorded, rest: &[u8]) -> Option<usize> {
    if recorded.values("transfer-encoding").iter().any(|value| value.contains("chunked")) {
        return chunks_length(rest);
    }
    let length = recorded.values("content-length").last().and_then(|value| value.parse().ok());
    let length: usize = length.unwrap_or_default();
    (rest.len() >= length).then_some(length)
}

fn chunks_length(rest: &[u8]) -> Option<usize> {
    let mut length = 0;
    loop {
        let line = find(&rest[length..], b"\r\n")?;
        let text = latin1(&rest[length..length + line]);
        let size = usize::from_str_radix(text.split(';').next().unwrap_or_default(), 16).ok()?;
        if size == 0 {
            return find(&rest[length..], b"\r\n\r\n").map(|end| length + end + 4);
        }
        length += line + 2 + size + 2;
        rest.get(..length)?;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
