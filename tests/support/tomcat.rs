//! A real Tomcat, which tells what servlet a request has reached.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

/// Tomcat with the servlets of `tests/tomcat/PathProbe.java`. It ends when this is dropped.
pub struct Tomcat {
    pub port: u16,
    process: Child,
    _directory: TempDir,
}

impl Tomcat {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new("java")
            .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp"])
            .arg(format!("{}:{}", classes(), jars()))
            .arg("PathProbe")
            .arg(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("Tomcat says its port");
        Self { port, process, _directory: directory }
    }
}

impl Drop for Tomcat {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Debian's jars, by their names without a version.
fn jars() -> String {
    let names = fs::read_dir("/usr/share/java").into_iter().flatten();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let jars: Vec<_> = names
        .filter(|name| name.starts_with("tomcat10-") && !name.contains("-10."))
        .map(|name| format!("/usr/share/java/{name}"))
        .collect();
    assert!(!jars.is_empty(), "Tomcat is missing: run `make setup`");
    jars.join(":")
}

/// The compiled probe.
fn classes() -> &'static str {
    static CLASSES: OnceLock<&str> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let place = concat!(env!("CARGO_TARGET_TMPDIR"), "/tomcat");
        fs::create_dir_all(place).unwrap();
        let compiled = Command::new("javac")
            .args(["-nowarn", "-d", place, "-cp", &jars(), "tests/tomcat/PathProbe.java"])
            .output()
            .expect("no javac: run `make setup`");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        place
    })
}

/// What a Tomcat made of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    pub status: u16,
    /// The path of the application, empty for the one at the root.
    pub app: String,
    /// The servlet; empty if there was none.
    pub servlet: String,
    /// The target as it came.
    pub target: String,
}

/// A kept-alive connection to a server, for one request after the other.
pub struct Asker {
    port: u16,
    stream: Option<BufReader<TcpStream>>,
}

impl Asker {
    pub fn new(port: u16) -> Self {
        Self { port, stream: None }
    }

    /// Sends a target as it is.
    pub fn ask(&mut self, target: &[u8]) -> Reached {
        let head = [b"GET ", target, b" HTTP/1.1\r\nHost: tools.localhost\r\n\r\n"].concat();
        let stream = self.stream.get_or_insert_with(|| {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::new(stream)
        });
        stream.get_mut().write_all(&head).unwrap();
        let (reached, closes) = read_answer(stream);
        if closes {
            self.stream = None;
        }
        let told = reached.servlet.is_empty() || reached.target.as_bytes() == target;
        assert!(told, "an answer to another request: {reached:?}");
        reached
    }
}

/// Reads an answer, and whether it is the last one of its connection.
fn read_answer(stream: &mut impl std::io::BufRead) -> (Reached, bool) {
    let mut reached = Reached::default();
    let (mut length, mut closes, mut line) = (0, false, Vec::new());
    loop {
        line.clear();
        stream.read_until(b'\n', &mut line).unwrap();
        // Tomcat writes a character as a byte.
        let text: String = line.trim_ascii_end().iter().map(|byte| char::from(*byte)).collect();
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(": ").unwrap_or((&text, ""));
        match name.to_ascii_lowercase().as_str() {
            "x-app" => value.clone_into(&mut reached.app),
            "x-servlet" => value.clone_into(&mut reached.servlet),
            "x-target" => value.clone_into(&mut reached.target),
            "content-length" => length = value.parse().unwrap(),
            // Nobody looks at its bodies.
            "connection" | "transfer-encoding" => closes |= ["close", "chunked"].contains(&value),
            status if status.starts_with("http/1.1 ") => {
                reached.status = status[9..12].parse().unwrap();
            }
            _ => {}
        }
    }
    stream.take(length).read_to_end(&mut line).unwrap();
    (reached, closes)
}
