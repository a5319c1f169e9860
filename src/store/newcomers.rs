//! What a list has to know of people and names by the rules of a login, many at once.

use std::collections::{HashMap, HashSet};

use super::{
    Connection, Store, StoreError,
    plans::{holders, retired},
    read,
    with_list::{statement, with_list},
    within,
};
use crate::directory::{DirectoryId, GroupId, Issuer, MatchKey, NameKey, PersonId, UserId};

/// Somebody whom an issuer knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSubject {
    /// Who.
    pub person: PersonId,
    /// Under which name other issuers of the domain know them, by the word of this one.
    pub match_key: Option<MatchKey>,
}

impl Store {
    /// Runs a statement with a list at its end, and up to two texts or numbers before that.
    async fn find_listed<T>(
        &self,
        statements: [&'static str; 2],
        (number, text): (Option<i64>, Option<&str>),
        list: String,
    ) -> Result<Vec<T>, StoreError>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
            + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
            + Send
            + Unpin
            + 'static,
    {
        let text = text.map(str::to_owned);
        self.read::<_, StoreError, _>(move |connection: &mut Connection<'_>| {
            Box::pin(async move {
                let statement = statement(connection, statements);
                Ok(within!(connection, |connection| {
                    let mut query = sqlx::query_as(statement).bind(list);
                    if let Some(number) = number {
                        query = query.bind(number);
                    }
                    if let Some(text) = text {
                        query = query.bind(text);
                    }
                    query.fetch_all(connection).await?
                }))
            })
        })
        .await
    }

    /// Who is known by some of an issuer's subjects that never change.
    pub async fn find_subjects(
        &self,
        issuer: &Issuer,
        subjects: &[&str],
    ) -> Result<HashMap<String, KnownSubject>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT subject, person_id, match_key FROM identities
             WHERE issuer = $2 AND subject_kind = 'attribute' AND subject",
            "$1",
            "TEXT"
        );
        let list = serde_json::json!(subjects).to_string();
        let rows: Vec<(String, i64, Option<String>)> =
            self.find_listed(SQL, (None, Some(&issuer.0)), list).await?;
        let known = |(subject, person, key): (_, _, Option<String>)| {
            let match_key = key.map(MatchKey::stored);
            (subject, KnownSubject { person: PersonId(person), match_key })
        };
        Ok(rows.into_iter().map(known).collect())
    }

    /// Whom issuers know under some names that issuers share: name, person and issuer.
    pub async fn find_matches(
        &self,
        keys: &[&str],
    ) -> Result<Vec<(String, PersonId, Issuer)>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT DISTINCT match_key, person_id, issuer FROM identities WHERE match_key",
            "$1",
            "TEXT"
        );
        let list = serde_json::json!(keys).to_string();
        let rows: Vec<(String, i64, String)> = self.find_listed(SQL, (None, None), list).await?;
        let found = |(key, person, issuer)| (key, PersonId(person), Issuer(issuer));
        Ok(rows.into_iter().map(found).collect())
    }

    /// Those of some people whom an issuer knows by a subject that never changes.
    pub async fn find_known_to(
        &self,
        issuer: &Issuer,
        people: &[PersonId],
    ) -> Result<HashSet<PersonId>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT person_id FROM identities
             WHERE issuer = $2 AND subject_kind = 'attribute' AND person_id",
            "$1",
            "BIGINT"
        );
        let list = serde_json::json!(people).to_string();
        let rows: Vec<(i64,)> = self.find_listed(SQL, (None, Some(&issuer.0)), list).await?;
        Ok(rows.into_iter().map(|(person,)| PersonId(person)).collect())
    }

    /// Those of some people for whom an issuer has vouched, or who have come with a password, or could when the
    /// identity provider is down.
    pub async fn find_claimed(&self, people: &[PersonId]) -> Result<HashSet<PersonId>, StoreError> {
        const ISSUERS: [&str; 2] =
            with_list!("SELECT person_id FROM identities WHERE person_id", "$1", "BIGINT");
        const PASSWORDS: [&str; 2] = with_list!(
            "SELECT u.person_id FROM passwords p JOIN users u ON u.id = p.user_id
             WHERE (p.break_glass = 1 OR p.used_at IS NOT NULL) AND u.person_id",
            "$1",
            "BIGINT"
        );
        let list = serde_json::json!(people).to_string();
        let mut claimed: Vec<(i64,)> =
            self.find_listed(ISSUERS, (None, None), list.clone()).await?;
        claimed.extend(self.find_listed::<(i64,)>(PASSWORDS, (None, None), list).await?);
        Ok(claimed.into_iter().map(|(person,)| PersonId(person)).collect())
    }

    /// Everybody who is in one of some groups, with whichever account, directly or through other groups.
    pub async fn list_people_in(
        &self,
        groups: &[NameKey],
    ) -> Result<HashSet<PersonId>, StoreError> {
        const SQL: &str = "
            WITH RECURSIVE inside (group_id) AS (
                SELECT id FROM groups WHERE name_key = $1
                UNION
                SELECT n.child_id FROM group_nestings n JOIN inside i ON n.parent_id = i.group_id
            )
            SELECT DISTINCT u.person_id FROM inside i
            JOIN group_members m ON m.group_id = i.group_id JOIN users u ON u.id = m.user_id";
        let mut people = HashSet::new();
        for group in groups {
            let rows: Vec<i64> = read!(self, |pool| {
                sqlx::query_scalar(SQL).bind(group.as_str().to_owned()).fetch_all(pool).await?
            });
            people.extend(rows.into_iter().map(PersonId));
        }
        Ok(people)
    }

    /// Who has some names in a directory, each as it is compared.
    pub async fn find_holders(
        &self,
        directory: DirectoryId,
        names: &[&str],
    ) -> Result<HashMap<String, UserId>, StoreError> {
        let names = serde_json::json!(names).to_string();
        self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move { holders(connection, directory, names).await })
        })
        .await
    }

    /// Which of some names were somebody's who was removed, and whose, if that is known.
    pub async fn find_retired(
        &self,
        directory: DirectoryId,
        names: &[&str],
    ) -> Result<HashMap<String, Option<PersonId>>, StoreError> {
        let names = serde_json::json!(names).to_string();
        self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move { retired(connection, directory, names).await })
        })
        .await
    }

    /// Those of some names that are kept for somebody: by whose word, and by which subject.
    pub async fn find_kept_names(
        &self,
        names: &[&str],
    ) -> Result<Vec<(String, Issuer, String)>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT username_key, issuer, subject FROM aliases WHERE username_key",
            "$1",
            "TEXT"
        );
        let list = serde_json::json!(names).to_string();
        let rows: Vec<(String, String, String)> = self.find_listed(SQL, (None, None), list).await?;
        Ok(rows.into_iter().map(|(name, by, whose)| (name, Issuer(by), whose)).collect())
    }

    /// The usernames that some of an issuer's subjects keep.
    pub async fn find_aliases(
        &self,
        issuer: &Issuer,
        subjects: &[&str],
    ) -> Result<HashMap<String, String>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT subject, username FROM aliases WHERE issuer = $2 AND subject",
            "$1",
            "TEXT"
        );
        let list = serde_json::json!(subjects).to_string();
        let rows = self.find_listed(SQL, (None, Some(&issuer.0)), list).await?;
        Ok(rows.into_iter().collect())
    }

    /// Who has some names in directories that applications may see beside one.
    pub async fn find_namesakes(
        &self,
        directory: DirectoryId,
        names: &[&str],
    ) -> Result<Vec<(String, PersonId)>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT username_key, person_id FROM users
             WHERE directory_id IN (SELECT id FROM directories WHERE id <> $2 AND disabled_at IS NULL)
               AND username_key",
            "$1",
            "TEXT"
        );
        let list = serde_json::json!(names).to_string();
        let rows: Vec<(String, i64)> =
            self.find_listed(SQL, (Some(directory.0), None), list).await?;
        Ok(rows.into_iter().map(|(name, person)| (name, PersonId(person))).collect())
    }

    /// How many accounts of a directory may be used, and how many memberships there are by a source's word.
    pub async fn count_held(
        &self,
        directory: DirectoryId,
        source: &str,
    ) -> Result<(i64, i64), StoreError> {
        const SQL: &str = "
            SELECT (SELECT COUNT(*) FROM users WHERE directory_id = $1 AND inactive_reason IS NULL),
                   (SELECT COUNT(*) FROM memberships m
                    WHERE m.source_id = (SELECT id FROM sources WHERE name = $2))";
        Ok(read!(self, |pool| {
            sqlx::query_as(SQL).bind(directory.0).bind(source.to_owned()).fetch_one(pool).await?
        }))
    }

    /// How many members a group has by a source's word.
    pub async fn count_members_by(&self, group: GroupId, source: &str) -> Result<i64, StoreError> {
        const SQL: &str = "
            SELECT COUNT(*) FROM group_members m
            WHERE m.group_id = $1 AND m.source_id = (SELECT id FROM sources WHERE name = $2)";
        Ok(read!(self, |pool| {
            sqlx::query_scalar(SQL).bind(group.0).bind(source.to_owned()).fetch_one(pool).await?
        }))
    }
}
