//! The gateway that `make attack-target` starts, in front of a recorder.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::recorder::{Recorded, Recorder, latin1};

/// What the script says.
#[derive(Clone, Debug, Deserialize)]
pub struct Places {
    pub gateway: String,
    pub tls: String,
    pub host: String,
    pub ca: PathBuf,
    pub session_alice: String,
    pub session_root: String,
    pub id_user: String,
    pub id_email: String,
    pub id_name: String,
    pub id_groups: String,
    pub id_jwt: String,
    pub pfx: String,
    pub metrics: String,
    pub tls_metrics: String,
    pub log: PathBuf,
}

/// A running gateway and its application. Ends when this is dropped.
pub struct Target {
    pub places: Places,
    pub recorder: Recorder,
    process: Child,
}

/// What came back on a connection.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub text: String,
    /// Whether the gateway has closed.
    pub closed: bool,
}

impl Answer {
    /// The status of each answer, interim ones apart.
    pub fn statuses(&self) -> Vec<u16> {
        let found = self.text.split("HTTP/1.").skip(1);
        let statuses = found.filter_map(|rest| rest.get(2..5)?.parse().ok());
        statuses.filter(|status| *status >= 200).collect()
    }

    /// The values of a header in all answers.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.text.lines().filter_map(|line| line.split_once(':'));
        let found = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).collect()
    }
}

/// Two of them would compete for the machine, and each sees only its own requests.
static ALONE: Mutex<()> = Mutex::new(());

impl Target {
    pub fn start() -> (Self, MutexGuard<'static, ()>) {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let recorder = Recorder::start();
        let mut process = Command::new("scripts/attack-target.sh")
            .arg(format!("127.0.0.1:{}", recorder.port))
            .env("GATEHOUSE", env!("CARGO_BIN_EXE_gatehouse"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let said = BufReader::new(process.stdout.take().unwrap()).read_line(&mut line);
        assert!(said.is_ok(), "the target says where it is");
        let places = serde_json::from_str(&line).unwrap();
        (Self { places, recorder, process }, alone)
    }

    /// Sends bytes in clear, and reads until the gateway closes or says no more.
    pub fn send(&self, raw: &[u8]) -> (Answer, Vec<Recorded>) {
        let answer = exchange(&self.places.gateway, raw, Duration::from_millis(800));
        (answer, self.reached())
    }

    /// What has reached the application.
    pub fn reached(&self) -> Vec<Recorded> {
        std::thread::sleep(Duration::from_millis(15));
        self.recorder.take()
    }

    /// How often something was refused for a reason, by either gateway.
    pub fn refused(&self, reason: &str) -> u64 {
        refused(&self.places.metrics, reason) + refused(&self.places.tls_metrics, reason)
    }
}

fn refused(metrics: &str, reason: &str) -> u64 {
    let (address, path) = metrics.trim_start_matches("http://").split_once('/').unwrap();
    let ask = format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, ask.as_bytes(), Duration::from_secs(5));
    let line = format!("gatehouse_refused_total{{reason=\"{reason}\"}} ");
    let found = answer.text.lines().find_map(|text| text.strip_prefix(&line)?.parse().ok());
    found.unwrap_or_default()
}

impl Drop for Target {
    fn drop(&mut self) {
        // As `make` does; the script ends what it has started.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// Sends bytes, and reads until the other side closes, or is silent for so long.
pub fn exchange(address: &str, raw: &[u8], silence: Duration) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(silence)).unwrap();
    stream.set_write_timeout(Some(silence)).unwrap();
    let _ = stream.write_all(raw);
    let (mut read, mut some, began) = (Vec::new(), [0; 8192], Instant::now());
    let mut closed = false;
    while began.elapsed() < Duration::from_secs(5) {
        match stream.read(&mut some) {
            Ok(0) => closed = true,
            Ok(length) => {
                read.extend_from_slice(&some[..length]);
                continue;
            }
            Err(error) => closed = error.kind() == std::io::ErrorKind::ConnectionReset,
        }
        break;
    }
    Answer { text: latin1(&read), closed }
}
