//! Keys that sign what applications are told. Every gateway on the store has the same.

use chrono::{DateTime, Utc};

use super::{
    Priority, Store, StoreError, read,
    time::{micros, time},
    within,
};

/// A signing key as it is stored: its private half is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSigningKey {
    /// The later, the higher. Of several gateways that make a key under one number, one does.
    pub number: i64,
    /// What applications know it by.
    pub id: String,
    /// The public half: a point on the curve.
    pub point: Vec<u8>,
    /// The private half, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it begins to sign: applications hear of it before.
    pub signs_from: DateTime<Utc>,
}

type Row = (i64, String, Vec<u8>, Vec<u8>, i64, i64);

impl Store {
    /// Every signing key, the oldest first.
    pub async fn list_signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        const SQL: &str = "
            SELECT number, kid, public_key, sealed_key, created_at, signs_from
            FROM signing_keys ORDER BY number";
        let rows: Vec<Row> = read!(self, |pool| sqlx::query_as(SQL).fetch_all(pool).await?);
        let key = |(number, id, point, sealed, created_at, signs_from)| {
            let (created_at, signs_from) = (time(created_at), time(signs_from));
            StoredSigningKey { number, id, point, sealed, created_at, signs_from }
        };
        Ok(rows.into_iter().map(key).collect())
    }

    /// Writes a key down, unless there is one of that number: says whether it did.
    pub async fn insert_signing_key(&self, key: StoredSigningKey) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO signing_keys (number, kid, public_key, sealed_key, created_at, signs_from)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let written = within!(&mut transaction.connection(), |connection| {
                    let insert = sqlx::query(SQL).bind(key.number).bind(key.id).bind(key.point);
                    let insert = insert.bind(key.sealed).bind(micros(key.created_at));
                    let insert = insert.bind(micros(key.signs_from));
                    insert.execute(connection).await?.rows_affected()
                });
                Ok(written > 0)
            })
        })
        .await
    }

    /// Forgets a key: says whether it was there.
    pub async fn delete_signing_key(&self, id: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM signing_keys WHERE kid = $1";
        let id = id.to_owned();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let deleted = within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL).bind(id).execute(connection).await?.rows_affected()
                });
                Ok(deleted > 0)
            })
        })
        .await
    }
}
