//! A directory read from end to end, in the order of the names and in bounded memory.

use uuid::Uuid;

use super::{
    Store, StoreError,
    accounts::{UserRow, memberships, select_users},
    read,
};
use crate::{
    directory::{DirectoryId, Group, GroupId, NameKey, User, UserState},
    provisioning::HeldUser,
};

impl Store {
    /// Accounts whose names come after `after`, in the order of the bytes of their names, with the groups
    /// that they are in by the word of `source`.
    pub async fn list_held_users(
        &self,
        directory: DirectoryId,
        source: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(NameKey, HeldUser)>, StoreError> {
        const SQL: &str = "
            SELECT u.id, u.uuid, u.directory_id, u.person_id, u.username, u.email, u.display_name,
                   u.first_name, u.last_name, u.inactive_reason, u.created_at,
                   (SELECT STRING_AGG(CAST(m.group_id AS TEXT), ',') FROM memberships m
                    WHERE m.user_id = u.id AND m.source_id = $4)
            FROM users u WHERE u.directory_id = $1 AND u.username_key > $2
            ORDER BY u.username_key LIMIT $3";
        let source = self.find_source(source).await?.unwrap_or_default();
        let rows: Vec<HeldRow> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(directory.0)
                .bind(after.to_owned())
                .bind(limit)
                .bind(source)
                .fetch_all(pool)
                .await?
        });
        rows.into_iter().map(held_user).collect()
    }

    /// Accounts whose names come after `after`, as an export writes them.
    pub async fn list_exported_users(
        &self,
        directory: DirectoryId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<(NameKey, ExportedUser)>, StoreError> {
        const SQL: &str =
            select_users!("WHERE u.directory_id = $1 AND u.username_key > $2 ORDER BY u.username_key LIMIT $3");
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

/// An account, and its groups as one text.
#[derive(Debug)]
struct HeldRow(UserRow, Option<String>);

impl<'r, R> sqlx::FromRow<'r, R> for HeldRow
where
    R: sqlx::Row,
    UserRow: sqlx::FromRow<'r, R>,
    usize: sqlx::ColumnIndex<R>,
    Option<String>: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        const GROUPS: usize = 11;
        Ok(Self(UserRow::from_row(row)?, row.try_get(GROUPS)?))
    }
}

fn held_user(HeldRow(row, groups): HeldRow) -> Result<(NameKey, HeldUser), StoreError> {
    let user = User::try_from(row)?;
    let mut ids = Vec::new();
    for id in groups.iter().flat_map(|groups| groups.split(',')) {
        let unreadable = |_| StoreError::Unreadable { what: "a group's number", value: id.into() };
        ids.push(GroupId(id.parse().map_err(unreadable)?));
    }
    ids.sort_unstable();
    let key = NameKey::of(&user.profile.username);
    let state = UserState { profile: user.profile, inactive: user.inactive };
    let held =
        HeldUser { user: user.id, person: user.person, uuid: user.uuid, state, groups: ids };
    Ok((key, held))
}
