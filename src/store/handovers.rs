//! One-time codes that carry a login from the login host to an app's host.

use chrono::{DateTime, Utc};

use super::{Priority, SessionId, Store, StoreError, time::micros, within};
use crate::secrets::Hash;

/// A code to write down.
#[derive(Clone, Debug)]
pub struct NewHandover {
    /// SHA-256 of the code.
    pub code_hash: Hash,
    /// The session that it hands over.
    pub session: SessionId,
    /// The only host that may take it.
    pub host: String,
    /// The only browser that may bring it: SHA-256 of its cookie.
    pub browser_hash: Hash,
    /// When it is worth nothing any more.
    pub expires_at: DateTime<Utc>,
}

/// What a code stood for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The session.
    pub session: SessionId,
    /// The host that may take it.
    pub host: String,
    /// The browser that may bring it.
    pub browser_hash: Vec<u8>,
}

impl Store {
    /// Writes a code down.
    pub async fn insert_handover(&self, handover: NewHandover) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO handover_codes (code_hash, session_id, host, browser_hash, expires_at)
            VALUES ($1, $2, $3, $4, $5)";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(handover.code_hash.to_vec())
                        .bind(handover.session.0)
                        .bind(handover.host)
                        .bind(handover.browser_hash.to_vec())
                        .bind(micros(handover.expires_at))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Takes a code: of two who bring it, one gets something.
    pub async fn take_handover(
        &self,
        code_hash: Hash,
        now: DateTime<Utc>,
    ) -> Result<Option<Handover>, StoreError> {
        const SQL: &str = "
            DELETE FROM handover_codes WHERE code_hash = $1
            RETURNING session_id, host, browser_hash, expires_at";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let row: Option<(i64, String, Vec<u8>, i64)> =
                    within!(&mut transaction.connection(), |connection| {
                        sqlx::query_as(SQL)
                            .bind(code_hash.to_vec())
                            .fetch_optional(connection)
                            .await?
                    });
                Ok(row.filter(|(.., expires_at)| *expires_at > micros(now)).map(
                    |(session, host, browser_hash, _)| Handover {
                        session: SessionId(session),
                        host,
                        browser_hash,
                    },
                ))
            })
        })
        .await
    }
}
