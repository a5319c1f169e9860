//! Accounts of a directory by what a cloud calls their people.

use crate::{
    directory::{DirectoryId, InactiveReason, Issuer, NameKey, UserId},
    store::{
        Store, StoreError, read,
        with_list::{list, statement, with_list},
        within,
    },
};

impl Store {
    /// The usernames of those whom an issuer knows by some ids, and who have an account: ids with usernames.
    pub async fn find_usernames_by_id(
        &self,
        directory: DirectoryId,
        issuer: &Issuer,
        ids: &[String],
    ) -> Result<Vec<(String, String)>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT i.subject, u.username FROM identities i
             JOIN users u ON u.person_id = i.person_id AND u.directory_id = $1
             WHERE i.issuer = $2 AND i.subject_kind = 'attribute' AND i.subject",
            "$3",
            "TEXT"
        );
        self.select_pairs(SQL, directory, issuer, list(ids)).await
    }

    /// Why those whom an issuer knows by some ids may not use their accounts, if they may not: ids with reasons.
    pub async fn find_reasons_by_id(
        &self,
        directory: DirectoryId,
        issuer: &Issuer,
        ids: &[String],
    ) -> Result<Vec<(String, InactiveReason)>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT i.subject, u.inactive_reason FROM identities i
             JOIN users u ON u.person_id = i.person_id AND u.directory_id = $1
             WHERE u.inactive_reason IS NOT NULL AND i.issuer = $2 AND i.subject_kind = 'attribute'
               AND i.subject",
            "$3",
            "TEXT"
        );
        let found = self.select_pairs(SQL, directory, issuer, list(ids)).await?;
        let reason = |(id, word): (String, String)| {
            let what = "a reason for being inactive";
            let reason = InactiveReason::from_word(&word);
            Ok((id, reason.ok_or(StoreError::Unreadable { what, value: word })?))
        };
        found.into_iter().map(reason).collect()
    }

    /// What an issuer calls the people of some accounts: ids with accounts.
    pub async fn find_ids_of_users(
        &self,
        directory: DirectoryId,
        issuer: &Issuer,
        users: &[UserId],
    ) -> Result<Vec<(String, UserId)>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT i.subject, u.id FROM users u
             JOIN identities i ON i.person_id = u.person_id
             WHERE u.directory_id = $1 AND i.issuer = $2 AND i.subject_kind = 'attribute' AND u.id",
            "$3",
            "BIGINT"
        );
        let users: Vec<_> = users.iter().map(|user| user.0).collect();
        let found: Vec<(String, i64)> =
            self.select_pairs(SQL, directory, issuer, list(&users)).await?;
        Ok(found.into_iter().map(|(id, user)| (id, UserId(user))).collect())
    }

    /// Whom an issuer knows among those who have some usernames: the names, as they are compared, with ids.
    pub async fn find_ids_by_username(
        &self,
        directory: DirectoryId,
        issuer: &Issuer,
        names: &[NameKey],
    ) -> Result<Vec<(String, String)>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT u.username_key, i.subject FROM users u
             JOIN identities i ON i.person_id = u.person_id
             WHERE u.directory_id = $1 AND i.issuer = $2 AND i.subject_kind = 'attribute'
               AND u.username_key",
            "$3",
            "TEXT"
        );
        let names: Vec<_> = names.iter().map(NameKey::as_str).collect();
        self.select_pairs(SQL, directory, issuer, list(&names)).await
    }

    /// The username that a subject of an issuer keeps, whatever is said of them.
    pub async fn find_alias(
        &self,
        issuer: &Issuer,
        subject: &str,
    ) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT username FROM aliases WHERE issuer = $1 AND subject = $2";
        Ok(read!(self, |pool| {
            sqlx::query_scalar(SQL).bind(&issuer.0).bind(subject).fetch_optional(pool).await?
        }))
    }

    async fn select_pairs<T>(
        &self,
        sql: [&'static str; 2],
        directory: DirectoryId,
        issuer: &Issuer,
        list: String,
    ) -> Result<Vec<(String, T)>, StoreError>
    where
        T: Send + Unpin + 'static,
        (String, T): for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
            + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        let issuer = issuer.0.clone();
        self.read(move |connection| {
            Box::pin(async move {
                let sql = statement(connection, sql);
                Ok(within!(connection, |connection| {
                    let run = sqlx::query_as(sql).bind(directory.0).bind(issuer).bind(list);
                    run.fetch_all(connection).await?
                }))
            })
        })
        .await
    }
}
