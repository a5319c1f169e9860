//! What an administrator does to one account.

use chrono::{DateTime, Utc};

use super::{
    Priority, Store, StoreError,
    changes::{self, Author},
    sessions, within,
};
use crate::directory::{Change, InactiveReason, User};

impl Store {
    /// Blocks an account and ends the person's sessions, in one step. Says how many ended.
    pub async fn block_user(
        &self,
        user: &User,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let reason = InactiveReason::AdminBlock;
        self.set_inactive(user, Some(reason), Change::DeactivateUser { reason }, actor, now).await
    }

    /// Lets an account in again, whatever the reason was.
    pub async fn unblock_user(
        &self,
        user: &User,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(reason) = user.inactive else {
            return Ok(());
        };
        self.set_inactive(user, None, Change::ReactivateUser { reason }, actor, now).await.map(drop)
    }

    async fn set_inactive(
        &self,
        user: &User,
        reason: Option<InactiveReason>,
        change: Change,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE users SET inactive_reason = $2 WHERE id = $1";
        let (user, person, actor) = (user.id, user.person, actor.to_owned());
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                changes::hold_head(connection).await?;
                within!(connection, |connection| {
                    sqlx::query(SQL)
                        .bind(user.0)
                        .bind(reason.map(InactiveReason::as_str))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                let author = Author { actor: &actor, reason: "administrator", now };
                changes::append(connection, author, Some(person), Some(user), &change).await?;
                sessions::delete_of(connection, person, now).await
            })
        })
        .await
    }
}
