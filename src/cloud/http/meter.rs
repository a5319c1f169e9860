//! What reading a cloud costs, counted while it is read.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Counts what a connector asks. Whoever wants to know what a run has cost takes two readings.
#[derive(Debug, Default)]
pub struct Meter {
    calls: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
    waited_ms: AtomicU64,
    request_id: Mutex<Option<String>>,
}

/// What a connector has asked so far, since the gateway has started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Requests, each try counted.
    pub calls: u64,
    /// Those of them that repeated one that had failed.
    pub retries: u64,
    /// Bytes of answers, unpacked.
    pub bytes: u64,
    /// So long it was waited because the cloud wanted it, or because it failed.
    pub waited_ms: u64,
    /// The cloud's id of the last request, which its support asks for.
    pub request_id: Option<String>,
}

impl Meter {
    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> Usage {
        let request_id = self.request_id.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Usage {
            calls: self.calls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            waited_ms: self.waited_ms.load(Ordering::Relaxed),
            request_id,
        }
    }

    pub(super) fn called(&self, again: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.retries.fetch_add(u64::from(again), Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn waited(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.waited_ms.fetch_add(time, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, request_id: Option<&str>) {
        if let Some(id) = request_id {
            let mut last = self.request_id.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(id.to_owned());
        }
    }
}

impl Usage {
    /// What was asked since an earlier reading.
    #[must_use]
    pub fn since(self, before: &Self) -> Self {
        Self {
            calls: self.calls - before.calls,
            retries: self.retries - before.retries,
            bytes: self.bytes - before.bytes,
            waited_ms: self.waited_ms - before.waited_ms,
            request_id: self.request_id,
        }
    }
}
