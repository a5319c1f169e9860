//! A directory read from end to end, in the order of names or external ids and in bounded memory.

use uuid::Uuid;

use super::{
    Connection, Store, StoreError,
    accounts::{UserRow, memberships, select_users},
    attributes::read_attributes,
    read,
    with_list::statement,
    within,
};
use crate::{
    directory::{
        DirectoryId, Group, GroupId, InactiveReason, Issuer, MatchKey, NameKey, PersonId, Profile,
        User, UserId, UserState,
    },
    provisioning::HeldUser,
};

/// What the accounts of a directory are told apart by, and ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountKey {
    /// Their names, as they are compared.
    Name,
    /// What an issuer knows their people by that never changes. Accounts of people whom it does not know so are
    /// left out.
    Subject(Issuer),
}

impl AccountKey {
    fn issuer(&self) -> &str {
        match self {
            Self::Name => "",
            Self::Subject(issuer) => &issuer.0,
        }
    }
}

impl Store {
    /// Accounts whose keys come after `after`, in the order of the bytes of the keys, with the groups
    /// that they are in by the word of `source`. Nothing if there are none.
    pub async fn list_held_users(
        &self,
        directory: DirectoryId,
        source: &str,
        by: &AccountKey,
        after: &str,
        limit: i64,
    ) -> Result<Option<HeldPage>, StoreError> {
        let source = self.find_source(source).await?.unwrap_or_default();
        let statements = if *by == AccountKey::Name { HELD_BY_NAME } else { HELD_BY_SUBJECT };
        let (issuer, after) = (by.issuer().to_owned(), after.to_owned());
        let page = self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move {
                let statement = statement(connection, statements);
                Ok(within!(connection, |connection| {
                    sqlx::query_as(statement)
                        .bind(directory.0)
                        .bind(after)
                        .bind(source)
                        .bind(issuer)
                        .bind(limit)
                        .fetch_one(connection)
                        .await?
                }))
            })
        });
        let (text, last): (Option<String>, Option<String>) = page.await?;
        Ok(text.zip(last).map(|(text, last)| HeldPage { text, last }))
    }

    /// The accounts that have these keys, in the order of the bytes of the keys, each with its own.
    pub async fn find_held_users(
        &self,
        directory: DirectoryId,
        source: &str,
        by: &AccountKey,
        keys: &[&str],
    ) -> Result<Vec<(String, HeldUser)>, StoreError> {
        let statements = if *by == AccountKey::Name { FOUND_BY_NAME } else { FOUND_BY_SUBJECT };
        let keys = serde_json::json!(keys).to_string();
        self.find_held(directory, source, by.issuer(), statements, keys).await
    }

    /// The accounts of these people.
    pub async fn find_held_users_of(
        &self,
        directory: DirectoryId,
        source: &str,
        people: &[PersonId],
    ) -> Result<Vec<HeldUser>, StoreError> {
        let people = serde_json::json!(people).to_string();
        let found = self.find_held(directory, source, "", FOUND_BY_PERSON, people).await?;
        Ok(found.into_iter().map(|(_, held)| held).collect())
    }

    async fn find_held(
        &self,
        directory: DirectoryId,
        source: &str,
        issuer: &str,
        statements: [&'static str; 2],
        list: String,
    ) -> Result<Vec<(String, HeldUser)>, StoreError> {
        let source = self.find_source(source).await?.unwrap_or_default();
        let issuer = issuer.to_owned();
        let page = self.read::<_, StoreError, _>(move |connection: &mut Connection<'_>| {
            Box::pin(async move {
                let statement = statement(connection, statements);
                Ok(within!(connection, |connection| {
                    sqlx::query_as(statement)
                        .bind(directory.0)
                        .bind(list)
                        .bind(source)
                        .bind(issuer)
                        .fetch_one(connection)
                        .await?
                }))
            })
        });
        let (text, _): (Option<String>, Option<String>) = page.await?;
        text.map_or_else(|| Ok(Vec::new()), |text| read_held_page(&text))
    }

    /// Accounts whose names come after `after`, as an export writes them.
    pub async fn list_exported_users(
        &self,
        directory: DirectoryId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(NameKey, ExportedUser)>, StoreError> {
        const SQL: &str = select_users!(
            "WHERE u.directory_id = $1 AND u.username_key > $2 ORDER BY u.username_key LIMIT $3"
        );
        let rows: Vec<UserRow> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(directory.0)
                .bind(after.to_owned())
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        let mut users = Vec::with_capacity(rows.len());
        for row in rows {
            let user = User::try_from(row)?;
            let id = user.id;
            let memberships = self.read::<_, StoreError, _>(move |connection| {
                Box::pin(async move { memberships(connection, id).await })
            });
            let mut groups: Vec<_> =
                memberships.await?.into_iter().map(|(group, _)| group).collect();
            groups.dedup();
            let key = NameKey::of(&user.profile.username);
            let state = UserState { profile: user.profile, inactive: user.inactive };
            users.push((key, ExportedUser { state, groups }));
        }
        Ok(users)
    }

    /// The names of all attributes that accounts of a directory have.
    pub async fn list_attribute_names(
        &self,
        directory: DirectoryId,
    ) -> Result<Vec<String>, StoreError> {
        const SQLITE: &str = "
            SELECT DISTINCT a.key FROM users u, json_each(u.attributes) a
            WHERE u.directory_id = $1 AND u.attributes IS NOT NULL";
        const POSTGRES: &str = "
            SELECT DISTINCT a.key FROM users u, json_object_keys(CAST(u.attributes AS JSON)) a(key)
            WHERE u.directory_id = $1 AND u.attributes IS NOT NULL";
        let statement = if matches!(self, Self::Sqlite { .. }) { SQLITE } else { POSTGRES };
        let mut names: Vec<String> = read!(self, |pool| {
            sqlx::query_scalar(statement).bind(directory.0).fetch_all(pool).await?
        });
        names.sort_unstable();
        Ok(names)
    }

    async fn find_source(&self, name: &str) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT id FROM sources WHERE name = $1";
        Ok(read!(self, |pool| {
            sqlx::query_scalar(SQL).bind(name.to_owned()).fetch_optional(pool).await?
        }))
    }

    /// Every group of a directory, with its name outside the gateway.
    pub async fn list_groups_in(
        &self,
        directory: DirectoryId,
    ) -> Result<Vec<(Group, Uuid)>, StoreError> {
        const SQL: &str = "SELECT id, name, uuid FROM groups WHERE directory_id = $1";
        let rows: Vec<(i64, String, Uuid)> =
            read!(self, |pool| sqlx::query_as(SQL).bind(directory.0).fetch_all(pool).await?);
        let group = |(id, name, uuid)| (Group { id: GroupId(id), name }, uuid);
        Ok(rows.into_iter().map(group).collect())
    }

    /// An account's name.
    pub async fn find_username(&self, user: UserId) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT username FROM users WHERE id = $1";
        Ok(read!(self, |pool| sqlx::query_scalar(SQL).bind(user.0).fetch_optional(pool).await?))
    }

    /// Names of removed accounts, which no import gives to anybody.
    pub async fn list_retired_names(
        &self,
        directory: DirectoryId,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT username_key FROM tombstones WHERE directory_id = $1";
        Ok(read!(self, |pool| sqlx::query_scalar(SQL).bind(directory.0).fetch_all(pool).await?))
    }
}

/// An account, and the groups that it is directly in, by whose word ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedUser {
    /// What it shows, and whether it may be used.
    pub state: UserState,
    /// The groups, in the order of their names.
    pub groups: Vec<String>,
}

/// Some accounts, as the database writes them: a page is read long before it is looked at.
#[derive(Clone, Debug)]
pub struct HeldPage {
    /// What [`read_held_page`] reads.
    pub text: String,
    /// The last account's name, as it is ordered.
    pub last: String,
}

/// The accounts of a page, each with its name as it is ordered.
pub fn read_held_page(text: &str) -> Result<Vec<(String, HeldUser)>, StoreError> {
    let unreadable = |error: serde_json::Error| StoreError::Unreadable {
        what: "a page of accounts",
        value: error.to_string(),
    };
    let mut rows: Vec<HeldRow> = serde_json::from_str(text).map_err(unreadable)?;
    // An aggregate promises no order.
    rows.sort_by(|one, other| one.3.cmp(&other.3));
    rows.into_iter().map(held_user).collect()
}

/// Accounts as one text: millions of rows, fetched one by one, would cost more than they are worth.
macro_rules! held_page {
    ($row:literal, $uuid:literal, $($which:tt)*) => {
        concat!(
            "SELECT CAST(",
            $row,
            "(p.id, ",
            $uuid,
            ", p.person_id, p.held_key, ",
            "p.username, p.email, p.display_name, p.first_name, p.last_name, p.attributes, p.inactive_reason, ",
            "(SELECT STRING_AGG(CAST(m.group_id AS TEXT), ',') FROM memberships m ",
            "WHERE m.user_id = p.id AND m.source_id = $3), ",
            "(SELECT COUNT(*) FROM passwords b WHERE b.user_id = p.id AND b.break_glass = 1), ",
            "p.subjects, p.match_key",
            ")) AS TEXT), MAX(p.held_key) FROM (",
            $($which)*,
            ") p"
        )
    };
}
macro_rules! held_in_sqlite {
    ($($which:tt)*) => {
        held_page!("json_group_array(json_array", "lower(hex(p.uuid))", $($which)*)
    };
}
macro_rules! held_in_postgres {
    ($($which:tt)*) => {
        held_page!("json_agg(json_build_array", "p.uuid", $($which)*)
    };
}
/// Accounts by their names, which are no issuer's business.
macro_rules! by_name {
    ($which:literal) => {
        concat!(
            "SELECT u.*, u.username_key AS held_key, 0 AS subjects, CAST(NULL AS TEXT) AS match_key ",
            "FROM users u WHERE u.directory_id = $1 AND $4 = '' AND ",
            $which
        )
    };
}
/// Accounts by the subjects of an issuer. The join is in the order that it is written in: by the subjects' index.
macro_rules! by_subject {
    ($which:literal) => {
        concat!(
            "SELECT u.*, i.subject AS held_key, (SELECT COUNT(*) FROM identities j ",
            "WHERE j.person_id = i.person_id AND j.issuer = i.issuer AND j.subject_kind = i.subject_kind) ",
            "AS subjects, i.match_key FROM identities i CROSS JOIN users u ",
            "WHERE i.issuer = $4 AND i.subject_kind = 'attribute' ",
            "AND u.directory_id = $1 AND u.person_id = i.person_id AND ",
            $which
        )
    };
}
const HELD_BY_NAME: [&str; 2] = [
    held_in_sqlite!(by_name!("u.username_key > $2 ORDER BY u.username_key LIMIT $5")),
    held_in_postgres!(by_name!("u.username_key > $2 ORDER BY u.username_key LIMIT $5")),
];
const HELD_BY_SUBJECT: [&str; 2] = [
    held_in_sqlite!(by_subject!("i.subject > $2 ORDER BY i.subject LIMIT $5")),
    held_in_postgres!(by_subject!("i.subject > $2 ORDER BY i.subject LIMIT $5")),
];
const FOUND_BY_NAME: [&str; 2] = [
    held_in_sqlite!(by_name!("u.username_key IN (SELECT value FROM json_each($2))")),
    held_in_postgres!(by_name!(
        "u.username_key IN (SELECT json_array_elements_text(CAST($2 AS JSON)))"
    )),
];
const FOUND_BY_SUBJECT: [&str; 2] = [
    held_in_sqlite!(by_subject!("i.subject IN (SELECT value FROM json_each($2))")),
    held_in_postgres!(by_subject!(
        "i.subject = ANY(ARRAY(SELECT json_array_elements_text(CAST($2 AS JSON))))"
    )),
];
const FOUND_BY_PERSON: [&str; 2] = [
    held_in_sqlite!(by_name!("u.person_id IN (SELECT value FROM json_each($2))")),
    held_in_postgres!(by_name!(
        "u.person_id = ANY(ARRAY(SELECT CAST(json_array_elements_text(CAST($2 AS JSON)) AS BIGINT)))"
    )),
];

/// Number, UUID, person, key, name, email, display name, first and last name, attributes, why
/// inactive, groups, 1 if it is for breaking glass, subjects, and match key.
type HeldRow = (
    i64,
    Uuid,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    i64,
    Option<String>,
);

fn held_user(row: HeldRow) -> Result<(String, HeldUser), StoreError> {
    let (user, uuid, person, key, username, email, display_name, first_name, last_name, ..) = row;
    let (attributes, inactive, groups) = (read_attributes(row.9.as_deref())?, row.10, row.11);
    let mut ids = Vec::new();
    for id in groups.iter().flat_map(|groups| groups.split(',')) {
        let unreadable = |_| StoreError::Unreadable { what: "a group's number", value: id.into() };
        ids.push(GroupId(id.parse().map_err(unreadable)?));
    }
    ids.sort_unstable();
    let unknown = |word: &String| StoreError::Unreadable {
        what: "a reason for being inactive",
        value: word.clone(),
    };
    let reason = |word: String| InactiveReason::from_word(&word).ok_or_else(|| unknown(&word));
    let profile = Profile { username, email, display_name, first_name, last_name, attributes };
    let state = UserState { profile, inactive: inactive.map(reason).transpose()? };
    let (user, person) = (UserId(user), PersonId(person));
    let break_glass = row.12 == 1;
    let (subjects, match_key) = (row.13, row.14.map(MatchKey::stored));
    let held =
        HeldUser { user, person, uuid, state, groups: ids, break_glass, subjects, match_key };
    Ok((key, held))
}
