//! What applications know sessions by over Crowd's REST interface.

use chrono::{DateTime, Utc};

use super::{
    Priority, SessionId, Store, StoreError, StoredSession, endings, read, sessions::stored,
    sign_outs, time::micros, within,
};
use crate::{directory::PersonId, secrets::Hash};

/// A token that an application is about to be given.
#[derive(Clone, Debug)]
pub struct NewCrowdToken {
    /// SHA-256 of the token: the store never holds what would be believed.
    pub token_hash: Hash,
    /// The session that it stands for, and ends with.
    pub session: SessionId,
    /// When that began: its number may be another one's by now.
    pub begun_at: DateTime<Utc>,
    /// The application that may ask with it.
    pub application: String,
    /// Where it has to be used from; empty for everywhere.
    pub address: String,
}

/// A token as it is stored, with its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCrowdToken {
    /// The session that it stands for.
    pub session: StoredSession,
    /// Where it has to be used from; empty for everywhere.
    pub address: String,
}

/// A session that an application has begun, which may be given to it once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EqualSession {
    /// What its token is derived from.
    pub secret_hash: Hash,
    /// The session.
    pub session: StoredSession,
}

/// Id, person, issuer, beginning, last seen, end and secret's hash.
type EqualRow = (i64, i64, String, i64, i64, i64, Vec<u8>);

/// What makes two sessions that an application begins the same.
#[derive(Clone, Debug)]
pub struct Equal {
    /// The person.
    pub person: PersonId,
    /// The issuer, which names the application.
    pub issuer: String,
    /// Whether with a password or without.
    pub method: &'static str,
    /// The application.
    pub application: String,
    /// Where it is used from.
    pub address: String,
}

impl Store {
    /// Remembers a token for as long as its session goes on; one that is known already stays as it is.
    pub async fn insert_crowd_token(
        &self,
        token: NewCrowdToken,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO crowd_tokens (token_hash, session_id, application, address, created_at)
            SELECT $1, id, $3, $4, $5 FROM sessions WHERE id = $2 AND created_at = $6
            ON CONFLICT (token_hash) DO NOTHING";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(token.token_hash.to_vec())
                        .bind(token.session.0)
                        .bind(token.application)
                        .bind(token.address)
                        .bind(micros(now))
                        .bind(micros(token.begun_at))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// The token of an application with that hash, if its session has not ended.
    pub async fn find_crowd_token(
        &self,
        token_hash: &Hash,
        application: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredCrowdToken>, StoreError> {
        const SQL: &str = "
            SELECT s.id, s.person_id, s.issuer, s.created_at, s.seen_at, s.expires_at, t.address
            FROM crowd_tokens t JOIN sessions s ON s.id = t.session_id
            WHERE t.token_hash = $1 AND t.application = $2 AND s.expires_at > $3";
        let row: Option<(i64, i64, String, i64, i64, i64, String)> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(token_hash.to_vec())
                .bind(application)
                .bind(micros(now))
                .fetch_optional(pool)
                .await?
        });
        Ok(row.map(|(id, person, issuer, created, seen, expires, address)| StoredCrowdToken {
            session: stored((id, person, issuer, created, seen, expires)),
            address,
        }))
    }

    /// Of the sessions that are equal, were used since `seen_after` and end within `ends` the one that
    /// lasts longest.
    pub async fn find_equal_session(
        &self,
        equal: &Equal,
        seen_after: DateTime<Utc>,
        ends: &std::ops::RangeInclusive<DateTime<Utc>>,
    ) -> Result<Option<EqualSession>, StoreError> {
        const SQL: &str = "
            SELECT s.id, s.person_id, s.issuer, s.created_at, s.seen_at, s.expires_at, s.secret_hash
            FROM sessions s JOIN crowd_tokens t ON t.session_id = s.id
            WHERE s.person_id = $1 AND s.issuer = $2 AND s.method = $3
              AND t.application = $4 AND t.address = $5
              AND s.seen_at > $6 AND s.expires_at BETWEEN $7 AND $8
            ORDER BY s.expires_at DESC LIMIT 1";
        let row: Option<EqualRow> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(equal.person.0)
                .bind(&equal.issuer)
                .bind(equal.method)
                .bind(&equal.application)
                .bind(&equal.address)
                .bind(micros(seen_after))
                .bind(micros(*ends.start()))
                .bind(micros(*ends.end()))
                .fetch_optional(pool)
                .await?
        });
        Ok(row.and_then(|(id, person, issuer, created, seen, expires, secret_hash)| {
            let session = stored((id, person, issuer, created, seen, expires));
            Some(EqualSession { secret_hash: secret_hash.try_into().ok()?, session })
        }))
    }

    /// Ends sessions of a person: all, or those that were begun by an issuer only; all but one, if one is
    /// to go on. Says which have ended.
    pub async fn delete_sessions_but(
        &self,
        person: PersonId,
        issuer: Option<String>,
        kept: Option<SessionId>,
        now: DateTime<Utc>,
    ) -> Result<Vec<SessionId>, StoreError> {
        const SQL: &str = "
            DELETE FROM sessions WHERE person_id = $1 AND id <> $2 AND ($3 = '' OR issuer = $3)
            RETURNING id";
        // No session has this number.
        let kept = kept.map_or(0, |kept| kept.0);
        let of_all = issuer.is_none();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let ended: Vec<i64> = within!(connection, |connection| {
                    sqlx::query_scalar(SQL)
                        .bind(person.0)
                        .bind(kept)
                        .bind(issuer.unwrap_or_default())
                        .fetch_all(connection)
                        .await?
                });
                for id in &ended {
                    endings::insert(connection, Some(SessionId(*id)), None, now).await?;
                }
                if of_all {
                    sign_outs::write(connection, person, now).await?;
                }
                Ok(ended.into_iter().map(SessionId).collect())
            })
        })
        .await
    }
}
