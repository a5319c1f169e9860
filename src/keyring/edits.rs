//! What administrators do to signing keys. Running gateways notice within seconds.

use chrono::{DateTime, Utc};

use super::{KeyringError, ListedKey, add, schedule};
use crate::{
    secrets::Sealer,
    store::{Store, StoreError},
};

/// Every key, the oldest first.
pub async fn list_keys(store: &Store, now: DateTime<Utc>) -> Result<Vec<ListedKey>, StoreError> {
    Ok(schedule::listed(&store.list_signing_keys().await?, now))
}

/// Makes a key that follows the one which signs: after it was announced for a day, or at once.
pub async fn rotate_keys(
    store: &Store,
    sealer: &Sealer,
    at_once: bool,
    now: DateTime<Utc>,
) -> Result<(), KeyringError> {
    let from = if at_once { now } else { now + schedule::ANNOUNCED };
    // Who was faster by a moment made one that may sign at another time.
    while !add(store, sealer, &store.list_signing_keys().await?, now, from).await? {}
    Ok(())
}

/// Forgets a key at once: what it has signed is worth nothing any more. If no other one could sign, there
/// is a new one before. Says whether there was such a key.
pub async fn retire_key(
    store: &Store,
    sealer: &Sealer,
    id: &str,
    now: DateTime<Utc>,
) -> Result<bool, KeyringError> {
    let keys = store.list_signing_keys().await?;
    if !keys.iter().any(|key| key.id == id) {
        return Ok(false);
    }
    let others = || keys.iter().filter(|key| key.id != id);
    if !others().any(|key| key.signs_from <= now) {
        rotate_keys(store, sealer, true, now).await?;
    }
    Ok(store.delete_signing_key(id).await?)
}
