//! Child sessions in memory: one look-up a request, behind a lock that few share.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};

use super::{accounts::Accounts, cookie::Cookie};
use crate::{
    directory::{Issuer, PersonId},
    store::{SessionId, StoredChild},
};

/// More than there are cores to wait for one another.
const SHARDS: usize = 64;

/// A child session as requests see it.
#[derive(Debug)]
pub struct LiveSession {
    /// Whose.
    pub person: PersonId,
    /// Who vouched for them.
    pub issuer: Issuer,
    /// The parent that it ends with.
    pub parent: SessionId,
    /// When that began.
    pub begun_at: DateTime<Utc>,
    /// The host whose cookie it is.
    pub host: String,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    pub(super) accounts: Accounts,
    seen_at: AtomicI64,
    written_at: AtomicI64,
}

impl LiveSession {
    pub(super) fn new(child: StoredChild) -> Self {
        let StoredChild { host, parent } = child;
        let seen = parent.seen_at.timestamp_micros();
        Self {
            person: parent.person,
            issuer: parent.issuer,
            parent: parent.id,
            begun_at: parent.created_at,
            host,
            expires_at: parent.expires_at,
            accounts: Accounts::default(),
            seen_at: AtomicI64::new(seen),
            written_at: AtomicI64::new(seen),
        }
    }

    pub(super) fn seen_at(&self) -> i64 {
        self.seen_at.load(Ordering::Relaxed)
    }

    pub(super) fn touch(&self, micros: i64) {
        self.seen_at.fetch_max(micros, Ordering::Relaxed);
    }

    /// The time to write down, if it is later than what was written last.
    fn take_unwritten(&self) -> Option<i64> {
        let seen = self.seen_at();
        let written = self.written_at.fetch_max(seen, Ordering::Relaxed);
        (written < seen).then_some(seen)
    }
}

/// Sessions by the bytes of their cookie: a hit needs no cryptography.
#[derive(Debug)]
pub(super) struct Cache {
    shards: Vec<RwLock<HashMap<Cookie, Arc<LiveSession>>>>,
    hasher: RandomState,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookie")
    }
}

impl Cache {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { shards, hasher: RandomState::new() }
    }

    fn shard(&self, cookie: &Cookie) -> &RwLock<HashMap<Cookie, Arc<LiveSession>>> {
        let hash = self.hasher.hash_one(cookie);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        &self.shards[index]
    }

    pub(super) fn find(&self, cookie: &Cookie) -> Option<Arc<LiveSession>> {
        self.shard(cookie).read().unwrap_or_else(PoisonError::into_inner).get(cookie).cloned()
    }

    /// Of two that load a session at once, both get the one that was first: tunnels hold on to it.
    pub(super) fn insert(&self, cookie: Cookie, session: Arc<LiveSession>) -> Arc<LiveSession> {
        let mut shard = self.shard(&cookie).write().unwrap_or_else(PoisonError::into_inner);
        shard.entry(cookie).or_insert(session).clone()
    }

    pub(super) fn remove(&self, cookie: &Cookie) {
        self.shard(cookie).write().unwrap_or_else(PoisonError::into_inner).remove(cookie);
    }

    /// Forgets every session that is not to be kept.
    pub(super) fn retain(&self, keep: impl Fn(&LiveSession) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, session| keep(session));
        }
    }

    /// Sessions that were seen since this was asked last, and when.
    pub(super) fn take_unwritten(&self) -> Vec<(SessionId, i64)> {
        let mut unwritten = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            let seen = shard.values().filter_map(|s| Some((s.parent, s.take_unwritten()?)));
            unwritten.extend(seen);
        }
        unwritten
    }

    pub(super) fn len(&self) -> usize {
        let lengths = self.shards.iter();
        lengths.map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}
