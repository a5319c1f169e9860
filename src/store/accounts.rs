//! Users with their groups, read.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Connection, Store, StoreError, attributes::read_attributes, read, time::time, within};
use crate::directory::{DirectoryId, InactiveReason, NameKey, PersonId, Profile, User, UserId};

/// A user, and every group they are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The names of the groups, nested ones included, in order.
    pub groups: Vec<String>,
}

/// What an administrator sees of a user.
#[derive(Clone, Debug)]
pub struct UserDetails {
    /// The user.
    pub user: User,
    /// The directory's name.
    pub directory: String,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// Issuer, subject kind and subject of everything the person is known by.
    pub identities: Vec<(String, String, String)>,
    /// Group and source of every direct membership.
    pub memberships: Vec<(String, String)>,
}

/// A row of `users`.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct UserRow {
    id: i64,
    uuid: Uuid,
    directory_id: i64,
    person_id: i64,
    username: String,
    email: Option<String>,
    display_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    attributes: Option<String>,
    inactive_reason: Option<String>,
    pub(super) created_at: i64,
}

/// The columns of [`UserRow`].
macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.uuid, u.directory_id, u.person_id, u.username, u.email, ",
            "u.display_name, u.first_name, u.last_name, u.attributes, u.inactive_reason, u.created_at ",
            "FROM users u ",
            $rest
        )
    };
}
pub(super) use select_users;

impl UserRow {
    pub(super) fn directory(&self) -> DirectoryId {
        DirectoryId(self.directory_id)
    }
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        let inactive = row.inactive_reason.map(|word| {
            InactiveReason::from_word(&word)
                .ok_or(StoreError::Unreadable { what: "a reason for being inactive", value: word })
        });
        Ok(Self {
            id: UserId(row.id),
            uuid: row.uuid,
            person: PersonId(row.person_id),
            directory: DirectoryId(row.directory_id),
            profile: Profile {
                username: row.username,
                email: row.email,
                display_name: row.display_name,
                first_name: row.first_name,
                last_name: row.last_name,
                attributes: read_attributes(row.attributes.as_deref())?,
            },
            inactive: inactive.transpose()?,
        })
    }
}

impl Store {
    /// The person's account in the first of the directories that has one, with all its groups.
    ///
    /// None if a directory before it has somebody else under the same name: an application that sees
    /// both would take one for the other.
    pub async fn find_account(
        &self,
        directories: &[DirectoryId],
        person: PersonId,
    ) -> Result<Option<Account>, StoreError> {
        const SQL: &str = select_users!(
            "JOIN directories d ON d.id = u.directory_id AND d.disabled_at IS NULL
            WHERE u.person_id = $1"
        );
        let rows: Vec<UserRow> =
            read!(self, |pool| sqlx::query_as(SQL).bind(person.0).fetch_all(pool).await?);
        let first = directories
            .iter()
            .find_map(|directory| rows.iter().position(|row| row.directory_id == directory.0));
        let Some(user) = first.and_then(|index| rows.into_iter().nth(index)) else {
            return Ok(None);
        };
        let user = User::try_from(user)?;
        let before = directories.iter().take_while(|directory| **directory != user.directory);
        for directory in before {
            if self.is_taken(*directory, &user).await? {
                return Ok(None);
            }
        }
        let groups = self.list_groups_of(user.id).await?;
        Ok(Some(Account { user, groups }))
    }

    /// Every account of a person.
    pub async fn list_accounts_of(&self, person: PersonId) -> Result<Vec<UserId>, StoreError> {
        const SQL: &str = "SELECT id FROM users WHERE person_id = $1 ORDER BY id";
        let ids: Vec<i64> =
            read!(self, |pool| sqlx::query_scalar(SQL).bind(person.0).fetch_all(pool).await?);
        Ok(ids.into_iter().map(UserId).collect())
    }

    /// Whether somebody else has the user's name in another directory.
    async fn is_taken(&self, directory: DirectoryId, user: &User) -> Result<bool, StoreError> {
        const SQL: &str = "
            SELECT COUNT(*) FROM users u
            JOIN directories d ON d.id = u.directory_id AND d.disabled_at IS NULL
            WHERE u.directory_id = $1 AND u.username_key = $2 AND u.person_id <> $3";
        let key = NameKey::of(&user.profile.username);
        let count: i64 = read!(self, |pool| {
            sqlx::query_scalar(SQL)
                .bind(directory.0)
                .bind(key.as_str())
                .bind(user.person.0)
                .fetch_one(pool)
                .await?
        });
        Ok(count > 0)
    }

    /// The names of every group a user is in, directly or through other groups.
    pub async fn list_groups_of(&self, user: UserId) -> Result<Vec<String>, StoreError> {
        self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move { effective_groups(connection, user).await })
        })
        .await
    }

    /// Group and source of a user's direct memberships.
    pub async fn list_memberships(
        &self,
        user: UserId,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move { memberships(connection, user).await })
        })
        .await
    }

    /// Every account of that name, in whichever directory.
    pub async fn list_users_by_name(&self, name: &NameKey) -> Result<Vec<UserDetails>, StoreError> {
        const SQL: &str = select_users!("WHERE u.username_key = $1 ORDER BY u.id");
        let rows: Vec<UserRow> =
            read!(self, |pool| sqlx::query_as(SQL).bind(name.as_str()).fetch_all(pool).await?);
        let mut users = Vec::with_capacity(rows.len());
        for row in rows {
            users.push(self.details(row).await?);
        }
        Ok(users)
    }

    /// Accounts in the order of their names, of one directory or of all.
    pub async fn list_users(
        &self,
        directory: Option<DirectoryId>,
        limit: i64,
    ) -> Result<Vec<UserDetails>, StoreError> {
        const SQL: &str = select_users!(
            "WHERE $1 = 0 OR u.directory_id = $1 ORDER BY u.username_key, u.id LIMIT $2"
        );
        let directory = directory.map_or(0, |directory| directory.0);
        let rows: Vec<UserRow> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(directory).bind(limit).fetch_all(pool).await?
        });
        let mut users = Vec::with_capacity(rows.len());
        for row in rows {
            users.push(self.details(row).await?);
        }
        Ok(users)
    }

    async fn details(&self, row: UserRow) -> Result<UserDetails, StoreError> {
        const DIRECTORY: &str = "SELECT name FROM directories WHERE id = $1";
        const IDENTITIES: &str = "
            SELECT issuer, subject_kind, subject FROM identities WHERE person_id = $1
            ORDER BY issuer, subject";
        let created_at = time(row.created_at);
        let user = User::try_from(row)?;
        let (id, person, directory) = (user.id, user.person.0, user.directory.0);
        let details = self.read::<_, StoreError, _>(|connection| {
            Box::pin(async move {
                let memberships = memberships(connection, id).await?;
                within!(connection, |connection| Ok((
                    sqlx::query_scalar(DIRECTORY)
                        .bind(directory)
                        .fetch_one(&mut *connection)
                        .await?,
                    sqlx::query_as(IDENTITIES).bind(person).fetch_all(&mut *connection).await?,
                    memberships,
                )))
            })
        });
        let (directory, identities, memberships) = details.await?;
        Ok(UserDetails { user, directory, created_at, identities, memberships })
    }
}

/// Group and source of a user's direct memberships.
pub(super) async fn memberships(
    connection: &mut Connection<'_>,
    user: UserId,
) -> Result<Vec<(String, String)>, StoreError> {
    const SQL: &str = "
        SELECT g.name, s.name FROM memberships m
        JOIN groups g ON g.id = m.group_id JOIN sources s ON s.id = m.source_id
        WHERE m.user_id = $1 ORDER BY g.name_key, s.name";
    let rows = within!(connection, |connection| {
        sqlx::query_as(SQL).bind(user.0).fetch_all(connection).await?
    });
    Ok(rows)
}

/// The names of every group a user is in, directly or through other groups.
pub(super) async fn effective_groups(
    connection: &mut Connection<'_>,
    user: UserId,
) -> Result<Vec<String>, StoreError> {
    // UNION drops what was seen before, so groups that contain each other come to an end.
    const SQL: &str = "
        WITH RECURSIVE effective (group_id) AS (
            SELECT group_id FROM memberships WHERE user_id = $1
            UNION
            SELECT n.parent_id FROM group_nestings n JOIN effective e ON n.child_id = e.group_id
        )
        SELECT g.name FROM groups g JOIN effective e ON e.group_id = g.id ORDER BY g.name_key";
    Ok(within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(user.0).fetch_all(connection).await?
    }))
}
