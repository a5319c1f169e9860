//! Somebody at an application, and what that application is told of them.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue};

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
}

/// What the application is told, ready to be written into requests: nothing of it is worth doing twice.
#[derive(Debug)]
pub struct Told {
    /// The headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// From then on it has to be made anew.
    pub good_until: DateTime<Utc>,
    /// The number of the key that signed it, if one did.
    pub key: Option<i64>,
}

impl Visitor {
    pub(super) fn new(account: Account, live: &LiveSession) -> Self {
        // A number alone may be given again.
        let session = format!("{}-{}", live.parent.0, live.begun_at.timestamp_micros());
        Self { account, session, told: ArcSwapOption::empty() }
    }

    /// Somebody who is not here, for questions about what an application would be told.
    #[must_use]
    pub fn supposed(account: Account) -> Self {
        Self { account, session: "none".to_owned(), told: ArcSwapOption::empty() }
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
