//! New passwords.

use chrono::{DateTime, Utc};
use tokio::task::spawn_blocking;

use super::{
    HashingError, PasswordProblem, Passwords,
    hashing::composed,
    requirements::{self, SHORTEST_FOR_EMERGENCIES},
};
use crate::{
    directory::{DirectoryId, User},
    store::StoreError,
};

/// Why an account has no new password.
#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// It is not one that the gateway takes.
    #[error(transparent)]
    Problem(#[from] PasswordProblem),
    /// The account is not the gateway's own, or gone.
    #[error("only accounts of the gateway's own directories have passwords here")]
    NotOwn,
    /// So many passwords are being checked already.
    #[error("too many passwords are being checked at the moment: try again in a minute")]
    Busy,
    /// The computer could not.
    #[error(transparent)]
    Hashing(#[from] HashingError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Passwords {
    /// Gives an account a password, and says how many sessions ended that the one before had begun. What was
    /// wrong before is forgotten. An account stays for emergencies until its password is removed.
    pub async fn set(
        &self,
        user: &User,
        password: &str,
        break_glass: bool,
    ) -> Result<u64, SetPasswordError> {
        let inner = &self.0;
        let stored = inner.store.find_password(user.id).await?;
        let break_glass = break_glass || stored.is_some_and(|stored| stored.break_glass);
        let min_length = if break_glass { SHORTEST_FOR_EMERGENCIES } else { 0 };
        let min_length = min_length.max(inner.min_length);
        requirements::check(password, &user.profile.username, min_length)?;
        // No flood of wrong passwords is in the way of a new one.
        let _place = inner.places.take_for_setting().await.ok_or(SetPasswordError::Busy)?;
        let (hashing, password) = (inner.hashing.clone(), composed(password));
        let hashed = spawn_blocking(move || hashing.hash(&password)).await;
        let hash = hashed.map_err(|_| SetPasswordError::Busy)??;
        let set = inner.store.set_password(user, hash, break_glass, inner.clock.now()).await?;
        set.ok_or(SetPasswordError::NotOwn)
    }

    /// What is wrong with a password for somebody of that name, if something is.
    pub fn check_new(&self, password: &str, username: &str) -> Result<(), PasswordProblem> {
        requirements::check(password, username, self.0.min_length)
    }

    /// Takes an account's password; `None` if it has none, else how many sessions ended that it had begun.
    pub async fn remove(&self, user: &User) -> Result<Option<u64>, StoreError> {
        self.0.store.delete_password(user, self.0.clock.now()).await
    }

    /// Since when an account has its password; `None` if it has none.
    pub async fn changed_at(&self, user: &User) -> Result<Option<DateTime<Utc>>, StoreError> {
        let stored = self.0.store.find_password(user.id).await?;
        Ok(stored.map(|stored| stored.changed_at))
    }

    /// Ends the sessions that an account's password has begun, and says how many there were.
    pub async fn end_sessions(&self, user: &User) -> Result<u64, StoreError> {
        self.0.store.delete_password_sessions(user, self.0.clock.now()).await
    }

    /// Has everybody in these directories change their passwords before they get in again, apart from accounts
    /// for emergencies; says how many.
    pub async fn expire_all(&self, directories: &[DirectoryId]) -> Result<u64, StoreError> {
        self.0.store.expire_passwords(directories).await
    }
}
