//! Directories.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Priority, Store, StoreError, read,
    time::{micros, time},
    within,
};
use crate::directory::{DirectoryId, NameKey};

/// A directory as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryListing {
    /// Which.
    pub id: DirectoryId,
    /// Its name.
    pub name: String,
    /// Who owns its content.
    pub kind: String,
    /// Since when it is disabled, if it is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// How many users it has.
    pub users: i64,
    /// How many groups it has.
    pub groups: i64,
}

type Row = (i64, String, String, Option<i64>, i64, i64);

impl Store {
    /// Every directory, by name.
    pub async fn list_directories(&self) -> Result<Vec<DirectoryListing>, StoreError> {
        const SQL: &str = "
            SELECT d.id, d.name, d.kind, d.disabled_at,
                   (SELECT COUNT(*) FROM users u WHERE u.directory_id = d.id),
                   (SELECT COUNT(*) FROM groups g WHERE g.directory_id = d.id)
            FROM directories d ORDER BY d.name_key";
        let rows: Vec<Row> = read!(self, |pool| sqlx::query_as(SQL).fetch_all(pool).await?);
        let listing = |(id, name, kind, disabled, users, groups): Row| DirectoryListing {
            id: DirectoryId(id),
            name,
            kind,
            disabled_at: disabled.map(time),
            users,
            groups,
        };
        Ok(rows.into_iter().map(listing).collect())
    }

    /// Takes a directory from all applications, or gives it back; nothing in it changes.
    pub async fn set_directory_disabled(
        &self,
        directory: DirectoryId,
        disabled_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE directories SET disabled_at = $2 WHERE id = $1";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(directory.0)
                        .bind(disabled_at.map(micros))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

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
