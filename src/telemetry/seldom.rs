//! What the log need not say each time.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Says when it is time to say something again.
#[derive(Debug)]
pub struct Seldom {
    every: Duration,
    said: Mutex<Option<Instant>>,
}

impl Seldom {
    /// Once in so long, at most.
    #[must_use]
    pub fn every(every: Duration) -> Self {
        Self { every, said: Mutex::new(None) }
    }

    /// Whether it is time; then it is not for a while.
    pub fn is_due(&self) -> bool {
        let (mut said, now) =
            (self.said.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        let is_due = said.is_none_or(|said| now - said >= self.every);
        if is_due {
            *said = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_time_once_in_a_while() {
        let seldom = Seldom::every(Duration::from_mins(1));
        assert!(seldom.is_due());
        assert!(!seldom.is_due());
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!seldom.is_due());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(seldom.is_due());
        assert!(!seldom.is_due());
    }
}
