//! Somebody at an application, and what that application is told of them.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};

use super::LiveSession;
use crate::store::Account;

/// The account that an application knows a session's person by. It lives for as long as the account stays
/// as it is and the session goes on, at most.
#[derive(Debug)]
pub struct Visitor {
    /// The account.
    pub account: Account,
    /// The session that it is here with: no other one ever has this name.
    pub session: String,
    told: ArcSwapOption<Told>,
    /// Whether the application knows them.
    is_known: AtomicBool,
    /// Since when they have waited for that; 0 if they have not.
    waiting_since: AtomicI64,
}

/// What the application is told, ready to be written into requests: nothing of it is worth doing twice.
pub struct Told {
    /// Lines of headers, as they stand in a request: each `name: value` and a line end.
    pub lines: Box<[u8]>,
    /// Those that prove it, which nobody else may see.
    pub proof: Box<[u8]>,
    /// From then on it has to be made anew.
    pub good_until: DateTime<Utc>,
    /// The number of the key that signed it, if one did.
    pub key: Option<i64>,
    /// The edition of the configuration that it was made by.
    pub edition: u64,
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("good_until", &self.good_until).finish_non_exhaustive()
    }
}

impl Visitor {
    pub(super) fn new(account: Account, live: &LiveSession) -> Self {
        // A database that was restored gives a number once more.
        let session = format!("{}-{}", live.parent.0, live.begun_at.timestamp_micros());
        Self::of(account, session)
    }

    fn of(account: Account, session: String) -> Self {
        let (is_known, waiting_since) = (AtomicBool::new(false), AtomicI64::new(0));
        Self { account, session, told: ArcSwapOption::empty(), is_known, waiting_since }
    }

    /// Somebody who is not here, for questions about what an application would be told.
    #[must_use]
    pub fn supposed(account: Account) -> Self {
        Self::of(account, "none".to_owned())
    }

    /// Whether it is known that the application knows them.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// The application knows them, or they need not wait any longer.
    pub fn become_known(&self) {
        self.is_known.store(true, Ordering::Relaxed);
    }

    /// Since when they have waited for the application to know them: since now, if they have not before.
    #[must_use]
    pub fn waiting_since(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let micros = now.timestamp_micros();
        let order = Ordering::Relaxed;
        match self.waiting_since.compare_exchange(0, micros, order, order) {
            Ok(_) => now,
            Err(since) => DateTime::from_timestamp_micros(since).unwrap_or(now),
        }
    }

    /// What the application was told last, if that is still good; else what `tell` makes.
    pub fn told(
        &self,
        is_good: impl FnOnce(&Told) -> bool,
        tell: impl FnOnce() -> Told,
    ) -> Arc<Told> {
        if let Some(told) = self.told.load_full().filter(|told| is_good(told)) {
            return told;
        }
        let told = Arc::new(tell());
        self.told.store(Some(told.clone()));
        told
    }
}
