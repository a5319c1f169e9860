//! What accounts are called now.

use super::{
    Store, StoreError,
    with_list::{list, statement, with_list},
    within,
};
use crate::directory::UserId;

/// So many are looked up at once.
const AT_ONCE: usize = 1000;

impl Store {
    /// The names of accounts; those that are gone are left out.
    pub async fn list_usernames(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, String)>, StoreError> {
        const SQL: [&str; 2] =
            with_list!("SELECT id, username FROM users WHERE id", "$1", "BIGINT");
        let mut names = Vec::with_capacity(users.len());
        for some in users.chunks(AT_ONCE) {
            let ids = list(&some.iter().map(|user| user.0).collect::<Vec<_>>());
            let rows: Vec<(i64, String)> = self
                .read::<_, StoreError, _>(move |connection| {
                    Box::pin(async move {
                        let sql = statement(connection, SQL);
                        Ok(within!(connection, |connection| {
                            sqlx::query_as(sql).bind(ids).fetch_all(connection).await?
                        }))
                    })
                })
                .await?;
            names.extend(rows.into_iter().map(|(id, name)| (UserId(id), name)));
        }
        Ok(names)
    }
}
