//! A session's accounts: in one directory for this application, in another for that.

use std::{
    future::Future,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::timeout;

use super::{LiveSession, Sessions, Visitor};
use crate::{
    directory::DirectoryId,
    store::{Account, StoreError},
};

/// A change of name or groups reaches requests so long after it was made.
pub(super) const FRESH: TimeDelta = TimeDelta::seconds(30);

/// While somebody reads it again, or the store is away, all others go on for so long with what was read last.
pub(super) const AGAIN: TimeDelta = TimeDelta::seconds(5);

/// Who has something to go on with waits no longer for the store.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was read of a person's accounts, and when.
#[derive(Debug, Default)]
pub(super) struct Accounts(RwLock<Vec<Cached>>);

#[derive(Clone, Debug)]
struct Cached {
    directories: Arc<[DirectoryId]>,
    app: String,
    visitor: Option<Arc<Visitor>>,
    /// When the store has said so.
    read_at: DateTime<Utc>,
    /// When it is to be asked again.
    good_until: DateTime<Utc>,
}

impl Accounts {
    fn find(&self, directories: &[DirectoryId], app: &str) -> Option<Cached> {
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        cached
            .iter()
            .find(|cached| *cached.directories == *directories && cached.app == app)
            .cloned()
    }

    fn insert(&self, new: Cached) {
        let mut cached = self.0.write().unwrap_or_else(PoisonError::into_inner);
        cached.retain(|old| old.directories != new.directories || old.app != new.app);
        // Most sessions have one, for the application whose host they are on; there are tens of thousands of sessions.
        cached.reserve_exact(1);
        cached.push(new);
    }
}

/// What the store says; soon, if it need not be waited for.
pub(super) async fn patiently<T>(
    read: impl Future<Output = Result<T, StoreError>>,
    has_else: bool,
) -> Result<T, StoreError> {
    if !has_else {
        return read.await;
    }
    let read = timeout(PATIENCE, read).await;
    read.unwrap_or(Err(StoreError::Timeout(PATIENCE.as_secs())))
}

impl Sessions {
    /// The account that a session's person has in the first of the directories that knows them. Usually
    /// a look-up in memory.
    ///
    /// Somebody's first visit to the application `app` gives them its default groups.
    ///
    /// While the store is away, what was read last goes on, but no longer than sessions do.
    pub async fn find_account(
        &self,
        live: &LiveSession,
        directories: &Arc<[DirectoryId]>,
        app: &str,
        default_groups: &[String],
    ) -> Result<Option<Arc<Visitor>>, StoreError> {
        let now = self.clock.now();
        let cached = live.accounts.find(directories, app);
        if let Some(cached) = &cached
            && cached.good_until > now
        {
            return Ok(cached.visitor.clone());
        }
        let first = cached.is_none();
        let believed = cached.as_ref().filter(|cached| cached.read_at + self.times.outage > now);
        let is_believed = believed.is_some();
        if let Some(cached) = believed {
            live.accounts.insert(Cached { good_until: now + AGAIN, ..cached.clone() });
        }
        let read = Box::pin(self.read_account(live, directories, app, default_groups, first));
        match (patiently(read, is_believed).await, cached) {
            (Ok(account), cached) => {
                // What the application is told lasts for as long as nothing has changed.
                let before = cached.and_then(|cached| cached.visitor);
                let same = before.filter(|before| Some(&before.account) == account.as_ref());
                let new = || account.map(|account| Arc::new(Visitor::new(account, live)));
                let visitor = same.or_else(new);
                live.accounts.insert(Cached {
                    directories: directories.clone(),
                    app: app.to_owned(),
                    visitor: visitor.clone(),
                    read_at: now,
                    good_until: now + FRESH,
                });
                Ok(visitor)
            }
            (Err(error), Some(cached)) if is_believed => {
                tracing::warn!(%error, "an account is as it was read last");
                Ok(cached.visitor)
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn read_account(
        &self,
        live: &LiveSession,
        directories: &[DirectoryId],
        app: &str,
        default_groups: &[String],
        first: bool,
    ) -> Result<Option<Account>, StoreError> {
        let account = self.store.find_account(directories, live.person).await?;
        let Some(account) = account else {
            return Ok(None);
        };
        let visit = first && !default_groups.is_empty() && account.user.inactive.is_none();
        if visit
            && self
                .store
                .give_default_groups(&account.user, app, default_groups, self.clock.now())
                .await?
        {
            return self.store.find_account(directories, live.person).await;
        }
        Ok(Some(account))
    }
}
