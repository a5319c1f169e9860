//! Containers, by Podman: the gateway's image, and machines with an init system.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    process::{Command, Output},
    sync::OnceLock,
};

/// What images are made on here, where no registry can be reached.
pub const BASE: &str = "localhost/debian:12-slim";

/// Runs a command of Podman's, which may fail.
pub fn podman_in_vain(arguments: &[&str]) -> Output {
    Command::new("scripts/podman.sh").args(arguments).output().unwrap()
}

/// What a command of Podman's prints.
pub fn podman(arguments: &[&str]) -> String {
    let output = podman_in_vain(arguments);
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "podman {arguments:?}: {said} {complained}");
    said
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The image of this gateway, made by the first who asks.
pub fn gateway_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
        assert!(is_root, "tests with containers want root, as pods with addresses of their own do: run them as root");
        let tag = format!("localhost/gatehouse-test:{}", checkout());
        let made = Command::new("scripts/image.sh")
            .args([env!("CARGO_BIN_EXE_gatehouse"), &tag])
            .env("RUNTIME_BASE", BASE)
            .output()
            .unwrap();
        assert!(made.status.success(), "the image is not made: {}", text(&made.stderr));
        tag
    })
}

/// The image of a machine with systemd and what the gateway needs, made by the first who asks.
pub fn machine_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        // It begins with the base, which that one makes.
        gateway_image();
        let tag = "localhost/gatehouse-machine".to_owned();
        let base = format!("RUNTIME_BASE={BASE}");
        let place = "tests/deployment";
        let file = format!("{place}/machine.Dockerfile");
        podman(&["build", "-q", "--build-arg", &base, "-t", &tag, "-f", &file, place]);
        tag
    })
}

/// A word for this checkout: others on the machine have images of their own.
fn checkout() -> String {
    let place = fs::canonicalize(".").unwrap();
    let letters = place.to_str().unwrap().chars();
    letters
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect::<String>()
        .trim_matches('-')
        .to_owned()
}

/// A container that is removed when this is dropped.
pub struct Container(pub String);

impl Container {
    /// What a command prints in it.
    pub fn run(&self, command: &[&str]) -> String {
        podman(&[&["exec", &self.0], command].concat())
    }

    /// Whether a command succeeds in it.
    pub fn run_in_vain(&self, command: &[&str]) -> bool {
        podman_in_vain(&[&["exec", &self.0], command].concat()).status.success()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        podman_in_vain(&["rm", "-f", "-t", "0", &self.0]);
    }
}
