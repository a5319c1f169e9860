//! The change log: what happened to the directory, in the order it happened.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Connection, Store, StoreError, read,
    time::{micros, time},
    within,
};
use crate::directory::{Change, DirectoryId, NameKey, PersonId, UserId};

/// A change that was made.
#[derive(Clone, Debug)]
pub struct LoggedChange {
    /// Its place in the log. Readers with a cursor never skip one.
    pub seq: i64,
    /// The place of the first of those that were made together with it.
    pub batch: i64,
    /// The batch that it helps to undo.
    pub undoes: Option<i64>,
    /// Where. Changes from before this was logged do not say.
    pub directory: Option<DirectoryId>,
    /// Whom it is about.
    pub person: Option<PersonId>,
    /// Which account, by its name outside, which it keeps when it is removed and comes back.
    pub user: Option<Uuid>,
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
pub(super) async fn advance_head(
    connection: &mut Connection<'_>,
    by: i64,
) -> Result<i64, StoreError> {
    const SQL: &str = "UPDATE change_head SET seq = seq + $1 WHERE id = 1 RETURNING seq";
    let seq = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(by).fetch_one(connection).await?
    });
    Ok(seq)
}

/// More numbers than a loss of power can have lost: a plan for a million people has fewer parts, and many of them are
/// made to last before its end.
const LOST: i64 = 10_000;

/// Passes over the numbers of changes that somebody may have seen and that are lost (see
/// [`Priority::Resumable`](super::Priority::Resumable)): who has seen one of them asks for what came after it, and must not
/// miss what comes in its place.
pub(super) async fn skip_lost_numbers(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    advance_head(connection, LOST).await.map(drop)
}

/// What a change is about, and which others it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) batch: Option<i64>,
    pub(super) undoes: Option<i64>,
    pub(super) directory: DirectoryId,
    pub(super) person: Option<PersonId>,
    pub(super) user: Option<(UserId, Uuid)>,
}

macro_rules! insert_change {
    ($returning:literal) => {
        concat!(
            "INSERT INTO changes (seq, at, actor, reason, kind, person_id, user_id, change, batch, ",
            "undoes, directory_id, user_uuid) ",
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            $returning
        )
    };
}

/// Writes a change into the log, in the transaction that makes it, and gives its number.
pub(super) async fn append(
    connection: &mut Connection<'_>,
    author: Author<'_>,
    place: Place,
    change: &Change,
) -> Result<i64, StoreError> {
    let seq = advance_head(connection, 1).await?;
    append_at(connection, seq, author, place, change).await?;
    Ok(seq)
}

/// Writes a change with a number that the transaction has taken already.
pub(super) async fn append_at(
    connection: &mut Connection<'_>,
    seq: i64,
    author: Author<'_>,
    place: Place,
    change: &Change,
) -> Result<(), StoreError> {
    const SQLITE: &str = insert_change!("");
    // Whoever listens is told once the transaction is committed. The writer of SQLite does so by itself.
    const POSTGRES: &str = insert_change!(" RETURNING pg_notify('gatehouse_changes', '')");
    let statement = if matches!(connection, Connection::Sqlite(_)) { SQLITE } else { POSTGRES };
    let text = serde_json::to_string(change)
        .map_err(|error| StoreError::Unreadable { what: "a change", value: error.to_string() })?;
    within!(connection, |connection| {
        sqlx::query(statement)
            .bind(seq)
            .bind(micros(author.now))
            .bind(author.actor.to_owned())
            .bind(author.reason.to_owned())
            .bind(change.kind())
            .bind(place.person.map(|person| person.0))
            .bind(place.user.map(|(user, _)| user.0))
            .bind(text)
            .bind(place.batch.unwrap_or(seq))
            .bind(place.undoes)
            .bind(place.directory.0)
            .bind(place.user.map(|(_, uuid)| uuid))
            .execute(connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

/// A row of the log.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct ChangeRow {
    seq: i64,
    batch: i64,
    undoes: Option<i64>,
    directory_id: Option<i64>,
    person_id: Option<i64>,
    user_uuid: Option<Uuid>,
    at: i64,
    actor: String,
    reason: String,
    change: String,
}

/// The columns of [`ChangeRow`].
macro_rules! select_changes {
    ($rest:literal) => {
        concat!(
            "SELECT c.seq, COALESCE(c.batch, c.seq) AS batch, c.undoes, c.directory_id, c.person_id, ",
            "c.user_uuid, c.at, c.actor, c.reason, c.change FROM changes c ",
            $rest
        )
    };
}

impl TryFrom<ChangeRow> for LoggedChange {
    type Error = StoreError;

    fn try_from(row: ChangeRow) -> Result<Self, StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "a change", value: row.change.clone() };
        Ok(Self {
            seq: row.seq,
            batch: row.batch,
            undoes: row.undoes,
            directory: row.directory_id.map(DirectoryId),
            person: row.person_id.map(PersonId),
            user: row.user_uuid,
            at: time(row.at),
            change: serde_json::from_str(&row.change).map_err(unreadable)?,
            actor: row.actor,
            reason: row.reason,
        })
    }
}

impl Store {
    /// How far the log is.
    pub async fn find_log_head(&self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT seq FROM change_head";
        Ok(read!(self, |pool| sqlx::query_scalar(SQL).fetch_one(pool).await?))
    }

    /// The changes after a place in the log, oldest first.
    pub async fn list_changes(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LoggedChange>, StoreError> {
        const SQL: &str = select_changes!("WHERE c.seq > $1 ORDER BY c.seq LIMIT $2");
        let rows: Vec<ChangeRow> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(pool).await?
        });
        rows.into_iter().map(LoggedChange::try_from).collect()
    }

    /// The changes after the last one that a reader has seen, oldest first; an error if some of them are
    /// forgotten.
    pub async fn follow_changes(
        &self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<LoggedChange>, StoreError> {
        const OLDEST: &str =
            "SELECT COALESCE((SELECT MIN(c.seq) FROM changes c), h.seq + 1) FROM change_head h";
        let changes = self.list_changes(after, limit).await?;
        // Asked afterwards: what is deleted in between is noticed.
        let oldest: i64 = read!(self, |pool| sqlx::query_scalar(OLDEST).fetch_one(pool).await?);
        if oldest > after + 1 { Err(StoreError::Forgotten { after, oldest }) } else { Ok(changes) }
    }

    /// The latest changes, the latest first; about one username, or about anybody.
    pub async fn list_latest_changes(
        &self,
        username: Option<&NameKey>,
        limit: i64,
    ) -> Result<Vec<LoggedChange>, StoreError> {
        const SQL: &str = select_changes!(
            "WHERE $1 = '' OR c.person_id IN (SELECT person_id FROM users WHERE username_key = $1)
            ORDER BY c.seq DESC LIMIT $2"
        );
        let key = username.map_or("", NameKey::as_str).to_owned();
        let rows: Vec<ChangeRow> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(key).bind(limit).fetch_all(pool).await?
        });
        rows.into_iter().map(LoggedChange::try_from).collect()
    }

    /// The changes that were made together, in order; none if there is no such batch.
    pub async fn list_batch(&self, batch: i64) -> Result<Vec<LoggedChange>, StoreError> {
        self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move { read_batch(connection, batch).await })
        })
        .await
    }
}

/// The changes of a batch, in order.
pub(super) async fn read_batch(
    connection: &mut Connection<'_>,
    batch: i64,
) -> Result<Vec<LoggedChange>, StoreError> {
    const SQL: &str =
        select_changes!("WHERE c.batch = $1 OR (c.batch IS NULL AND c.seq = $1) ORDER BY c.seq");
    let rows: Vec<ChangeRow> = within!(connection, |connection| {
        sqlx::query_as(SQL).bind(batch).fetch_all(connection).await?
    });
    rows.into_iter().map(LoggedChange::try_from).collect()
}
