//! One user.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    directory::{DirectoryId, NameKey, User},
    store::{Store, StoreError, accounts::UserRow, read, time::time},
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

#[derive(Debug, sqlx::FromRow)]
struct SeenRow {
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
            read!(self, |pool| { sqlx::query_as(SQL).bind(uuid).fetch_optional(pool).await? });
        let Some(found) = row.map(SeenUser::try_from).transpose()? else {
            return Ok(None);
        };
        let name = NameKey::of(&found.user.profile.username);
        let seen = self.find_seen_user(directories, &name);
        Ok(seen.await?.filter(|seen| seen.key() == key))
    }
}
