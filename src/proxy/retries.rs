//! How much is sent again: a dying application is not given several times the work.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::telemetry::UpstreamMetrics;

/// So many requests may be on their way again in any case, and of those that are at the application one in so many.
const ALWAYS: usize = 3;
const ONE_IN: usize = 5;

/// Requests of an application that are on their way again.
#[derive(Debug)]
pub(super) struct Retries {
    under_way: AtomicUsize,
    app: Arc<str>,
    metrics: UpstreamMetrics,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Retry<'a>(&'a Retries);

impl Retries {
    pub(super) fn new(app: Arc<str>, metrics: UpstreamMetrics) -> Self {
        Self { under_way: AtomicUsize::new(0), app, metrics }
    }

    /// One more, if there are not too many; `requests` are at the application.
    pub(super) fn begin(&self, requests: usize) -> Option<Retry<'_>> {
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed);
        let retry = Retry(self);
        let is_within = under_way < ALWAYS.max(requests / ONE_IN);
        self.metrics.count_retry(&self.app, if is_within { "repeated" } else { "over_budget" });
        is_within.then_some(retry)
    }

    /// Counts a request that goes elsewhere, of which nothing had been sent.
    pub(super) fn count_unsent(&self) {
        self.metrics.count_retry(&self.app, "unsent");
    }
}

impl Drop for Retry<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_requests_are_sent_again_and_of_many_a_part() {
        let retries = Retries::new("jira".into(), UpstreamMetrics::default());
        let few: Vec<_> = std::iter::from_fn(|| retries.begin(1)).take(100).collect();
        assert_eq!(few.len(), 3);
        assert!(retries.begin(14).is_none());
        let more: Vec<_> = std::iter::from_fn(|| retries.begin(50)).take(100).collect();
        assert_eq!(few.len() + more.len(), 10);
        drop((few, more));
        assert!(retries.begin(0).is_some(), "they are over");
    }
}
