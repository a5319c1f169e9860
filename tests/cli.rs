//! What the command line says, and how it ends.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use crate::saml::Vectors;

pub fn gatehouse(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gatehouse")).args(arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A directory with everything that a small configuration names.
pub fn configured(vectors: &Vectors) -> String {
    let dir = vectors.path();
    let write = |name: &str, text: &str, mode: u32| {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("master.key", &"k".repeat(64), 0o600);
    let here = dir.display();
    let config = format!(
        r#"
        [server]
        login_url = "https://login.example.com"
        listen = ["127.0.0.1:8443"]
        [store]
        url = "sqlite://{here}/gatehouse.db"
        [secrets]
        master_key = {{ file = "{here}/master.key" }}
        [[app]]
        name = "jira"
        url = "https://jira.example.com"
        upstream = "http://127.0.0.1:8080"
        [[saml]]
        name = "corp"
        entity_id = "https://idp.example.test/metadata"
        metadata = {{ file = "{here}/idp_md.xml" }}
        "#
    );
    write("gatehouse.toml", &config, 0o600);
    format!("{here}/gatehouse.toml")
}

#[test]
fn check_says_that_a_good_configuration_is_good() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let output = gatehouse(&["--config", &configured(&vectors), "check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).ends_with("gatehouse.toml is good\n"));
}

#[test]
fn check_names_every_file_that_cannot_be_used() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let config = configured(&vectors);
    let key = vectors.path().join("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    fs::copy(vectors.path().join("idp_md0.xml"), vectors.path().join("idp_md.xml")).unwrap();
    let more =
        "[kerberos]\nkeytab = \"/nonexistent/http.keytab\"\n[[kerberos.realm]]\nname = \"A\"\n";
    fs::write(&config, fs::read_to_string(&config).unwrap() + more).unwrap();

    let output = gatehouse(&["--config", &config, "check"]);
    assert_eq!(output.status.code(), Some(2));
    let problems = text(&output.stderr);
    for expected in [
        "secrets.master_key: ",
        "chmod o-rwx",
        "saml[0].metadata: ",
        "has no certificate",
        "kerberos.keytab: cannot read /nonexistent/http.keytab",
    ] {
        assert!(problems.contains(expected), "{expected} is not in:\n{problems}");
    }
}

#[test]
fn check_names_a_configuration_that_is_not_there() {
    let output = gatehouse(&["--config", "/nonexistent/gatehouse.toml", "check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/nonexistent/gatehouse.toml"));
}

/// Judges without a configuration.
fn judge(vectors: &Vectors, more: &[&str]) -> Output {
    let metadata = vectors.path().join("idp_md.xml").display().to_string();
    let known = [
        ["--metadata", &metadata],
        ["--idp-entity-id", "https://idp.example.test/metadata"],
        ["--sp-entity-id", "https://sp.example.test/saml/metadata"],
        ["--acs-url", "https://sp.example.test/saml/acs"],
        ["--request-id", "req1"],
    ];
    gatehouse(&[&["saml", "judge"], known.concat().as_slice(), more].concat())
}

#[test]
fn judge_says_whom_a_response_logs_in_or_which_check_refuses_it() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let good = vectors.path().join("x/ok_both.xml").display().to_string();
    let bad = vectors.path().join("x/unsigned.xml").display().to_string();
    let output = judge(&vectors, &[&good, &bad, "/nonexistent"]);
    let said = text(&output.stdout);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], format!(r#"{good}: accepted "alice@example.test" "groups"=["g1", "g2"]"#));
    assert!(lines[1].starts_with(&format!("{bad}: refused signature-missing: ")), "{said}");
    assert!(lines[2].starts_with("/nonexistent: unreadable: "), "{said}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(judge(&vectors, &[&good]).status.code(), Some(0));
}

#[test]
fn judge_takes_the_time_to_judge_at() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let good = vectors.path().join("x/ok_both.xml").display().to_string();
    for (at, code) in
        [("2020-01-01T00:00:00Z", "not-yet-valid"), ("2120-01-01T00:00:00Z", "expired")]
    {
        let said = text(&judge(&vectors, &["--at", at, &good]).stdout);
        assert!(said.contains(&format!("refused {code}: ")), "{said}");
    }
}

#[test]
fn judge_asks_the_configuration_who_the_gateway_is() {
    let vectors = Vectors::generate(&["signatures.py"]);
    let good = vectors.path().join("x/ok_both.xml").display().to_string();
    let output = gatehouse(&["--config", &configured(&vectors), "saml", "judge", &good]);
    let said = text(&output.stdout);
    assert!(said.contains("refused destination-mismatch: "), "{said}");
}
