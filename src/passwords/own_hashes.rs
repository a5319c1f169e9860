//! The gateway's own passwords.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::task::spawn_blocking;

use super::{
    Answer, PasswordBackend,
    hashing::{Comparison, Hashing},
};
use crate::{
    directory::{User, UserId},
    store::{Store, StoreError, StoredPassword},
};

/// The hashes in the store.
#[derive(Debug)]
pub(super) struct OwnHashes {
    store: Store,
    hashing: Arc<Hashing>,
}

impl PasswordBackend for OwnHashes {
    fn judge<'a>(
        &'a self,
        user: Option<&'a User>,
        password: &'a SecretString,
    ) -> BoxFuture<'a, Result<Answer, StoreError>> {
        Box::pin(async move {
            let stored = match user {
                Some(user) => self.store.find_password(user.id).await?,
                None => None,
            };
            let hash = stored.as_ref().map(|stored| stored.hash.clone());
            let compared = self.compare(password, hash).await;
            let Some((user, stored)) = user.zip(stored) else {
                return Ok(Answer::NoPassword);
            };
            let Comparison::Matches { outdated } = compared else {
                return Ok(Answer::Wrong);
            };
            if outdated {
                self.hash_anew(user.id, &stored, password).await?;
            }
            Ok(if stored.expired { Answer::Expired } else { Answer::Right })
        })
    }
}

impl OwnHashes {
    pub(super) fn new(store: Store, hashing: Arc<Hashing>) -> Self {
        Self { store, hashing }
    }

    /// Compares where blocking does no harm.
    async fn compare(&self, password: &SecretString, hash: Option<String>) -> Comparison {
        let (hashing, password) = (self.hashing.clone(), password.clone());
        let comparing = spawn_blocking(move || hashing.compare(&password, hash.as_deref()));
        comparing.await.unwrap_or(Comparison::Differs)
    }

    /// Stores the hash that is made today.
    async fn hash_anew(
        &self,
        user: UserId,
        stored: &StoredPassword,
        password: &SecretString,
    ) -> Result<(), StoreError> {
        let (hashing, password) = (self.hashing.clone(), password.clone());
        let hashed = spawn_blocking(move || hashing.hash(&password)).await;
        if let Ok(Ok(hash)) = hashed {
            self.store.replace_password_hash(user, stored.hash.clone(), hash).await?;
        }
        Ok(())
    }
}
