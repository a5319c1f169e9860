//! One address of an application: its connections, how it is, and who is there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
    },
    time::Instant,
};

use super::{
    Target, UpstreamError,
    health::{Health, Standing, Turn},
    places::{Place, Places},
    pool::Pool,
};
use crate::telemetry::UpstreamMetrics;

/// Whom an administrator lets in at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Admission {
    /// Everybody.
    Open = 0,
    /// Those who are there already, as long as they come.
    Draining = 1,
    /// Nobody.
    Closed = 2,
}

/// One address of an application.
#[derive(Debug)]
pub(super) struct Address {
    /// Its place among the application's.
    pub(super) index: usize,
    /// What browsers know it by: nobody learns from it where it is.
    pub(super) id: String,
    pub(super) pool: Arc<Pool>,
    pub(super) health: Health,
    pub(super) places: Option<Places>,
    admission: AtomicU8,
    requests: AtomicUsize,
    /// Whether another one has taken its place: what still ends here says nothing of how it is.
    has_retired: AtomicBool,
    app: Arc<str>,
    metrics: UpstreamMetrics,
}

/// A request's seat at an address, until its answer has been read or its tunnel has ended.
#[derive(Debug)]
pub(super) struct Seat {
    address: Arc<Address>,
    _place: Option<Place>,
}

impl Address {
    pub(super) fn new(
        (index, id): (usize, String),
        pool: Pool,
        health: Health,
        places: Option<Places>,
        (app, metrics): (&Arc<str>, &UpstreamMetrics),
    ) -> Self {
        Self {
            index,
            id,
            pool: Arc::new(pool),
            health,
            places,
            admission: AtomicU8::new(Admission::Open as u8),
            requests: AtomicUsize::new(0),
            has_retired: AtomicBool::new(false),
            app: app.clone(),
            metrics: metrics.clone(),
        }
    }

    pub(super) fn target(&self) -> &Target {
        self.pool.target()
    }

    pub(super) fn admission(&self) -> Admission {
        match self.admission.load(Ordering::Relaxed) {
            0 => Admission::Open,
            1 => Admission::Draining,
            _ => Admission::Closed,
        }
    }

    pub(super) fn admit(&self, admission: Admission) {
        self.admission.store(admission as u8, Ordering::Relaxed);
    }

    /// So many requests are there.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub(super) fn is_full(&self) -> bool {
        self.places.as_ref().is_some_and(Places::is_full)
    }

    /// A seat, as soon as there is a place.
    pub(super) async fn seat(self: &Arc<Self>) -> Result<Seat, UpstreamError> {
        let place = match &self.places {
            None => None,
            Some(places) => {
                let place = places.take().await;
                Some(place.map_err(|_| UpstreamError::Full(self.target().name().clone()))?)
            }
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(Seat { address: self.clone(), _place: place })
    }

    /// A request was answered here.
    pub(super) fn answered(&self) {
        self.tell(self.health.answered(), "requests are answered again");
    }

    /// A request was not.
    pub(super) fn failed(&self, error: &UpstreamError) {
        let reason = error.code();
        self.metrics.count_failure(&self.app, self.target().name(), reason);
        let text = error.to_string();
        let turn = self.health.failed(Instant::now(), text.clone());
        self.tell(turn, &text);
    }

    /// A page was asked for to see how it is.
    pub(super) fn looked(&self, page: Result<(), String>) {
        let because = match &page {
            Ok(()) => "it says that it is well".to_owned(),
            Err(error) => {
                self.metrics.count_failure(&self.app, self.target().name(), "check");
                error.clone()
            }
        };
        let turn = self.health.looked(Instant::now(), page);
        self.tell(turn, &because);
    }

    /// Takes the one request that is let through to see, if this may be it.
    pub(super) fn may_try(&self) -> bool {
        self.health.standing() == Standing::OnTrial && self.health.begin_trial(Instant::now())
    }

    /// From now on it is the one that counts. What is known of the address stays known, and whoever was let in there is.
    pub(super) fn begin(&self, before: Option<&Self>) {
        if let Some(before) = before {
            self.admit(before.admission());
            self.health.take_over(&before.health);
        }
        let is_in = self.health.standing() == Standing::In;
        self.metrics.set_up(&self.app, self.target().name(), is_in);
    }

    /// From now on another one counts, or none if the address is the application's no more.
    pub(super) fn retire(&self) {
        self.has_retired.store(true, Ordering::Relaxed);
        self.metrics.forget(&self.app, self.target().name());
    }

    fn tell(&self, turn: Option<Turn>, because: &str) {
        let (Some(turn), app, address) = (turn, &*self.app, self.target()) else {
            return;
        };
        if self.has_retired.load(Ordering::Relaxed) {
            return;
        }
        self.metrics.count_turn(&self.app, address.name(), turn == Turn::In);
        match turn {
            Turn::Out => {
                tracing::warn!(app, %address, because, "an address of an application is taken out");
            }
            Turn::In => {
                tracing::info!(app, %address, because, "an address of an application is in again");
            }
        }
    }
}

impl Seat {
    pub(super) fn address(&self) -> &Arc<Address> {
        &self.address
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.address.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
