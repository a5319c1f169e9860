//! What one request has cost so far: tries and time.

use std::time::Duration;

use super::{Patience, backoff::backoff};

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Effort {
    patience: Patience,
    /// What is left of the time for waiting.
    left: Duration,
    failures: u32,
}

impl Effort {
    pub(super) fn new(patience: Patience, urgent: bool) -> Self {
        let left = if urgent { patience.urgent } else { patience.total };
        Self { patience, left, failures: 0 }
    }

    pub(super) fn left(&self) -> Duration {
        self.left
    }

    pub(super) fn is_first(&self) -> bool {
        self.failures == 0
    }

    pub(super) fn waited(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }

    /// A try has failed: how long to wait before the next one, if there may be one.
    pub(super) fn failed(&mut self) -> Option<Duration> {
        self.failures += 1;
        let wait = backoff(self.patience.first_wait, self.patience.longest_wait, self.failures);
        (self.failures < self.patience.tries && wait <= self.left).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_of_tries_and_of_time() {
        let patience = Patience::default();
        let mut effort = Effort::new(patience, false);
        let waits = std::iter::from_fn(|| effort.failed()).count();
        assert_eq!(waits, 7, "eight tries have seven waits between them");
        let mut effort = Effort::new(patience, false);
        effort.waited(Duration::from_secs(599));
        assert_eq!(effort.left(), Duration::from_secs(1));
        effort.waited(Duration::from_secs(5));
        assert!(effort.left().is_zero());
        assert_eq!(effort.failed().filter(|wait| !wait.is_zero()), None);
        assert_eq!(Effort::new(patience, true).left(), Duration::from_secs(3));
    }
}
