//! Whoever knows whether a password is right.

use futures_util::future::BoxFuture;
use secrecy::SecretString;

use crate::{directory::User, store::StoreError};

/// What somebody who knows says of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Right,
    Wrong,
    /// There is none.
    NoPassword,
    /// It is right, and has to be changed.
    Expired,
}

/// Whoever knows whether a password is right: the store's own hashes, or a server of somebody else's.
pub(super) trait PasswordBackend: std::fmt::Debug + Send + Sync {
    /// What it says of a password. Without an account, or for one that has no password, it takes as long as for
    /// a wrong one.
    fn judge<'a>(
        &'a self,
        user: Option<&'a User>,
        password: &'a SecretString,
    ) -> BoxFuture<'a, Result<Answer, StoreError>>;
}
