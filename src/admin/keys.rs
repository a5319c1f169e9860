//! The keys that sign what applications are told.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError};
use crate::{
    http::Parameters,
    keyring::{KeyState, KeyringError, ListedKey, list_keys, retire_key, rotate_keys},
    secrets::Sealer,
};

/// A signing key as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// What applications know it by: the `kid`.
    pub id: String,
    /// `announced`, `signs` or `kept`.
    pub state: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it began to sign, or will.
    pub signs_from: DateTime<Utc>,
}

impl From<ListedKey> for KeyView {
    fn from(key: ListedKey) -> Self {
        let state = match key.state {
            KeyState::Announced => "announced",
            KeyState::Signs => "signs",
            KeyState::Kept => "kept",
        };
        let ListedKey { id, created_at, signs_from, .. } = key;
        Self { id, state: state.to_owned(), created_at, signs_from }
    }
}

impl From<KeyringError> for AdminError {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Store(error) => Self::Store(error),
            KeyringError::Key(error) => Self::BadRequest(error.to_string()),
        }
    }
}

impl Admin {
    fn sealer(&self) -> Result<&Sealer, AdminError> {
        let missing = || {
            let problem = "the master key cannot be read: run this as somebody who may read it";
            AdminError::BadRequest(problem.to_owned())
        };
        self.sealer.as_deref().ok_or_else(missing)
    }

    async fn keys(&self) -> Result<Json<Vec<KeyView>>, AdminError> {
        let keys = list_keys(&self.store, self.clock.now()).await?;
        Ok(Json(keys.into_iter().map(KeyView::from).collect()))
    }
}

/// `GET /keys`, the oldest first.
pub(super) async fn show_keys(
    State(admin): State<Admin>,
) -> Result<Json<Vec<KeyView>>, AdminError> {
    admin.keys().await
}

/// `POST /keys?at_once=`: announces a key, or makes one that signs at once.
pub(super) async fn rotate(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<KeyView>>, AdminError> {
    let twice = |_| AdminError::BadRequest("a parameter is there twice".to_owned());
    let at_once = Parameters::of(&uri).map_err(twice)?.find("at_once").is_some();
    rotate_keys(&admin.store, admin.sealer()?, at_once, admin.clock.now()).await?;
    tracing::info!(at_once, "an administrator made a signing key");
    admin.keys().await
}

/// `DELETE /keys/{id}`: what it has signed is worth nothing any more.
pub(super) async fn retire(
    State(admin): State<Admin>,
    Path(id): Path<String>,
) -> Result<Json<Vec<KeyView>>, AdminError> {
    if !retire_key(&admin.store, admin.sealer()?, &id, admin.clock.now()).await? {
        return Err(AdminError::NotFound(format!("signing key {id:?}")));
    }
    tracing::warn!(key = id, "an administrator retired a signing key");
    admin.keys().await
}
