//! The keys that sign what applications are told: one set for all gateways on a store.
//!
//! A key is announced before it signs and published after it no longer does, so that applications which
//! keep the set for a while always have the key they need. Each gateway looks every few seconds what has
//! become of the set; whoever finds it due makes the successor.

mod edits;
mod schedule;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

pub use self::{
    edits::{list_keys, retire_key, rotate_keys},
    schedule::{KeyState, ListedKey},
};
use crate::{
    clock::Clock,
    secrets::{OpenError, PublicKey, Sealer, SigningKey, SigningKeyError},
    store::{Store, StoreError, StoredSigningKey},
};

/// What seals private keys, and nothing else.
const PURPOSE: &str = "signing key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cryptographic library.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
}

/// The keys of a running gateway.
#[derive(Debug)]
pub struct Keyring {
    store: Store,
    sealer: Sealer,
    clock: Clock,
    rotate_after: TimeDelta,
    current: ArcSwap<Current>,
    /// Opened keys by their names: a key is opened once.
    opened: Mutex<BTreeMap<String, Arc<SigningKey>>>,
}

/// What the keys are at the moment.
#[derive(Debug)]
struct Current {
    number: i64,
    signer: Arc<SigningKey>,
    published: String,
}

/// A token, and the number of the key that signed it.
#[derive(Debug)]
pub struct Signed {
    /// The token.
    pub token: String,
    /// See [`Keyring::number`].
    pub number: i64,
}

impl Keyring {
    /// The keys of a store; makes the first one.
    pub async fn open(
        store: Store,
        sealer: Sealer,
        clock: Clock,
        rotate_after: TimeDelta,
    ) -> Result<Self, KeyringError> {
        let opened = Mutex::default();
        let current = look(&store, &sealer, &clock, &opened).await?;
        let current = ArcSwap::from_pointee(current);
        Ok(Self { store, sealer, clock, rotate_after, current, opened })
    }

    /// Signs claims.
    pub fn sign(&self, claims: &impl serde::Serialize) -> Result<Signed, SigningKeyError> {
        let current = self.current.load();
        Ok(Signed { token: current.signer.sign(claims)?, number: current.number })
    }

    /// The number of the key that signs now: what another one has signed is to be signed anew.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.current.load().number
    }

    /// Every public key, as a JSON Web Key Set (RFC 7517 section 5).
    #[must_use]
    pub fn published(&self) -> String {
        self.current.load().published.clone()
    }

    /// Looks what has become of the keys, makes a successor when one is due, and forgets what nobody
    /// verifies with any more. To be called every few seconds.
    pub async fn follow(&self) -> Result<(), KeyringError> {
        let stored = self.store.list_signing_keys().await?;
        let now = self.clock.now();
        if schedule::is_due(&stored, self.rotate_after, now) {
            let from = now + schedule::ANNOUNCED;
            if add(&self.store, &self.sealer, &stored, now, from).await? {
                tracing::info!(signs_from = %from, "a new signing key is announced");
            }
        }
        for outlived in schedule::outlived(&stored, now) {
            if self.store.delete_signing_key(&outlived.id).await? {
                tracing::info!(key = outlived.id, "an old signing key is forgotten");
            }
        }
        let current = look(&self.store, &self.sealer, &self.clock, &self.opened).await?;
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|id, _| current.published.contains(id.as_str()));
        drop(opened);
        self.current.store(Arc::new(current));
        Ok(())
    }
}

/// Reads the keys, and makes one if none of them can be used.
async fn look(
    store: &Store,
    sealer: &Sealer,
    clock: &Clock,
    opened: &Mutex<BTreeMap<String, Arc<SigningKey>>>,
) -> Result<Current, KeyringError> {
    let stored = store.list_signing_keys().await?;
    if let Some(current) = choose(&stored, sealer, clock.now(), opened) {
        return Ok(current);
    }
    let now = clock.now();
    add(store, sealer, &stored, now, now).await?;
    let stored = store.list_signing_keys().await?;
    // Another gateway that was faster has another master key.
    choose(&stored, sealer, now, opened).ok_or(KeyringError::Key(SigningKeyError))
}

fn choose(
    stored: &[StoredSigningKey],
    sealer: &Sealer,
    now: DateTime<Utc>,
    opened: &Mutex<BTreeMap<String, Arc<SigningKey>>>,
) -> Option<Current> {
    let mut opened = opened.lock().unwrap_or_else(PoisonError::into_inner);
    let mut usable = Vec::new();
    for key in stored {
        if !opened.contains_key(&key.id) {
            match open(sealer, key) {
                Ok(key) => drop(opened.insert(key.id().to_owned(), Arc::new(key))),
                Err(error) => {
                    let remedy =
                        "give every gateway the same master key, or retire the signing key";
                    tracing::error!(key = key.id, %error, remedy, "a signing key cannot be opened");
                    continue;
                }
            }
        }
        usable.push(key);
    }
    let chosen = schedule::signer(&usable, now)?;
    let published = stored.iter().filter_map(|key| PublicKey::from_point(&key.point));
    Some(Current {
        number: chosen.number,
        signer: opened.get(&chosen.id)?.clone(),
        published: json!({ "keys": published.collect::<Vec<_>>() }).to_string(),
    })
}

#[derive(Debug, thiserror::Error)]
enum OpenKeyError {
    #[error(transparent)]
    Seal(#[from] OpenError),
    #[error(transparent)]
    Key(#[from] SigningKeyError),
}

fn open(sealer: &Sealer, stored: &StoredSigningKey) -> Result<SigningKey, OpenKeyError> {
    let bytes = zeroize::Zeroizing::new(sealer.open(PURPOSE, &stored.sealed)?);
    Ok(SigningKey::from_pkcs8(&bytes)?)
}

/// Makes a key that signs from then on: says whether nobody was faster.
async fn add(
    store: &Store,
    sealer: &Sealer,
    stored: &[StoredSigningKey],
    now: DateTime<Utc>,
    signs_from: DateTime<Utc>,
) -> Result<bool, KeyringError> {
    let key = SigningKey::generate()?;
    let number = stored.last().map_or(1, |last| last.number + 1);
    let stored = StoredSigningKey {
        number,
        id: key.id().to_owned(),
        point: key.point().to_vec(),
        sealed: sealer.seal(PURPOSE, &key.to_pkcs8()?),
        created_at: now,
        signs_from,
    };
    Ok(store.insert_signing_key(stored).await?)
}
