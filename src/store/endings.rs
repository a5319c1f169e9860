//! Which sessions must no longer be believed from memory.

use chrono::{DateTime, Utc};

use super::{Connection, SessionId, Store, StoreError, read, time::micros, within};
use crate::directory::PersonId;

/// A session that ended, or a person whose sessions all have to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionEnding {
    /// Its number. On PostgreSQL a lower one can become visible after a higher one, so that readers
    /// read the last few again: forgetting a session twice does no harm.
    pub seq: i64,
    /// The session.
    pub session: Option<SessionId>,
    /// The person.
    pub person: Option<PersonId>,
}

/// Tells every replica to forget a session, or all sessions of a person.
pub(super) async fn insert(
    connection: &mut Connection<'_>,
    session: Option<SessionId>,
    person: Option<PersonId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO session_endings (at, session_id, person_id) VALUES ($1, $2, $3)";
    within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(micros(now))
            .bind(session.map(|session| session.0))
            .bind(person.map(|person| person.0))
            .execute(connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

impl Store {
    /// The endings with a number above `after`.
    pub async fn list_session_endings(&self, after: i64) -> Result<Vec<SessionEnding>, StoreError> {
        const SQL: &str = "
            SELECT seq, session_id, person_id FROM session_endings WHERE seq > $1 ORDER BY seq";
        let rows: Vec<(i64, Option<i64>, Option<i64>)> =
            read!(self, |pool| sqlx::query_as(SQL).bind(after).fetch_all(pool).await?);
        let ending = |(seq, session, person): (i64, Option<i64>, Option<i64>)| SessionEnding {
            seq,
            session: session.map(SessionId),
            person: person.map(PersonId),
        };
        Ok(rows.into_iter().map(ending).collect())
    }

    /// The highest number so far.
    pub async fn head_of_session_endings(&self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT COALESCE(MAX(seq), 0) FROM session_endings";
        Ok(read!(self, |pool| sqlx::query_scalar(SQL).fetch_one(pool).await?))
    }
}
