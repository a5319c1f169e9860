//! Logins that are under way at an identity provider.

use chrono::{DateTime, Utc};

use super::{
    Priority, SessionId, Store, StoreError, StoredSession, read, sessions,
    time::{micros, time},
    within,
};
use crate::secrets::Hash;

/// A login that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginState {
    /// The name of the identity provider that was asked.
    pub idp: String,
    /// The id of the `AuthnRequest` that it has to answer.
    pub request_id: String,
    /// The browser that was sent: SHA-256 of its cookie.
    pub browser_hash: Vec<u8>,
    /// Where the login leads, sealed.
    pub flow: Vec<u8>,
    /// When it is too late.
    pub expires_at: DateTime<Utc>,
}

/// The columns of a state, in its order.
type Row = (String, String, Vec<u8>, Vec<u8>, i64);

fn state((idp, request_id, browser_hash, flow, expires_at): Row) -> LoginState {
    LoginState { idp, request_id, browser_hash, flow, expires_at: time(expires_at) }
}

impl Store {
    /// Writes a login down under the hash of its handle.
    pub async fn insert_login_state(
        &self,
        handle_hash: Hash,
        state: LoginState,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO login_states (handle_hash, idp, request_id, browser_hash, flow, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6)";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(handle_hash.to_vec())
                        .bind(state.idp)
                        .bind(state.request_id)
                        .bind(state.browser_hash)
                        .bind(state.flow)
                        .bind(micros(state.expires_at))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Takes a login: its handle is good for one answer.
    pub async fn take_login_state(
        &self,
        handle_hash: Hash,
        now: DateTime<Utc>,
    ) -> Result<Option<LoginState>, StoreError> {
        const SQL: &str = "
            UPDATE login_states SET used = 1 WHERE handle_hash = $1 AND used = 0 AND expires_at > $2
            RETURNING idp, request_id, browser_hash, flow, expires_at";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let row: Option<Row> = within!(&mut transaction.connection(), |connection| {
                    sqlx::query_as(SQL)
                        .bind(handle_hash.to_vec())
                        .bind(micros(now))
                        .fetch_optional(connection)
                        .await?
                });
                Ok(row.map(state))
            })
        })
        .await
    }

    /// A login whose answer has come: somebody went back in their browser, or clicked twice.
    pub async fn find_used_login_state(
        &self,
        handle_hash: Hash,
        now: DateTime<Utc>,
    ) -> Result<Option<LoginState>, StoreError> {
        const SQL: &str = "
            SELECT idp, request_id, browser_hash, flow, expires_at FROM login_states
            WHERE handle_hash = $1 AND used = 1 AND expires_at > $2";
        let row: Option<Row> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(handle_hash.to_vec())
                .bind(micros(now))
                .fetch_optional(pool)
                .await?
        });
        Ok(row.map(state))
    }

    /// How many logins are written down, finished ones of the last hour among them.
    pub async fn count_login_states(&self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM login_states";
        Ok(read!(self, |pool| sqlx::query_scalar(SQL).fetch_one(pool).await?))
    }

    /// Remembers which session a login began.
    pub async fn connect_login_state(
        &self,
        handle_hash: Hash,
        session: SessionId,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE login_states SET session_id = (SELECT id FROM sessions WHERE id = $2)
            WHERE handle_hash = $1";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(handle_hash.to_vec())
                        .bind(session.0)
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// The latest session that logins of this browser began, if it goes on.
    pub async fn find_session_of_browser(
        &self,
        browser_hash: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<Option<StoredSession>, StoreError> {
        const SQL: &str = "
            SELECT s.id, s.person_id, s.issuer, s.created_at, s.seen_at, s.expires_at
            FROM login_states l JOIN sessions s ON s.id = l.session_id
            WHERE l.browser_hash = $1 AND s.expires_at > $2
            ORDER BY s.created_at DESC, s.id DESC LIMIT 1";
        let row: Option<sessions::Row> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(browser_hash).bind(micros(now)).fetch_optional(pool).await?
        });
        Ok(row.map(sessions::stored))
    }
}
