//! A real Tomcat, which tells what servlet a request has reached.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tempfile::TempDir;

use super::gateway::TestGateway;

/// How a Tomcat's servlets are mapped, as `tests/tomcat/PathProbe.java` has it.
#[derive(Clone, Copy, Debug)]
pub enum Mappings {
    /// By directories, and pages by their endings where no directory is.
    Directories,
    /// Pages by their endings, and the rest by nothing.
    Pages,
}

/// Tomcat with the servlets of `tests/tomcat/PathProbe.java`. It ends when this is dropped.
pub struct Tomcat {
    pub port: u16,
    process: Child,
    _directory: TempDir,
}

impl Tomcat {
    pub fn start(mappings: Mappings) -> Self {
        let mappings = match mappings {
            Mappings::Directories => "directories",
            Mappings::Pages => "pages",
        };
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new("java")
            .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp"])
            .arg(format!("{}:{}", classes(), jars()))
            .arg("PathProbe")
            .arg(directory.path())
            .arg(mappings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
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
            .unwrap_or_else(|error| panic!("javac: {error}: run `make setup`"));
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
    /// The path that the servlet was found by, below its application.
    pub path: String,
    /// The target as it came.
    pub target: String,
}

/// A connection, with or without TLS.
trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// A kept-alive connection to a server, for one request after the other.
pub struct Asker {
    connect: Box<dyn Fn() -> Box<dyn Stream>>,
    stream: Option<BufReader<Box<dyn Stream>>>,
}

impl Asker {
    /// Asks Tomcat itself.
    pub fn of(tomcat: &Tomcat) -> Self {
        let port = tomcat.port;
        Self { connect: Box::new(move || Box::new(connect(port))), stream: None }
    }

    /// Asks a gateway.
    pub fn through(gateway: &TestGateway) -> Self {
        let (port, tls) = (gateway.plan.port(), Arc::new(trusting(&gateway.plan.ca())));
        let connect = move || -> Box<dyn Stream> {
            let name = ServerName::try_from("jira.localhost").unwrap();
            let tls = ClientConnection::new(tls.clone(), name).unwrap();
            Box::new(StreamOwned::new(tls, connect(port)))
        };
        Self { connect: Box::new(connect), stream: None }
    }

    /// Sends a target as it is. What reaches a servlet are the very bytes, but for a fragment.
    pub fn ask(&mut self, target: &[u8]) -> Reached {
        let head = [b"GET ", target, b" HTTP/1.1\r\nHost: tools.localhost\r\n\r\n"].concat();
        let stream = self.stream.get_or_insert_with(|| BufReader::new((self.connect)()));
        stream.get_mut().write_all(&head).unwrap();
        let (reached, closes) = read_answer(stream);
        if closes {
            self.stream = None;
        }
        let wanted = target.split(|byte| *byte == b'#').next();
        let as_sent = reached.servlet.is_empty() || Some(reached.target.as_bytes()) == wanted;
        assert!(as_sent, "{} became {reached:?}", String::from_utf8_lossy(target));
        reached
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// HTTP/1.1 over TLS, with whom a gateway's certificate names.
pub fn trusting(ca: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// A text as a form has it.
fn decode_form(value: &str) -> String {
    let text = value.replace('+', " ");
    percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned()
}

/// Reads an answer, and whether it is the last one of its connection.
fn read_answer(stream: &mut impl BufRead) -> (Reached, bool) {
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
            "x-path" => reached.path = decode_form(value),
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
