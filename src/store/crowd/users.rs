//! Users, one by one and in lists.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    condition::Condition,
    sight::{Cut, Seen, Sight, USERS},
    sql::{Sql, read_page},
};
use crate::{
    directory::{DirectoryId, InactiveReason, NameKey, PersonId, Profile, User, UserId},
    store::{Store, StoreError, accounts::UserRow, attributes::read_attributes, read, time::time},
};

/// A user whom an application sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenUser {
    /// The user.
    pub user: User,
    /// The directory's name.
    pub directory_name: String,
    /// The directory's number outside.
    pub directory_uuid: Uuid,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When something about it changed last.
    pub updated_at: DateTime<Utc>,
}

impl SeenUser {
    /// What applications know the user by, whatever becomes of the name.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}", self.directory_uuid, self.user.uuid)
    }
}

/// A row that a [`SeenUser`] is made of.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::store) struct SeenRow {
    #[sqlx(flatten)]
    user: UserRow,
    directory_name: String,
    directory_uuid: Uuid,
    updated_at: i64,
}

/// The columns of [`SeenRow`], of users in directories that are enabled.
macro_rules! select_seen {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.uuid, u.directory_id, u.person_id, u.username, u.email, ",
            "u.display_name, u.first_name, u.last_name, u.attributes, u.inactive_reason, ",
            "u.created_at, u.updated_at, d.name AS directory_name, d.uuid AS directory_uuid ",
            "FROM users u JOIN directories d ON d.id = u.directory_id AND d.disabled_at IS NULL ",
            $rest
        )
    };
}

impl TryFrom<SeenRow> for SeenUser {
    type Error = StoreError;

    fn try_from(row: SeenRow) -> Result<Self, StoreError> {
        Ok(Self {
            created_at: time(row.user.created_at),
            user: row.user.try_into()?,
            directory_name: row.directory_name,
            directory_uuid: row.directory_uuid,
            updated_at: time(row.updated_at),
        })
    }
}

impl Store {
    /// The user of that name that an application of these directories sees.
    pub async fn find_seen_user(
        &self,
        directories: &[DirectoryId],
        name: &NameKey,
    ) -> Result<Option<SeenUser>, StoreError> {
        const SQL: &str = select_seen!("WHERE u.directory_id = $1 AND u.username_key = $2");
        for directory in directories {
            let row: Option<SeenRow> = read!(self, |pool| {
                sqlx::query_as(SQL)
                    .bind(directory.0)
                    .bind(name.as_str())
                    .fetch_optional(pool)
                    .await?
            });
            if let Some(row) = row {
                return SeenUser::try_from(row).map(Some);
            }
        }
        Ok(None)
    }

    /// The account of a person that an application of these directories sees: in the first that has one, if
    /// no directory before it has somebody else of that name.
    pub async fn find_seen_user_of(
        &self,
        directories: &[DirectoryId],
        person: PersonId,
    ) -> Result<Option<SeenUser>, StoreError> {
        const SQL: &str = select_seen!("WHERE u.person_id = $1");
        let rows: Vec<SeenRow> =
            read!(self, |pool| sqlx::query_as(SQL).bind(person.0).fetch_all(pool).await?);
        let first = directories
            .iter()
            .find_map(|directory| rows.iter().position(|row| row.user.directory() == *directory));
        let Some(row) = first.and_then(|index| rows.into_iter().nth(index)) else {
            return Ok(None);
        };
        let found = SeenUser::try_from(row)?;
        if directories.first() == Some(&found.user.directory) {
            return Ok(Some(found));
        }
        let name = NameKey::of(&found.user.profile.username);
        let seen = self.find_seen_user(directories, &name).await?;
        Ok(seen.filter(|seen| seen.user.id == found.user.id))
    }

    /// The user of that key, as [`SeenUser::key`] gives it, if an application of these directories sees it.
    pub async fn find_seen_user_by_key(
        &self,
        directories: &[DirectoryId],
        key: &str,
    ) -> Result<Option<SeenUser>, StoreError> {
        const SQL: &str = select_seen!("WHERE u.uuid = $1");
        let uuid = key.split_once(':').and_then(|(_, user)| Uuid::parse_str(user).ok());
        let Some(uuid) = uuid else {
            return Ok(None);
        };
        let row: Option<SeenRow> =
            read!(self, |pool| sqlx::query_as(SQL).bind(uuid).fetch_optional(pool).await?);
        let Some(found) = row.map(SeenUser::try_from).transpose()? else {
            return Ok(None);
        };
        let name = NameKey::of(&found.user.profile.username);
        let seen = self.find_seen_user(directories, &name);
        Ok(seen.await?.filter(|seen| seen.key() == key))
    }

    /// A page of the users whom an application sees, in the order of the keys of their names.
    pub async fn list_seen_users(
        &self,
        sight: &Sight,
        cut: &Cut,
        condition: &Condition,
    ) -> Result<Seen<SeenUser>, StoreError> {
        let mut sql = Sql::of(self);
        let columns = format!(
            "p.id, {}, p.directory_id, p.person_id, p.username, p.email, p.display_name, \
             p.first_name, p.last_name, p.attributes, p.inactive_reason, p.created_at, p.updated_at",
            sql.uuid("p.uuid")
        );
        let page = sql.page(&columns);
        let rows = sight.rows(&mut sql, USERS, cut, condition);
        let statement = format!("SELECT {page}, MAX(p.username_key) FROM ({rows}) p");
        let (text, last): (Option<String>, Option<String>) = sql.read_long(self, statement).await?;
        let rows = read_page::<PageRow>(text.as_deref())?;
        let entries = rows.into_iter().filter_map(|row| seen_user(sight, row).transpose());
        Ok(Seen { entries: entries.collect::<Result<_, _>>()?, last })
    }

    /// Like [`Store::list_seen_users`], but only their names.
    pub async fn list_seen_usernames(
        &self,
        sight: &Sight,
        cut: &Cut,
        condition: &Condition,
    ) -> Result<Seen<String>, StoreError> {
        let mut sql = Sql::of(self);
        let page = sql.page("p.username");
        let rows = sight.rows(&mut sql, USERS, cut, condition);
        let statement = format!("SELECT {page}, MAX(p.username_key) FROM ({rows}) p");
        let (text, last): (Option<String>, Option<String>) = sql.read_long(self, statement).await?;
        let names = read_page::<(String,)>(text.as_deref())?;
        Ok(Seen { entries: names.into_iter().map(|(name,)| name).collect(), last })
    }
}

/// Number, UUID, directory, person, name, email, display name, first and last name, attributes, why inactive,
/// when made, when changed.
pub(super) type PageRow = (
    i64,
    Uuid,
    i64,
    i64,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    i64,
);

/// None whose directory is not seen.
fn seen_user(sight: &Sight, row: PageRow) -> Result<Option<SeenUser>, StoreError> {
    let (id, uuid, directory, person, username, email, display_name, first_name, last_name, ..) =
        row;
    let (attributes, inactive) = (read_attributes(row.9.as_deref())?, row.10);
    let unknown =
        |word: String| StoreError::Unreadable { what: "a reason for being inactive", value: word };
    let reason = |word: String| InactiveReason::from_word(&word).ok_or_else(|| unknown(word));
    let directory = DirectoryId(directory);
    let Some((directory_uuid, directory_name)) = sight.directory(directory) else {
        return Ok(None);
    };
    let user = User {
        id: UserId(id),
        uuid,
        person: PersonId(person),
        directory,
        profile: Profile { username, email, display_name, first_name, last_name, attributes },
        inactive: inactive.map(reason).transpose()?,
    };
    Ok(Some(SeenUser {
        user,
        directory_name: directory_name.to_owned(),
        directory_uuid,
        created_at: time(row.11),
        updated_at: time(row.12),
    }))
}
