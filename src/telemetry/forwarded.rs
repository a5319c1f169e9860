//! The numbers of one application's requests that were passed on.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::metrics::{counter::Counter, histogram::Histogram};

use super::metrics::{AppLabels, CLASSES, Metrics, RequestLabels};

/// Found once, at the first request that they count: nearly every request would look them up among all others, by four words.
#[derive(Debug)]
pub struct Forwarded {
    app: Arc<str>,
    metrics: Metrics,
    requests: [OnceLock<Counter>; CLASSES.len()],
    seconds: OnceLock<Histogram>,
}

impl Forwarded {
    /// Of an application.
    #[must_use]
    pub fn new(app: Arc<str>, metrics: Metrics) -> Self {
        Self { app, metrics, requests: Default::default(), seconds: OnceLock::new() }
    }

    /// Counts an answer whose status is of a class, from 0 for `1xx`, and which took so long.
    pub fn count(&self, class: usize, took: Duration) {
        if let (Some(requests), Some(status)) = (self.requests.get(class), CLASSES.get(class)) {
            requests.get_or_init(|| self.find(status)).inc();
        }
        let seconds = self.seconds.get_or_init(|| {
            let labels = AppLabels { app: self.app.clone() };
            self.metrics.request_seconds.get_or_create(&labels).clone()
        });
        seconds.observe(took.as_secs_f64());
    }

    fn find(&self, status: &'static str) -> Counter {
        let app = self.app.clone();
        let labels = RequestLabels { app, decision: "forward", reason: "ok", status };
        self.metrics.requests.get_or_create(&labels).clone()
    }
}
