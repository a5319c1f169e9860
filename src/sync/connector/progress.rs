//! How far a run is, for whoever waits for it: here, or at another gateway.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};

use crate::sync::progress::Progress;

/// What a run is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// The cloud is asked.
    #[default]
    Reading,
    /// What it said goes into the mirror.
    Folding,
    /// The directory is compared with the mirror.
    Comparing,
    /// The plan is applied.
    Applying,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunProgress {
    /// What it is at.
    pub phase: RunPhase,
    /// How many answers the cloud gave.
    pub pages: u64,
    /// How many things it said in them.
    pub items: u64,
    /// How long the cloud has let it wait since the gateway has started.
    pub waited_ms: u64,
    /// How many users or parts are done.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
}

/// Counts what a run does.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    pages: AtomicU64,
    items: AtomicU64,
    at: Mutex<(RunPhase, u64, Option<u64>)>,
}

impl Meter {
    /// Goes on from what was counted before.
    pub(super) fn from(pages: i64, items: i64) -> Self {
        let meter = Self::default();
        meter.0.pages.store(u64::try_from(pages).unwrap_or_default(), Ordering::Relaxed);
        meter.0.items.store(u64::try_from(items).unwrap_or_default(), Ordering::Relaxed);
        meter
    }

    pub(super) fn count_page(&self, items: usize) {
        self.0.pages.fetch_add(1, Ordering::Relaxed);
        self.0.items.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(super) fn set(&self, phase: RunPhase, done: u64, total: Option<u64>) {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner) = (phase, done, total);
    }

    /// What comparing and applying say of themselves.
    pub(super) fn hear(&self, said: Progress) {
        let applies = said.phase == crate::sync::Phase::Applying;
        let phase = if applies { RunPhase::Applying } else { RunPhase::Comparing };
        self.set(phase, said.done, said.total);
    }

    pub(super) fn read(&self) -> RunProgress {
        let (phase, done, total) = *self.0.at.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (pages, items) = (count(&self.0.pages), count(&self.0.items));
        RunProgress { phase, pages, items, waited_ms: 0, done, total }
    }
}
