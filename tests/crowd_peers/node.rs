//! The library `atlassian-crowd-client` for Node.

use std::{fs, path::Path, process::Command, sync::OnceLock};

use serde_json::{Value, json};

use super::{Office, PASSWORD};
use crate::support::gateway::Plan;

const PLACE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/node");

/// Installs what is pinned, once; without it, CI fails and everybody else is told.
#[expect(clippy::disallowed_methods, reason = "a peer must not be missing there")]
fn is_there() -> bool {
    static READY: OnceLock<bool> = OnceLock::new();
    let ready = *READY.get_or_init(|| {
        fs::create_dir_all(PLACE).unwrap();
        fs::copy("tests/crowd_peers/package.json", format!("{PLACE}/package.json")).unwrap();
        if Path::new(PLACE).join("node_modules/atlassian-crowd-client").exists() {
            return true;
        }
        let options = ["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"];
        let made = Command::new("npm").args(options).current_dir(PLACE).status();
        made.is_ok_and(|made| made.success())
    });
    assert!(
        ready || std::env::var("CI").is_err(),
        "is npm there (`make setup`), and its registry?"
    );
    if !ready {
        eprintln!("the library for Node is not tested: it could not be installed");
    }
    ready
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_library_does_what_it_says() {
    if !is_there() {
        return;
    }
    let office = Office::open(Plan::new(), "writable = true").await;
    let output = tokio::process::Command::new("node")
        .args(["tests/crowd_peers/library.js", &office.crowd_url(), "crowd", PASSWORD])
        .env("NODE_PATH", format!("{PLACE}/node_modules"))
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
    assert_eq!(seen, expected());
}

fn expected() -> Value {
    json!({
        "made": ["zoe", "Zoë", "O & N", "Zoë <O>", "zoe@example.test", true],
        "twice": "INVALID_USER",
        "updated": ["zoe", "Zoë", "Ünal", "Zoë <O>", "zoe@example.test", true],
        "nobody": "USER_NOT_FOUND",
        "attributes": { "room": "B 7" },
        "without": {},
        "found": ["zoe"],
        "expanded": [["zoe", "Zoë", "Ünal", "Zoë <O>", "zoe@example.test", true]],
        "group": "tea",
        "description": "drinkers",
        "groups": [["green tea"], ["green tea", "tea"]],
        "members": [[], ["zoe"]],
        "children": [["green tea"], ["tea"]],
        "one": "tea",
        "notDirectly": "MEMBERSHIP_NOT_FOUND",
        "teas": ["green tea", "tea"],
        "authenticated": "zoe",
        "wrong": "INVALID_USER_AUTHENTICATION",
        "lasts": true,
        "user": "zoe",
        "same": true,
        "unvalidated": true,
        "ended": "INVALID_SSO_TOKEN",
        "allEnded": "INVALID_SSO_TOKEN",
        "cookie": "crowd.token_key",
        "renamed": "zoë",
        "gone": "USER_NOT_FOUND",
    })
}
