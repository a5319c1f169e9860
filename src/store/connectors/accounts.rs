//! Accounts of a directory by what a cloud calls their people.

use crate::{
    directory::{DirectoryId, InactiveReason, Issuer, NameKey, UserId},
    store::{
        Store, StoreError, read,
        with_list::{list, statement, with_list},
        within,
    },
};

// In a cross join SQLite looks at whoever is named first, by what they are named by (the plus sees to it that nothing else
// is looked up): it would rather look at everybody whom the issuer knows, or who is in the directory.
const USERNAMES_BY_ID: [&str; 2] = with_list!(
    "SELECT i.subject, u.username FROM identities i CROSS JOIN users u
     WHERE u.person_id = i.person_id AND u.directory_id = $1
       AND i.issuer = $2 AND i.subject_kind = 'attribute' AND i.subject",
    "$3",
    "TEXT"
);
const REASONS_BY_ID: [&str; 2] = with_list!(
    "SELECT i.subject, u.inactive_reason FROM identities i CROSS JOIN users u
     WHERE u.person_id = i.person_id AND u.directory_id = $1 AND u.inactive_reason IS NOT NULL
       AND i.issuer = $2 AND i.subject_kind = 'attribute' AND i.subject",
    "$3",
    "TEXT"
);
const IDS_OF_USERS: [&str; 2] = with_list!(
    "SELECT i.subject, u.id FROM users u CROSS JOIN identities i
     WHERE i.person_id = u.person_id AND i.issuer = $2 AND i.subject_kind = 'attribute'
       AND +u.directory_id = $1 AND u.id",
    "$3",
    "BIGINT"
);
const IDS_BY_USERNAME: [&str; 2] = with_list!(
    "SELECT u.username_key, i.subject FROM users u CROSS JOIN identities i
     WHERE i.person_id = u.person_id AND i.issuer = $2 AND i.subject_kind = 'attribute'
       AND u.directory_id = $1 AND u.username_key",
    "$3",
    "TEXT"
);

impl Store {
    /// The usernames of those whom an issuer knows by some ids, and who have an account: ids with usernames.
    pub async fn find_usernames_by_id(
        &self,
        directory: DirectoryId,
        issuer: &Issuer,
        ids: &[String],
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.select_pairs(USERNAMES_BY_ID, directory, issuer, list(ids)).await
    }

    /// Why those whom an issuer knows by some ids may not use their accounts, if they may not: ids with reasons.
    pub async fn find_reasons_by_id(
        &self,
        directory: DirectoryId,
        issuer: &Issuer,
        ids: &[String],
    ) -> Result<Vec<(String, InactiveReason)>, StoreError> {
        let found = self.select_pairs(REASONS_BY_ID, directory, issuer, list(ids)).await?;
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
        let users: Vec<_> = users.iter().map(|user| user.0).collect();
        let found: Vec<(String, i64)> =
            self.select_pairs(IDS_OF_USERS, directory, issuer, list(&users)).await?;
        Ok(found.into_iter().map(|(id, user)| (id, UserId(user))).collect())
    }

    /// Whom an issuer knows among those who have some usernames: the names, as they are compared, with ids.
    pub async fn find_ids_by_username(
        &self,
        directory: DirectoryId,
        issuer: &Issuer,
        names: &[NameKey],
    ) -> Result<Vec<(String, String)>, StoreError> {
        let names: Vec<_> = names.iter().map(NameKey::as_str).collect();
        self.select_pairs(IDS_BY_USERNAME, directory, issuer, list(&names)).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;

    #[tokio::test]
    async fn nobody_is_looked_at_but_who_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/a.db", dir.path().display());
        let store = Store::open(&StoreOptions { url, password: None }).await.unwrap();
        let Store::Sqlite { readers, .. } = &store else { panic!("{store:?}") };
        let lookups = [
            (USERNAMES_BY_ID, ["i ", "AND subject=?)"], ["u ", "person_id=?)"]),
            (REASONS_BY_ID, ["i ", "AND subject=?)"], ["u ", "person_id=?)"]),
            (IDS_OF_USERS, ["u ", "(rowid=?)"], ["i ", "(person_id=?)"]),
            (IDS_BY_USERNAME, ["u ", "AND username_key=?)"], ["i ", "(person_id=?)"]),
        ];
        for ([sql, _], named, others) in lookups {
            let sql = format!("EXPLAIN QUERY PLAN {sql}");
            let steps: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(readers).await.unwrap();
            let searches: Vec<_> =
                steps.iter().filter_map(|step| step.3.strip_prefix("SEARCH ")).collect();
            assert_eq!(searches.len(), 2, "{steps:?}");
            for (search, [table, by]) in searches.iter().zip([named, others]) {
                assert!(search.starts_with(table) && search.ends_with(by), "{steps:?}");
            }
        }
    }
}
