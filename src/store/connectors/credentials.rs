//! When what connectors prove themselves with ends.

use chrono::{DateTime, Utc};

use super::ConnectorId;
use crate::store::{
    Priority, Store, StoreError, read,
    time::{micros, time},
    within,
};

/// When what a connector proves itself with ends, as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenCredential {
    /// What it is, and when it ends; nothing if nobody says so.
    pub expires: Option<(String, DateTime<Utc>)>,
    /// When that was asked.
    pub seen_at: DateTime<Utc>,
}

impl Store {
    /// What was last seen of a connector's credential.
    pub async fn find_credential(
        &self,
        connector: ConnectorId,
    ) -> Result<Option<SeenCredential>, StoreError> {
        const SQL: &str = "
            SELECT what, expires_at, seen_at FROM connector_credentials WHERE connector_id = $1";
        let row: Option<(Option<String>, Option<i64>, i64)> =
            read!(self, |pool| sqlx::query_as(SQL).bind(connector.0).fetch_optional(pool).await?);
        Ok(row.map(|(what, expires_at, seen_at)| SeenCredential {
            expires: what.zip(expires_at.map(time)),
            seen_at: time(seen_at),
        }))
    }

    /// Remembers what was seen of a connector's credential.
    pub async fn note_credential(
        &self,
        connector: ConnectorId,
        seen: SeenCredential,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO connector_credentials (connector_id, what, expires_at, seen_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (connector_id) DO UPDATE
            SET what = excluded.what, expires_at = excluded.expires_at, seen_at = excluded.seen_at";
        let (what, expires_at) = seen.expires.unzip();
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(connector.0)
                        .bind(what)
                        .bind(expires_at.map(micros))
                        .bind(micros(seen.seen_at))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }
}
