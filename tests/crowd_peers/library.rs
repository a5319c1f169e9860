//! The library `Crowd` for Python, every method of it.

use serde_json::{Value, json};
use tokio::process::Command;

use super::{Office, PASSWORD};
use crate::support::{django::python, gateway::Plan};

#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_pythons_library_does_what_it_says() {
    let Some(python) = python() else { return };
    for plan in Plan::on_every_database().await {
        let office = Office::open(plan, "writable = true").await;
        let output = Command::new(&python)
            .args(["tests/crowd_peers/library.py", &office.crowd_url(), "crowd", PASSWORD])
            .output()
            .await
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let seen: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
        assert_eq!(seen, expected());
    }
}

fn expected() -> Value {
    json!({
        "ping": true,
        "ping with a wrong password": false,
        "cookie": ["crowd.token_key", true],
        "add": true,
        "add again": false,
        "user": ["zoe", "Zoë", "O'Neill & Co", "Zoë <O>", "zoe@example.test", true],
        "somebody else": [null, null, true],
        "attribute": true,
        "attributes": [{ "name": "room", "values": ["B 7"] }],
        "groups made": [null, null],
        "group made twice": true,
        "group updated": null,
        "child": null,
        "join": true,
        "join nothing": false,
        "groups": [["green-tea"], ["green-tea", "tea"]],
        "members": [["zoe"], null],
        "memberships": {
            "tea": { "users": [], "groups": ["green-tea"] },
            "green-tea": { "users": ["zoe"], "groups": [] },
        },
        "found": ["zoe@example.test"],
        "found groups": ["green-tea", "tea"],
        "found nobody": [],
        "signs in": ["zoe", null, null],
        "new password": true,
        "with the old one": null,
        "session": ["zoe", true],
        "no session": null,
        "valid": [true, "zoe@example.test"],
        "invalid": null,
        "ended": [true, null],
        "inactive": [true, false],
        "inactive in vain": null,
        "active": [true, "zoe"],
        "nobody inactive": null,
        // The gateway sends no mail.
        "reset link": false,
        "left": [true, false],
        "child removed": null,
        "groups removed": [null, null],
        "removed twice": true,
        "not called": [],
    })
}
