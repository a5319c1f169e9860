//! Logins that are under way at an identity provider.

use chrono::{DateTime, Utc};

use super::{Priority, Store, StoreError, time::micros, within};
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
            DELETE FROM login_states WHERE handle_hash = $1
            RETURNING idp, request_id, browser_hash, flow, expires_at";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let row: Option<Row> = within!(&mut transaction.connection(), |connection| {
                    sqlx::query_as(SQL)
                        .bind(handle_hash.to_vec())
                        .fetch_optional(connection)
                        .await?
                });
                let state = row.map(|(idp, request_id, browser_hash, flow, expires_at)| {
                    let expires_at = super::time::time(expires_at);
                    LoginState { idp, request_id, browser_hash, flow, expires_at }
                });
                Ok(state.filter(|state| state.expires_at > now))
            })
        })
        .await
    }
}
