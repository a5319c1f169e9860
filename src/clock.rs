//! Where the time comes from.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

/// The time, as everything in the gateway reads it.
///
/// Lifetimes of assertions and sessions depend on it, so tests need to set it.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The operating system's clock.
    System,
    /// The operating system's clock, ahead by so many seconds.
    Ahead(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that tests can put forward with [`Clock::advance`].
    #[must_use]
    pub fn adjustable() -> Self {
        Self::Ahead(Arc::default())
    }

    /// Puts an adjustable clock forward; does nothing to the system's.
    pub fn advance(&self, by: TimeDelta) {
        if let Self::Ahead(seconds) = self {
            seconds.fetch_add(by.num_seconds(), Ordering::Relaxed);
        }
    }

    /// The current time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that may")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now(),
            Self::Ahead(seconds) => {
                Utc::now() + TimeDelta::seconds(seconds.load(Ordering::Relaxed))
            }
        }
    }
}
