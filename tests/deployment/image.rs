//! The gateway's image.

use serde_json::Value;

use crate::support::podman::{gateway_image, podman};

#[test]
fn the_image_runs_as_nobody_and_needs_no_capability_and_no_root_to_write_to() {
    let image = gateway_image();
    let looked: Value = serde_json::from_str(&podman(&["image", "inspect", image])).unwrap();
    let config = &looked[0]["Config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Cmd"][0], "serve");
    let labels = &config["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(labels["org.opencontainers.image.licenses"], env!("CARGO_PKG_LICENSE"));

    let alone = ["run", "--rm", "--read-only", "--cap-drop=all", "--network=none", image];
    let version = podman(&[&alone[..], &["--version"]].concat());
    assert_eq!(version.trim(), concat!("gatehouse ", env!("CARGO_PKG_VERSION")));
}
