//! Modules use only what lies below them, and foreign crates have one door each.
//! `docs/architecture.md` says why.

use std::{fs, path::Path};

/// The floors of the house, from the ground up.
const FLOORS: [&[&str]; 9] = [
    &["clock", "config", "lifecycle", "secrets", "telemetry"],
    &["kerberos", "saml", "cloud", "ldap", "atlassian", "notify"],
    &["directory"],
    &["provisioning", "policy"],
    &["store"],
    &["keyring", "passwords", "session", "sync", "publish"],
    &["http", "alarms"],
    &["login", "proxy"],
    &["admin", "api", "crowd", "hints", "scim"],
];

/// Composition: knows everybody.
const ROOF: [&str; 6] = ["main", "lib", "cli", "app", "server", "router"];

/// Foreign crates, and the only modules that may name them; the roof may not either.
const DOORS: [(&str, &[&str]); 13] = [
    ("argon2", &["passwords"]),
    ("csv", &["provisioning", "sync"]),
    ("lettre", &["notify"]),
    ("quick_xml", &["crowd"]),
    ("sqlx", &["store"]),
    ("opentelemetry_proto", &["telemetry"]),
    ("prost", &["telemetry"]),
    ("samael", &["saml"]),
    ("openssl", &["saml"]),
    ("cross_krb5", &["kerberos"]),
    ("libgssapi", &["kerberos"]),
    ("libgssapi_sys", &["kerberos"]),
    ("x509_parser", &["secrets"]),
];

fn floor(module: &str) -> usize {
    let floor = FLOORS.iter().position(|modules| modules.contains(&module));
    floor.unwrap_or_else(|| panic!("{module} is on no floor: add it to tests/layers.rs"))
}

/// The source without comments, where modules may be spoken of freely.
fn code(source: &str) -> String {
    source
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// The first word of a path.
fn word(path: &str) -> &str {
    let path = path.trim_start();
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    &path[..end]
}

/// The entries of the group that `text` begins with: `{a::b, c::{d, e}}` has `a` and `c`.
fn group(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut entries = Vec::new();
    for (index, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && (c == '{' || c == ',') {
            entries.push(word(&text[index + 1..]));
        }
        if depth == 0 {
            break;
        }
    }
    entries.into_iter().filter(|entry| !entry.is_empty()).collect()
}

/// The top-level modules of this crate that a source text names.
fn uses(code: &str) -> Vec<&str> {
    let paths = code.split("crate::").skip(1);
    paths
        .flat_map(|path| if path.starts_with('{') { group(path) } else { vec![word(path)] })
        .collect()
}

/// Whether a source text names a foreign crate.
fn names(code: &str, krate: &str) -> bool {
    code.match_indices(&format!("{krate}::")).any(|(index, _)| {
        let before = code[..index].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

fn violations(module: &str, path: &Path, source: &str) -> Vec<String> {
    let code = code(source);
    let mut found = Vec::new();
    let roof = ROOF.contains(&module);
    for used in uses(&code) {
        let allowed = roof || used == module || floor(used) < floor(module);
        if !allowed {
            found.push(format!("{} must not use {used}: it is not below {module}", path.display()));
        }
    }
    for (krate, doors) in DOORS {
        if names(&code, krate) && !doors.contains(&module) {
            found.push(format!("{} must not use {krate}: its door is {doors:?}", path.display()));
        }
    }
    let below_http = !roof && floor(module) < floor("http");
    if names(&code, "axum") && below_http {
        found.push(format!("{} must not use axum: it begins at the floor of http", path.display()));
    }
    found
}

fn check(module: &str, path: &Path) -> Vec<String> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries.flat_map(|entry| check(module, &entry.unwrap().path())).collect();
    }
    violations(module, path, &fs::read_to_string(path).unwrap())
}

#[test]
fn modules_use_only_what_lies_below() {
    let found: Vec<String> = fs::read_dir("src")
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
            check(&module, &path)
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_planted_violation_is_found() {
    let path = Path::new("src/directory/planted.rs");
    let planted = |source| violations("directory", path, source).len();
    assert_eq!(planted("use crate::store::Store;"), 1);
    assert_eq!(planted("use crate::{clock::Clock, store::{Store, Row}, http::Error};"), 2);
    assert_eq!(planted("fn f() { crate::session::begin() }"), 1);
    assert_eq!(planted("let row = sqlx::query(SQL);"), 1);
    assert_eq!(planted("use axum::Router;"), 1);
    assert_eq!(planted("// crate::store is none of our business\nuse crate::clock::Clock;"), 0);
}

#[test]
fn nothing_is_allowed_in_silence() {
    fn look(path: &Path, found: &mut Vec<String>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                look(&entry.unwrap().path(), found);
            }
        } else if code(&fs::read_to_string(path).unwrap()).contains("#[allow(") {
            found.push(path.display().to_string());
        }
    }
    let mut found = Vec::new();
    look(Path::new("src"), &mut found);
    assert!(found.is_empty(), "write #[expect(lint, reason = …)] in {found:?}");
}
