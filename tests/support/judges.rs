//! The vendors' own libraries and descriptions of their APIs, which say whether the fake clouds are like the real ones.

use std::process::Command;
use std::sync::OnceLock;

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
