//! The `[admin]` table.

use std::path::PathBuf;

use serde::Deserialize;

/// How a running gateway is controlled.
#[derive(Clone, Debug, Deserialize)]
pub struct AdminConfig {
    /// The Unix socket that the command line talks to. Default: /run/gatehouse/control.sock.
    #[serde(default = "default_socket")]
    pub socket: PathBuf,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { socket: default_socket() }
    }
}

fn default_socket() -> PathBuf {
    PathBuf::from("/run/gatehouse/control.sock")
}
