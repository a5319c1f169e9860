//! Python, with the libraries that are asked as independent witnesses.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::Once,
};

/// The interpreter; its libraries are put there by the first who asks.
pub fn python() -> Command {
    static READY: Once = Once::new();
    READY.call_once(|| {
        let made = Command::new("scripts/python.sh").status().unwrap();
        assert!(made.success(), "Python's libraries could not be installed: is PyPI reachable?");
    });
    assert!(Path::new("target/python/bin/python").exists());
    Command::new("target/python/bin/python")
}

/// What a program makes of a text.
pub fn run(arguments: &[&str], input: &str) -> Output {
    let mut python = python();
    let pipes = python.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.stderr(Stdio::piped()).spawn().unwrap();
    // One that has refused already does not read to the end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}
