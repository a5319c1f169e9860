//! Python with the clients of `tests/clients/requirements.txt`, in an environment of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

const REQUIREMENTS: &str = "tests/clients/requirements.txt";

/// The interpreter, if its packages could be installed; without them, CI fails and everybody else is told.
#[expect(clippy::disallowed_methods, reason = "a peer must not be missing there")]
pub fn python() -> Option<PathBuf> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PYTHON.get_or_init(install) {
        Ok(python) => Some(python.clone()),
        Err(problem) => {
            assert!(std::env::var("CI").is_err(), "the clients are missing: {problem}");
            eprintln!("clients in Python are not tested: {problem}");
            None
        }
    }
}

/// Installs what is pinned, once for each list.
fn install() -> Result<PathBuf, String> {
    let place = PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/python"));
    let (python, installed) = (place.join("bin/python"), place.join("installed"));
    let wanted = fs::read_to_string(REQUIREMENTS).unwrap();
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    // Kerberos for Python is Debian's: PyPI's has to be compiled.
    let venv = ["-m", "venv", "--clear", "--system-site-packages"];
    run(Command::new("/usr/bin/python3").args(venv).arg(&place))?;
    run(Command::new(&python).args(["-m", "pip", "install", "-q", "-r", REQUIREMENTS]))?;
    run(Command::new(&python).args(["-c", "import requests_kerberos"]))?;
    fs::write(installed, wanted).unwrap();
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {errors}")) }
}

/// `tests/clients/tracker.py`, a Jira with accounts. It ends when this is dropped.
pub struct Tracker {
    pub port: u16,
    process: Child,
}

impl Tracker {
    pub fn start(python: &PathBuf) -> Self {
        let mut process = Command::new(python)
            .arg("tests/clients/tracker.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { port: line.trim().parse().unwrap(), process }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
