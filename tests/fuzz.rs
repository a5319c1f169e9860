//! What fuzzers have found interesting, once more. `make fuzz` looks for more.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::{fs, path::Path};

/// Checks what must hold for any bytes.
type Target = fn(&[u8]);

/// The targets, by the names of their corpora.
const TARGETS: [(&str, Target); 8] = [
    ("paths", targets::paths),
    ("header_names", targets::header_names),
    ("cookies", targets::cookies),
    ("return_targets", targets::return_targets),
    ("client_addresses", targets::client_addresses),
    ("tickets", targets::tickets),
    ("proxy_headers", targets::proxy_headers),
    ("questions", targets::questions),
];

#[test]
fn whatever_a_fuzzer_has_found_interesting_holds() {
    for (name, target) in TARGETS {
        let inputs = fs::read_dir(Path::new("fuzz/corpus").join(name)).unwrap();
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            eprintln!("{}", path.display());
            target(&fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 3, "{name} has a corpus");
    }
}

#[test]
fn every_target_is_replayed() {
    let manifest = fs::read_to_string("fuzz/Cargo.toml").unwrap();
    let names: Vec<_> =
        manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")).collect();
    assert_eq!(names, TARGETS.map(|(name, _)| format!("{name}.rs\"")));
}
