//! The `[session]` table.

use serde::Deserialize;

use super::Problems;

/// How long people stay logged in.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct SessionConfig {
    /// A session ends so long after its last request. Default: 28800 (8 hours).
    pub idle_timeout_seconds: u32,
    /// A session ends so long after its login. Default: 86400 (24 hours).
    pub absolute_timeout_seconds: u32,
    /// While the database is away, sessions in memory and the accounts of their people are believed for so long; then
    /// nobody is served until it is back. Default: 600 (10 minutes).
    pub outage_timeout_seconds: u32,
    /// Forms up to this size that come without a session are kept until somebody has signed in; 0 keeps
    /// none. Default: 1048576 (1 MiB).
    pub max_saved_post_bytes: u32,
}

/// A look at what has ended may take half as long, so that a network that is slow is no outage yet.
const SHORTEST_OUTAGE: u32 = 30;

/// Whoever has to go is gone a day later, whatever happens.
const LONGEST_OUTAGE: u32 = 24 * 3600;

/// Larger ones would fill the room for all of them with a few.
const LARGEST_SAVED_POST: u32 = 16 * 1024 * 1024;

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            idle_timeout_seconds: 8 * 3600,
            absolute_timeout_seconds: 24 * 3600,
            outage_timeout_seconds: 600,
            max_saved_post_bytes: 1024 * 1024,
        }
    }
}

impl SessionConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        // Last-seen is written once a minute.
        if self.idle_timeout_seconds < 120 {
            problems.add("session.idle_timeout_seconds", "must be at least 120");
        }
        if self.absolute_timeout_seconds < self.idle_timeout_seconds {
            problems
                .add("session.absolute_timeout_seconds", "must not be below idle_timeout_seconds");
        }
        if !(SHORTEST_OUTAGE..=LONGEST_OUTAGE).contains(&self.outage_timeout_seconds) {
            let problem = format!("must be between {SHORTEST_OUTAGE} and {LONGEST_OUTAGE}");
            problems.add("session.outage_timeout_seconds", problem);
        }
        if self.max_saved_post_bytes > LARGEST_SAVED_POST {
            let problem = format!("must be at most {LARGEST_SAVED_POST}");
            problems.add("session.max_saved_post_bytes", problem);
        }
    }
}
