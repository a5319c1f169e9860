//! A child session as requests see it.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};

use super::{accounts::Accounts, cache::Seen, tokens::TokensOfSession};
use crate::{
    directory::{Issuer, PersonId},
    secrets::Hash,
    store::{SessionId, StoredChild},
};

/// A child session as requests see it.
#[derive(Debug)]
pub struct LiveSession {
    /// Whose.
    pub person: PersonId,
    /// Who vouched for them.
    pub issuer: Issuer,
    /// The parent that it ends with.
    pub parent: SessionId,
    /// When that began.
    pub begun_at: DateTime<Utc>,
    /// The host whose cookie it is.
    pub host: String,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    pub(super) accounts: Accounts,
    /// What the store knows it by. No client and no application knows that.
    pub(super) secret_hash: Hash,
    pub(super) tokens: TokensOfSession,
    pub(super) marker: OnceLock<String>,
    pub(super) seen: Seen,
}

impl LiveSession {
    pub(super) fn new(child: StoredChild, secret_hash: Hash) -> Self {
        let StoredChild { host, parent } = child;
        Self {
            person: parent.person,
            issuer: parent.issuer,
            parent: parent.id,
            begun_at: parent.created_at,
            host,
            expires_at: parent.expires_at,
            accounts: Accounts::default(),
            secret_hash,
            tokens: TokensOfSession::default(),
            marker: OnceLock::new(),
            seen: Seen::new(parent.seen_at),
        }
    }
}
