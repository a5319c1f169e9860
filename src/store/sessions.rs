//! Sessions: a parent on the login host, and a child on every host that was visited.

use chrono::{DateTime, Utc};

use super::{
    Connection, Priority, Store, StoreError, endings, read, sign_outs,
    time::{micros, time},
    within,
};
use crate::{
    directory::{Issuer, PersonId},
    secrets::Hash,
};

/// A parent session. Small, and only inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub i64);

/// A login that succeeded.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// SHA-256 of the cookie's secret: the store never holds what would log in.
    pub secret_hash: Hash,
    /// Whose session it is.
    pub person: PersonId,
    /// Who vouched.
    pub issuer: Issuer,
    /// How: `saml`, `kerberos` or `password`.
    pub method: &'static str,
    /// The assertion's `NameID`, for a later logout.
    pub name_id: Option<String>,
    /// Its format.
    pub name_id_format: Option<String>,
    /// The identity provider's name for its own session.
    pub session_index: Option<String>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// The parent session that this login replaces.
    pub replaces: Option<SessionId>,
}

/// A parent session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub person: PersonId,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// Who vouched.
    pub issuer: Issuer,
    /// When it was last seen, to the minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A child session, with its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChild {
    /// The host whose cookie it is.
    pub host: String,
    /// The session that it ends with.
    pub parent: StoredSession,
}

/// A session as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionListing {
    /// Its number.
    pub id: SessionId,
    /// Whose it is, by the name of their first account.
    pub username: String,
    /// Who vouched.
    pub issuer: String,
    /// How.
    pub method: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was last seen, to the minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// Id, person, issuer, beginning, last seen and end.
pub(super) type Row = (i64, i64, String, i64, i64, i64);

pub(super) fn stored((id, person, issuer, created, seen, expires): Row) -> StoredSession {
    StoredSession {
        id: SessionId(id),
        person: PersonId(person),
        issuer: Issuer(issuer),
        created_at: time(created),
        seen_at: time(seen),
        expires_at: time(expires),
    }
}

impl Store {
    /// Begins a session, and ends the one that it replaces.
    pub async fn insert_session(
        &self,
        session: NewSession,
        now: DateTime<Utc>,
    ) -> Result<StoredSession, StoreError> {
        const SQL: &str = "
            INSERT INTO sessions (secret_hash, person_id, issuer, method, name_id, name_id_format,
                session_index, created_at, seen_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
            RETURNING id, person_id, issuer, created_at, seen_at, expires_at";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                if let Some(replaced) = session.replaces {
                    delete(connection, replaced, now).await?;
                }
                let row: Row = within!(connection, |connection| {
                    sqlx::query_as(SQL)
                        .bind(session.secret_hash.to_vec())
                        .bind(session.person.0)
                        .bind(session.issuer.0)
                        .bind(session.method)
                        .bind(session.name_id)
                        .bind(session.name_id_format)
                        .bind(session.session_index)
                        .bind(micros(now))
                        .bind(micros(session.expires_at))
                        .fetch_one(connection)
                        .await?
                });
                Ok(stored(row))
            })
        })
        .await
    }

    /// The parent session with that secret, if it has not ended.
    pub async fn find_session(
        &self,
        secret_hash: &Hash,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredSession>, StoreError> {
        const SQL: &str = "
            SELECT id, person_id, issuer, created_at, seen_at, expires_at FROM sessions
            WHERE secret_hash = $1 AND expires_at > $2";
        let row: Option<Row> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(secret_hash.to_vec())
                .bind(micros(now))
                .fetch_optional(pool)
                .await?
        });
        Ok(row.map(stored))
    }

    /// Begins a child session on a host. `false` if the parent has ended meanwhile.
    pub async fn insert_child_session(
        &self,
        secret_hash: Hash,
        parent: SessionId,
        host: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO child_sessions (secret_hash, session_id, host, created_at)
            SELECT $1, id, $3, $4 FROM sessions WHERE id = $2";
        let host = host.to_owned();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let inserted = within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(secret_hash.to_vec())
                        .bind(parent.0)
                        .bind(host)
                        .bind(micros(now))
                        .execute(connection)
                        .await?
                        .rows_affected()
                });
                Ok(inserted == 1)
            })
        })
        .await
    }

    /// The child session with that secret, if its parent has not ended.
    pub async fn find_child_session(
        &self,
        secret_hash: &Hash,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredChild>, StoreError> {
        const SQL: &str = "
            SELECT s.id, s.person_id, s.issuer, s.created_at, s.seen_at, s.expires_at, c.host
            FROM child_sessions c JOIN sessions s ON s.id = c.session_id
            WHERE c.secret_hash = $1 AND s.expires_at > $2";
        let row: Option<(i64, i64, String, i64, i64, i64, String)> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(secret_hash.to_vec())
                .bind(micros(now))
                .fetch_optional(pool)
                .await?
        });
        Ok(row.map(|(id, person, issuer, created, seen, expires, host)| StoredChild {
            host,
            parent: stored((id, person, issuer, created, seen, expires)),
        }))
    }

    /// Writes down when sessions were last seen. An earlier time never replaces a later one.
    pub async fn touch_sessions(
        &self,
        seen: Vec<(SessionId, DateTime<Utc>)>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                for (id, at) in seen {
                    within!(&mut transaction.connection(), |connection| {
                        sqlx::query(SQL)
                            .bind(id.0)
                            .bind(micros(at))
                            .execute(connection)
                            .await
                            .map(drop)?;
                    });
                }
                Ok(())
            })
        })
        .await
    }

    /// Ends a session and its children. `false` if there was none.
    pub async fn delete_session(
        &self,
        id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let Some((person, issuer)) = delete(connection, id, now).await? else {
                    return Ok(false);
                };
                if !issuer.is_application() {
                    sign_outs::write(connection, person, now).await?;
                }
                Ok(true)
            })
        })
        .await
    }

    /// Ends every session of a person, and says how many there were.
    pub async fn delete_sessions_of(
        &self,
        person: PersonId,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move { delete_of(&mut transaction.connection(), person, now).await })
        })
        .await
    }

    /// The sessions that have not ended, the latest first; of one username, or of all.
    pub async fn list_sessions(
        &self,
        username_key: Option<&str>,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<SessionListing>, StoreError> {
        const SQL: &str = "
            SELECT s.id,
                   COALESCE((SELECT u.username FROM users u WHERE u.person_id = s.person_id
                             ORDER BY u.id LIMIT 1), ''),
                   s.issuer, s.method, s.created_at, s.seen_at, s.expires_at
            FROM sessions s
            WHERE s.expires_at > $1
              AND ($2 = '' OR s.person_id IN (SELECT person_id FROM users WHERE username_key = $2))
            ORDER BY s.id DESC LIMIT $3";
        let key = username_key.unwrap_or_default().to_owned();
        let rows: Vec<(i64, String, String, String, i64, i64, i64)> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(micros(now)).bind(key).bind(limit).fetch_all(pool).await?
        });
        let listing = |(id, username, issuer, method, created, seen, expires)| SessionListing {
            id: SessionId(id),
            username,
            issuer,
            method,
            created_at: time(created),
            seen_at: time(seen),
            expires_at: time(expires),
        };
        Ok(rows.into_iter().map(listing).collect())
    }
}

/// Ends a session, and tells every replica. Says whose it was, and who had vouched.
async fn delete(
    connection: &mut Connection<'_>,
    id: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<(PersonId, Issuer)>, StoreError> {
    const SQL: &str = "DELETE FROM sessions WHERE id = $1 RETURNING person_id, issuer";
    let deleted: Option<(i64, String)> = within!(connection, |connection| {
        sqlx::query_as(SQL).bind(id.0).fetch_optional(connection).await?
    });
    if deleted.is_some() {
        endings::insert(connection, Some(id), None, now).await?;
    }
    Ok(deleted.map(|(person, issuer)| (PersonId(person), Issuer(issuer))))
}

/// Ends a person's sessions, and tells every replica.
pub(super) async fn delete_of(
    connection: &mut Connection<'_>,
    person: PersonId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const SQL: &str = "DELETE FROM sessions WHERE person_id = $1";
    let deleted = within!(connection, |connection| {
        sqlx::query(SQL).bind(person.0).execute(connection).await?.rows_affected()
    });
    endings::insert(connection, None, Some(person), now).await?;
    // Also where no session was left: their browser may still have applications' sessions.
    sign_outs::write(connection, person, now).await?;
    Ok(deleted)
}

/// Ends those of a person's sessions that were begun in one way, here or by way of an application, and tells
/// every replica.
pub(super) async fn delete_of_method(
    connection: &mut Connection<'_>,
    person: PersonId,
    method: &'static str,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const SQL: &str = "
        SELECT id FROM sessions WHERE person_id = $1 AND method IN ($2, 'crowd-' || $2)";
    let ids: Vec<i64> = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(person.0).bind(method).fetch_all(connection).await?
    });
    let mut ended = 0;
    for id in ids {
        ended += u64::from(delete(connection, SessionId(id), now).await?.is_some());
    }
    Ok(ended)
}
