//! Passwords of accounts of the gateway's own directories: their hashes.

use chrono::{DateTime, Utc};

use super::{
    Connection, Priority, Store, StoreError,
    accounts::{UserRow, select_users},
    password_failures, read, sessions,
    time::{micros, time},
    within,
};
use crate::directory::{DirectoryId, NameKey, PersonId, User, UserId};

/// What sessions that a password has begun have as their method.
const METHOD: &str = "password";

/// An account's password, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// Its hash in PHC format.
    pub hash: String,
    /// Whether it is for the day on which the identity provider is down.
    pub break_glass: bool,
    /// Whether nobody gets in with it before it is changed.
    pub expired: bool,
    /// Since when it is the password.
    pub changed_at: DateTime<Utc>,
    /// When it was right last, to the hour.
    pub used_at: Option<DateTime<Utc>>,
}

/// Nothing shows the hash.
impl std::fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { break_glass, expired, changed_at, .. } = self;
        write!(f, "StoredPassword({break_glass}, {expired}, {changed_at})")
    }
}

/// Hash, whether for breaking glass, whether expired, changed and used.
type Row = (String, i64, i64, i64, Option<i64>);

fn stored((hash, break_glass, expired, changed, used): Row) -> StoredPassword {
    StoredPassword {
        hash,
        break_glass: break_glass == 1,
        expired: expired == 1,
        changed_at: time(changed),
        used_at: used.map(time),
    }
}

impl Store {
    /// An account's password.
    pub async fn find_password(&self, user: UserId) -> Result<Option<StoredPassword>, StoreError> {
        const SQL: &str = "
            SELECT hash, break_glass, expired, changed_at, used_at FROM passwords
            WHERE user_id = $1";
        let row: Option<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(user.0).fetch_optional(pool).await?);
        Ok(row.map(stored))
    }

    /// The account of that name that has a password, or one for breaking glass: first those for
    /// breaking glass, then in the directory `first`, else in the one that has been there for longest.
    pub async fn find_user_with_password(
        &self,
        name: &NameKey,
        first: DirectoryId,
        break_glass: bool,
    ) -> Result<Option<User>, StoreError> {
        const SQL: &str = select_users!(
            "JOIN passwords p ON p.user_id = u.id AND p.break_glass >= $3
            JOIN directories d ON d.id = u.directory_id AND d.disabled_at IS NULL
            WHERE u.username_key = $1 AND d.kind = 'internal'
            ORDER BY p.break_glass DESC, CASE WHEN d.id = $2 THEN 0 ELSE 1 END, d.id LIMIT 1"
        );
        let row: Option<UserRow> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(name.as_str())
                .bind(first.0)
                .bind(i64::from(break_glass))
                .fetch_optional(pool)
                .await?
        });
        row.map(User::try_from).transpose()
    }

    /// Gives an account a password, and ends the sessions that the one before has begun. `None` if the account
    /// is not there, or not in a directory of the gateway's own; else how many sessions ended. What is for
    /// breaking glass stays so.
    pub async fn set_password(
        &self,
        user: &User,
        hash: String,
        break_glass: bool,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>, StoreError> {
        const SQL: &str = "
            INSERT INTO passwords (user_id, hash, break_glass, expired, changed_at)
            SELECT u.id, $2, $3, 0, $4 FROM users u JOIN directories d ON d.id = u.directory_id
            WHERE u.id = $1 AND d.kind = 'internal'
            ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, expired = 0,
                changed_at = excluded.changed_at,
                break_glass = CASE WHEN excluded.break_glass = 1 THEN 1
                                   ELSE passwords.break_glass END";
        let (user, person) = (user.id, user.person);
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let set = within!(connection, |connection| {
                    sqlx::query(SQL)
                        .bind(user.0)
                        .bind(hash)
                        .bind(i64::from(break_glass))
                        .bind(micros(now))
                        .execute(connection)
                        .await?
                        .rows_affected()
                });
                if set == 0 {
                    return Ok(None);
                }
                forget_use(connection, user, person, now).await.map(Some)
            })
        })
        .await
    }

    /// Takes an account's password, and ends the sessions that it has begun. `None` if there was none; else how
    /// many sessions ended.
    pub async fn delete_password(
        &self,
        user: &User,
        now: DateTime<Utc>,
    ) -> Result<Option<u64>, StoreError> {
        const SQL: &str = "DELETE FROM passwords WHERE user_id = $1";
        let (user, person) = (user.id, user.person);
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let deleted = within!(connection, |connection| {
                    sqlx::query(SQL).bind(user.0).execute(connection).await?.rows_affected()
                });
                if deleted == 0 {
                    return Ok(None);
                }
                forget_use(connection, user, person, now).await.map(Some)
            })
        })
        .await
    }

    /// Ends the sessions that an account's password has begun, and says how many there were.
    pub async fn delete_password_sessions(
        &self,
        user: &User,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let person = user.person;
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                sessions::delete_of_method(connection, person, METHOD, now).await
            })
        })
        .await
    }

    /// Has everybody in these directories change their passwords, apart from those for breaking glass.
    pub async fn expire_passwords(&self, directories: &[DirectoryId]) -> Result<u64, StoreError> {
        const SQL: &str = "
            UPDATE passwords SET expired = 1 WHERE break_glass = 0
              AND user_id IN (SELECT id FROM users WHERE directory_id = $1)";
        let directories = directories.to_vec();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let mut expired = 0;
                for directory in directories {
                    expired += within!(&mut transaction.connection(), |connection| {
                        let run = sqlx::query(SQL).bind(directory.0);
                        run.execute(connection).await?.rows_affected()
                    });
                }
                Ok(expired)
            })
        })
        .await
    }

    /// The same password, hashed anew, unless it has been changed meanwhile.
    pub async fn replace_password_hash(
        &self,
        user: UserId,
        before: String,
        after: String,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE passwords SET hash = $3 WHERE user_id = $1 AND hash = $2";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let update = sqlx::query(SQL).bind(user.0).bind(before).bind(after);
                    update.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Writes down that a password was right, and forgets what was wrong before.
    pub async fn note_right_password(
        &self,
        user: UserId,
        network: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const USED: &str = "UPDATE passwords SET used_at = $2 WHERE user_id = $1";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                password_failures::delete(connection, user, Some(&network)).await?;
                within!(connection, |connection| {
                    let update = sqlx::query(USED).bind(user.0).bind(micros(now));
                    update.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }
}

/// Takes the passwords of a person's accounts, and ends the sessions that they have begun; how many there were.
pub(super) async fn delete_all_of(
    connection: &mut Connection<'_>,
    person: PersonId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const SQL: &str = "
        DELETE FROM passwords WHERE user_id IN (SELECT id FROM users WHERE person_id = $1)
        RETURNING user_id";
    let users: Vec<i64> = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(person.0).fetch_all(connection).await?
    });
    for user in &users {
        forget_use(connection, UserId(*user), person, now).await?;
    }
    Ok(users.len() as u64)
}

/// What has come of a password that is one no more: wrong tries are forgotten, and its sessions end.
async fn forget_use(
    connection: &mut Connection<'_>,
    user: UserId,
    person: PersonId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    password_failures::delete(connection, user, None).await?;
    sessions::delete_of_method(connection, person, METHOD, now).await
}
