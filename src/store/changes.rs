//! The change log: what happened to the directory, in the order it happened.

use chrono::{DateTime, Utc};

use super::{
    Connection, Store, StoreError, read,
    time::{micros, time},
    within,
};
use crate::directory::{Change, PersonId, UserId};

/// A change that was made.
#[derive(Clone, Debug)]
pub struct LoggedChange {
    /// Its place in the log. Readers with a cursor never skip one.
    pub seq: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What.
    pub change: Change,
}

/// Who changes something, why and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Author<'a> {
    pub(super) actor: &'a str,
    pub(super) reason: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// Takes the log's head until the commit, so that writers follow one another.
pub(super) async fn hold_head(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    advance_head(connection, 0).await.map(drop)
}

/// A number given under the lock on the head's row commits before any higher number can be given.
async fn advance_head(connection: &mut Connection<'_>, by: i64) -> Result<i64, StoreError> {
    const SQL: &str = "UPDATE change_head SET seq = seq + $1 WHERE id = 1 RETURNING seq";
    let seq = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(by).fetch_one(connection).await?
    });
    Ok(seq)
}

/// Writes a change into the log, in the transaction that makes it.
pub(super) async fn append(
    connection: &mut Connection<'_>,
    author: Author<'_>,
    person: Option<PersonId>,
    user: Option<UserId>,
    change: &Change,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO changes (seq, at, actor, reason, kind, person_id, user_id, change)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let text = serde_json::to_string(change)
        .map_err(|error| StoreError::Unreadable { what: "a change", value: error.to_string() })?;
    let seq = advance_head(connection, 1).await?;
    within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(seq)
            .bind(micros(author.now))
            .bind(author.actor.to_owned())
            .bind(author.reason.to_owned())
            .bind(change.kind())
            .bind(person.map(|person| person.0))
            .bind(user.map(|user| user.0))
            .bind(text)
            .execute(connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

impl Store {
    /// The changes after a place in the log, oldest first.
    pub async fn list_changes(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LoggedChange>, StoreError> {
        const SQL: &str = "
            SELECT seq, at, actor, reason, change FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2";
        let rows: Vec<(i64, i64, String, String, String)> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(pool).await?
        });
        rows.into_iter()
            .map(|(seq, at, actor, reason, text)| {
                let change = serde_json::from_str(&text).map_err(|_| StoreError::Unreadable {
                    what: "a change",
                    value: text.clone(),
                })?;
                Ok(LoggedChange { seq, at: time(at), actor, reason, change })
            })
            .collect()
    }
}
