//! The clouds' clock: the machine's, and as far ahead of it as a test says. Tokens grow old by it.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Moments in the vendors' formats.
pub type Moment = DateTime<Utc>;

#[derive(Default)]
pub struct Time {
    ahead: AtomicI64,
}

impl Time {
    #[expect(clippy::disallowed_methods, reason = "the clouds' clock is not the gateway's")]
    pub fn now(&self) -> Moment {
        Utc::now() + TimeDelta::milliseconds(self.ahead.load(Ordering::Relaxed))
    }

    /// Goes on, as if so many seconds had passed.
    pub fn advance(&self, seconds: i64) {
        self.ahead.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }
}

/// `2026-11-26T07:00:00Z`, as Graph writes.
pub fn in_seconds(at: Moment) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-11-26T07:00:00.000Z`, as Okta and Google write.
pub fn in_millis(at: Moment) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// What a client wrote.
pub fn parse(text: &str) -> Option<Moment> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}
