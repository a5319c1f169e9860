//! How long a cloud that is busy or gone is waited for.

use std::time::Duration;

/// How long a cloud that is busy or gone is waited for, by one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// After the first failure at most so long; twice as long after each further one.
    pub first_wait: Duration,
    /// Never longer than this, unless the cloud itself says how long.
    pub longest_wait: Duration,
    /// So often it is tried.
    pub tries: u32,
    /// So long all waits together may be.
    pub total: Duration,
    /// The same where somebody at a browser waits for the answer.
    pub urgent: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_mins(1),
            tries: 8,
            total: Duration::from_mins(10),
            urgent: Duration::from_secs(3),
        }
    }
}
