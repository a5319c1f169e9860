//! Django with the users of a Crowd server, in an environment of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

const REQUIREMENTS: &str = "demo/django/requirements.txt";
const PLACE: &str = "target/django";

/// The interpreter, if its packages could be installed; without them, CI fails and everybody else is told.
#[expect(clippy::disallowed_methods, reason = "a peer must not be missing there")]
pub fn python() -> Option<PathBuf> {
    static READY: OnceLock<bool> = OnceLock::new();
    let install = || {
        let made = Command::new("scripts/python.sh").args([REQUIREMENTS, PLACE]).status();
        made.is_ok_and(|made| made.success())
    };
    if *READY.get_or_init(install) {
        return Some(fs::canonicalize(".").unwrap().join(PLACE).join("bin/python"));
    }
    assert!(std::env::var("CI").is_err(), "Django could not be installed: is PyPI reachable?");
    eprintln!("Django is not tested: it could not be installed");
    None
}

/// `demo/django/app.py`, which asks a Crowd server while it starts. It ends when this is dropped.
pub struct Django {
    process: Child,
    _directory: TempDir,
}

impl Django {
    pub fn start(python: &PathBuf, port: u16, crowd_url: &str, name: &str, password: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut process = Command::new(python)
            .arg("demo/django/app.py")
            .arg(directory.path())
            .arg(port.to_string())
            .args([crowd_url, name, password])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "Django did not start");
        Self { process, _directory: directory }
    }
}

impl Drop for Django {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
