//! The `[app.connections]` tables.

use serde::Deserialize;

use super::Problems;

/// The gateway's connections to each address of an app.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ConnectionsConfig {
    /// How long an address may take to accept one, TLS included. Default: 5.
    pub connect_timeout_seconds: u32,
    /// So many requests are at an address at a time, each `WebSocket` as long as it is open; others wait. Default: as many as come.
    pub max_requests: Option<u32>,
    /// So many wait for a place at an address, where `max_requests` is set; whoever comes then gets 503. Default: 100.
    pub max_waiting: u32,
    /// How long they wait; then they get 503 too. Default: 10.
    pub max_wait_seconds: u32,
    /// So many connections that nobody uses are kept for each address. Default: 256.
    pub max_idle: u32,
    /// How long they are kept: not as long as the app keeps them, or requests go into connections that it is just closing.
    /// Tomcat closes after 20 seconds. Default: 15.
    pub idle_seconds: u32,
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        Self {
            connect_timeout_seconds: 5,
            max_requests: None,
            max_waiting: 100,
            max_wait_seconds: 10,
            max_idle: 256,
            idle_seconds: 15,
        }
    }
}

impl ConnectionsConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        for (name, number, least, most) in [
            ("connect_timeout_seconds", self.connect_timeout_seconds, 1, 120),
            ("max_requests", self.max_requests.unwrap_or(1), 1, 1_000_000),
            ("max_waiting", self.max_waiting, 0, 1_000_000),
            ("max_wait_seconds", self.max_wait_seconds, 1, 600),
            ("max_idle", self.max_idle, 0, 100_000),
            ("idle_seconds", self.idle_seconds, 1, 3600),
        ] {
            if !(least..=most).contains(&number) {
                problems
                    .add(format!("{key}.{name}"), format!("must be between {least} and {most}"));
            }
        }
    }
}
