//! The vendors' own libraries and descriptions of their APIs, which say whether the fake clouds are like the real ones.

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread::sleep,
    time::Duration,
};

/// Whether the judges could be installed; without them, CI fails and everybody else is told.
#[expect(clippy::disallowed_methods, reason = "a judge must not be missing there")]
fn are_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| {
        let there = Command::new("scripts/judges.sh").status().is_ok_and(|status| status.success());
        assert!(there || std::env::var("CI").is_err(), "the judges of the clouds are missing");
        if !there {
            eprintln!("the fake clouds are not judged: are PyPI and npm reachable?");
        }
        there
    })
}

/// Has a script of `tests/clouds` look at the clouds that are controlled there: what it found, if it could be asked.
pub async fn judge(script: &'static str, control: &str) -> Option<String> {
    let control = control.to_owned();
    let run = move || {
        let mut python = Command::new("target/judges/bin/python");
        let script = format!("tests/clouds/{script}");
        let prism = "target/prism/node_modules/.bin/prism";
        are_there().then(|| python.args([&script, &control, prism]).output().unwrap())
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Prism between somebody and a cloud: what does not fit the vendor's description is an error.
pub struct Prism {
    process: Child,
    pub port: u16,
}

/// Puts Prism before a cloud that one of `tests/data/clouds` describes, if it could be installed.
pub async fn prism(document: &'static str, upstream: &str) -> Option<Prism> {
    let upstream = upstream.to_owned();
    let run = move || are_there().then(|| Prism::start(document, &upstream));
    tokio::task::spawn_blocking(run).await.unwrap()
}

impl Prism {
    fn start(document: &str, upstream: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let document = format!("tests/data/clouds/{document}");
        let mut prism = Command::new("target/prism/node_modules/.bin/prism");
        prism.args(["proxy", &document, upstream, "--errors", "-h", "127.0.0.1"]);
        prism.args(["-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let prism = Self { process: prism.spawn().unwrap(), port };
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return prism;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("Prism has not started");
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
