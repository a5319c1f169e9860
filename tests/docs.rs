//! The documentation says what the code does.

use std::{collections::BTreeSet, fs};

/// Every key of the configuration, from the structs that read it.
fn keys() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let entries =
        ["src/config", "src/config/connector"].map(|folder| fs::read_dir(folder).unwrap());
    let files = entries.into_iter().flatten().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.is_file()) {
        let source = fs::read_to_string(file).unwrap();
        let mut renamed = None;
        for line in source.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("#[serde(rename = \"") {
                renamed = rest.split('"').next().map(str::to_owned);
            }
            let field = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": "));
            if let Some((name, _)) = field.filter(|(name, _)| !name.contains([' ', '('])) {
                keys.insert(renamed.take().unwrap_or_else(|| name.to_owned()));
            }
        }
    }
    keys
}

#[test]
fn the_configuration_page_names_every_key() {
    let page = fs::read_to_string("docs/configuration.md").unwrap();
    let keys = keys();
    assert!(keys.contains("login_url") && keys.contains("match") && keys.len() > 50, "{keys:?}");
    let missing: Vec<_> =
        keys.iter().filter(|key| !page.contains(&format!("\n| `{key}` | "))).collect();
    assert!(missing.is_empty(), "docs/configuration.md does not name {missing:?}");
}

#[test]
fn the_configuration_page_names_no_key_that_is_gone() {
    let page = fs::read_to_string("docs/configuration.md").unwrap();
    let keys = keys();
    for line in page.lines().filter_map(|line| line.strip_prefix("| `")) {
        let key = line.split('`').next().unwrap();
        assert!(keys.contains(key), "docs/configuration.md names {key}");
    }
}
