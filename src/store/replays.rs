//! Assertions and tickets that have been used.

use chrono::{DateTime, Utc};

use super::{Priority, Store, StoreError, time::micros, within};
use crate::secrets::Hash;

/// What must not be used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// A SAML assertion, by issuer and id.
    Assertion,
    /// A Kerberos authenticator.
    Authenticator,
}

impl Replay {
    fn as_str(self) -> &'static str {
        match self {
            Self::Assertion => "assertion",
            Self::Authenticator => "authenticator",
        }
    }
}

impl Store {
    /// Remembers until `expires_at` that something was used; `false` if it had been before.
    ///
    /// Of two that bring the same at once, on whatever replica, one hears `true`.
    pub async fn remember_once(
        &self,
        replay: Replay,
        key_hash: Hash,
        expires_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO replays (kind, key_hash, expires_at) VALUES ($1, $2, $3)
            ON CONFLICT (kind, key_hash) DO NOTHING";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let inserted = within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(replay.as_str())
                        .bind(key_hash.to_vec())
                        .bind(micros(expires_at))
                        .execute(connection)
                        .await?
                        .rows_affected()
                });
                Ok(inserted == 1)
            })
        })
        .await
    }
}
