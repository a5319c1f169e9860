//! What issuers said last of people, for those who ask what the next login would change.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Connection, Priority, Store, StoreError,
    time::{micros, time},
    within,
};
use crate::{directory::PersonId, provisioning::Claims};

/// Who logs in again within an hour, saying the same, writes nothing.
const COALESCE: TimeDelta = TimeDelta::hours(1);

/// What an issuer said last of somebody, and when, to the hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastLogin {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub claims: Claims,
}

fn text(claims: &Claims) -> Result<String, StoreError> {
    serde_json::to_string(claims)
        .map_err(|error| StoreError::Unreadable { what: "claims", value: error.to_string() })
}

/// Whether the same was said a short while ago.
pub(super) async fn is_known(
    connection: &mut Connection<'_>,
    claims: &Claims,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT COUNT(*) FROM last_logins l JOIN identities i ON i.id = l.identity_id
        WHERE i.issuer = $1 AND i.subject_kind = $2 AND i.subject = $3 AND l.claims = $4 AND l.at > $5";
    let text = text(claims)?;
    let count: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(&claims.identity.issuer.0)
            .bind(claims.identity.subject.kind.as_str())
            .bind(&claims.identity.subject.value)
            .bind(text)
            .bind(micros(now - COALESCE))
            .fetch_one(connection)
            .await?
    });
    Ok(count > 0)
}

/// Writes down what was said.
pub(super) async fn write(
    connection: &mut Connection<'_>,
    claims: &Claims,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO last_logins (identity_id, at, claims)
        SELECT id, $4, $5 FROM identities WHERE issuer = $1 AND subject_kind = $2 AND subject = $3
        ON CONFLICT (identity_id) DO UPDATE SET at = excluded.at, claims = excluded.claims";
    let text = text(claims)?;
    within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(&claims.identity.issuer.0)
            .bind(claims.identity.subject.kind.as_str())
            .bind(&claims.identity.subject.value)
            .bind(micros(now))
            .bind(text)
            .execute(connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

impl Store {
    pub(super) async fn write_last_login(
        &self,
        claims: Claims,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move { write(&mut transaction.connection(), &claims, now).await })
        })
        .await
    }

    /// The last login by each issuer that knows a person, the latest first.
    pub async fn list_last_logins(&self, person: PersonId) -> Result<Vec<LastLogin>, StoreError> {
        const SQL: &str = "
            SELECT l.at, l.claims FROM last_logins l JOIN identities i ON i.id = l.identity_id
            WHERE i.person_id = $1 ORDER BY l.at DESC, i.id";
        let rows: Vec<(i64, String)> = super::read!(self, |pool| {
            sqlx::query_as(SQL).bind(person.0).fetch_all(pool).await?
        });
        let read = |(at, text): (i64, String)| {
            let claims = serde_json::from_str(&text)
                .map_err(|_| StoreError::Unreadable { what: "claims", value: text.clone() })?;
            Ok(LastLogin { at: time(at), claims })
        };
        rows.into_iter().map(read).collect()
    }
}
