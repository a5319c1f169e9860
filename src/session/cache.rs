//! What requests ask for again and again: one look-up in memory, behind a lock that few share.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};

/// More than there are cores to wait for one another.
const SHARDS: usize = 64;

/// Sessions by the bytes of their cookie, or tokens by their own: a hit needs no cryptography.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    shards: Vec<RwLock<HashMap<K, Arc<V>>>>,
    hasher: RandomState,
}

impl<K: Eq + Hash, V> Cache<K, V> {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self { shards, hasher: RandomState::new() }
    }

    fn shard(&self, key: &K) -> &RwLock<HashMap<K, Arc<V>>> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        &self.shards[index]
    }

    pub(super) fn find(&self, key: &K) -> Option<Arc<V>> {
        self.shard(key).read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Of two that load one at once, both get the one that was first: tunnels hold on to it.
    pub(super) fn insert(&self, key: K, value: Arc<V>) -> Arc<V> {
        let mut shard = self.shard(&key).write().unwrap_or_else(PoisonError::into_inner);
        shard.entry(key).or_insert(value).clone()
    }

    pub(super) fn remove(&self, key: &K) {
        self.shard(key).write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Forgets all that are not to be kept.
    pub(super) fn retain(&self, keep: impl Fn(&V) -> bool) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, value| keep(value));
        }
    }

    /// What is to be collected of them.
    pub(super) fn collect<T>(&self, pick: impl Fn(&V) -> Option<T>) -> Vec<T> {
        let mut picked = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            picked.extend(shard.values().filter_map(|value| pick(value)));
        }
        picked
    }

    pub(super) fn len(&self) -> usize {
        let lengths = self.shards.iter();
        lengths.map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }
}

/// When something was last seen, and what of that is written down; in microseconds since 1970.
#[derive(Debug)]
pub(super) struct Seen {
    at: AtomicI64,
    written_at: AtomicI64,
}

impl Seen {
    /// As it is written down.
    pub(super) fn new(at: DateTime<Utc>) -> Self {
        let at = at.timestamp_micros();
        Self { at: AtomicI64::new(at), written_at: AtomicI64::new(at) }
    }

    pub(super) fn at(&self) -> i64 {
        self.at.load(Ordering::Relaxed)
    }

    pub(super) fn touch(&self, now: DateTime<Utc>) {
        self.at.fetch_max(now.timestamp_micros(), Ordering::Relaxed);
    }

    /// The time to write down, if it is later than what was written last.
    pub(super) fn take_unwritten(&self) -> Option<DateTime<Utc>> {
        let at = self.at();
        let written = self.written_at.fetch_max(at, Ordering::Relaxed);
        (written < at).then(|| DateTime::from_timestamp_micros(at).unwrap_or_default())
    }
}
