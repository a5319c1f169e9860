//! Directories.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Priority, Store, StoreError, time::micros, within};
use crate::directory::{DirectoryId, NameKey};

impl Store {
    /// The directory of that name, made if there is none.
    pub async fn ensure_directory(
        &self,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<DirectoryId, StoreError> {
        const INSERT: &str = "
            INSERT INTO directories (uuid, name, name_key, kind, created_at)
            VALUES ($1, $2, $3, 'internal', $4)
            ON CONFLICT (name_key) DO NOTHING";
        const SELECT: &str = "SELECT id FROM directories WHERE name_key = $1";

        let (name, key) = (name.to_owned(), NameKey::of(name).as_str().to_owned());
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let id: i64 = within!(&mut transaction.connection(), |connection| {
                    sqlx::query(INSERT)
                        .bind(Uuid::now_v7())
                        .bind(&name)
                        .bind(&key)
                        .bind(micros(now))
                        .execute(&mut *connection)
                        .await?;
                    sqlx::query_scalar(SELECT).bind(&key).fetch_one(&mut *connection).await?
                });
                Ok(DirectoryId(id))
            })
        })
        .await
    }
}
