//! Directories.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Priority, Store, StoreError,
    ids::{self, Ids},
    read, sessions,
    time::{micros, time},
    within,
};
use crate::directory::{DirectoryId, NameKey, PersonId};

/// A directory as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryListing {
    /// Which.
    pub id: DirectoryId,
    /// Its name.
    pub name: String,
    /// Who owns its content.
    pub kind: String,
    /// Since when it is disabled, if it is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when it is removed, if it is, and waits to be purged.
    pub removed_at: Option<DateTime<Utc>>,
    /// How many users it has.
    pub users: i64,
    /// How many groups it has.
    pub groups: i64,
}

type Row = (i64, String, String, Option<i64>, Option<i64>, i64, i64);

/// Some users of a directory, the same in each statement of a transaction.
macro_rules! some_users {
    ($before:literal, $column:literal) => {
        concat!(
            $before,
            " IN (SELECT ",
            $column,
            " FROM users WHERE directory_id = $1 ORDER BY username_key LIMIT 200)"
        )
    };
}

/// Some of its groups.
macro_rules! some_groups {
    ($before:literal) => {
        concat!(
            $before,
            " IN (SELECT id FROM groups WHERE directory_id = $1 ORDER BY name_key LIMIT 200)"
        )
    };
}

/// What is deleted with a directory, in the order of the references, each part again and again until its last
/// statement finds nothing: no login waits long for one. Sessions stay: their people may have other accounts.
const PURGE: [&[&str]; 7] = [
    &[
        some_users!("DELETE FROM memberships WHERE user_id", "id"),
        some_users!("DELETE FROM first_visits WHERE user_uuid", "uuid"),
        some_users!("DELETE FROM users WHERE id", "id"),
    ],
    // A group may have had everybody in it.
    &["DELETE FROM group_members WHERE (group_id, user_id, source_id) IN
        (SELECT m.group_id, m.user_id, m.source_id FROM groups g
         JOIN group_members m ON m.group_id = g.id WHERE g.directory_id = $1 LIMIT 5000)"],
    &[
        some_groups!("DELETE FROM group_nestings WHERE parent_id"),
        some_groups!("DELETE FROM group_nestings WHERE child_id"),
        some_groups!("DELETE FROM groups WHERE id"),
    ],
    &["DELETE FROM tombstones WHERE directory_id = $1 AND username_key IN
        (SELECT username_key FROM tombstones WHERE directory_id = $1 LIMIT 5000)"],
    &["DELETE FROM last_list_pages WHERE (plan_id, number) IN
        (SELECT p.plan_id, p.number FROM last_lists l
         JOIN last_list_pages p ON p.plan_id = l.plan_id WHERE l.directory_id = $1 LIMIT 100)"],
    &["DELETE FROM last_lists WHERE directory_id = $1"],
    &["DELETE FROM plans WHERE id IN
        (SELECT id FROM plans WHERE directory_id = $1 ORDER BY id LIMIT 1)"],
];

impl Store {
    /// Every directory, by name.
    pub async fn list_directories(&self) -> Result<Vec<DirectoryListing>, StoreError> {
        const SQL: &str = "
            SELECT d.id, d.name, d.kind, d.disabled_at, d.removed_at,
                   (SELECT COUNT(*) FROM users u WHERE u.directory_id = d.id),
                   (SELECT COUNT(*) FROM groups g WHERE g.directory_id = d.id)
            FROM directories d ORDER BY d.name_key";
        let rows: Vec<Row> = read!(self, |pool| sqlx::query_as(SQL).fetch_all(pool).await?);
        let listing = |(id, name, kind, disabled, removed, users, groups): Row| DirectoryListing {
            id: DirectoryId(id),
            name,
            kind,
            disabled_at: disabled.map(time),
            removed_at: removed.map(time),
            users,
            groups,
        };
        Ok(rows.into_iter().map(listing).collect())
    }

    /// Those of some directories that are the gateway's own and enabled, in their order.
    pub async fn list_own_directories(
        &self,
        directories: &[DirectoryId],
    ) -> Result<Vec<DirectoryId>, StoreError> {
        const SQL: &str = "
            SELECT id FROM directories WHERE kind = 'internal' AND disabled_at IS NULL";
        let own: Vec<i64> = read!(self, |pool| sqlx::query_scalar(SQL).fetch_all(pool).await?);
        Ok(directories.iter().filter(|directory| own.contains(&directory.0)).copied().collect())
    }

    /// Takes a directory from all applications, or gives it back; nothing in it changes.
    pub async fn set_directory_disabled(
        &self,
        directory: DirectoryId,
        disabled_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE directories SET disabled_at = $2 WHERE id = $1";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(directory.0)
                        .bind(disabled_at.map(micros))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Ends the sessions of everybody who has an account in a directory, some at a time, and says how many there were.
    pub async fn delete_sessions_in(
        &self,
        directory: DirectoryId,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "
            SELECT DISTINCT s.person_id FROM sessions s
            JOIN users u ON u.person_id = s.person_id WHERE u.directory_id = $1 LIMIT 200";
        let mut ended = 0;
        loop {
            let some = self.write::<_, StoreError, _>(Priority::Bulk, move |transaction| {
                Box::pin(async move {
                    let connection = &mut transaction.connection();
                    let people: Vec<i64> = within!(connection, |connection| {
                        sqlx::query_scalar(SQL).bind(directory.0).fetch_all(connection).await?
                    });
                    let mut ended = 0;
                    for person in people {
                        ended += sessions::delete_of(connection, PersonId(person), now).await?;
                    }
                    Ok(ended)
                })
            });
            match some.await? {
                0 => return Ok(ended),
                some => ended += some,
            }
        }
    }

    /// Removes a directory, or brings it back: no application sees it. One that was disabled before is disabled
    /// afterwards.
    pub async fn set_directory_removed(
        &self,
        directory: DirectoryId,
        removed_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        const REMOVE: &str = "
            UPDATE directories SET disabled_at = COALESCE(disabled_at, $2), removed_at = $2
            WHERE id = $1 AND removed_at IS NULL";
        const RESTORE: &str = "
            UPDATE directories SET removed_at = $2,
                disabled_at = CASE WHEN disabled_at = removed_at THEN NULL ELSE disabled_at END
            WHERE id = $1";
        let statement = if removed_at.is_some() { REMOVE } else { RESTORE };
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(statement)
                        .bind(directory.0)
                        .bind(removed_at.map(micros))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Forgets all that a removed directory holds, a part at a time, and at last the directory: for good.
    /// One that is interrupted can be begun again. What the change log says of it stays.
    pub async fn purge_directory(&self, directory: DirectoryId) -> Result<(), StoreError> {
        for part in PURGE {
            while self.purge_part(directory, part).await? > 0 {}
        }
        self.purge_part(directory, &["DELETE FROM directories WHERE id = $1"]).await.map(drop)
    }

    /// How many rows the last statement of a part found. Whoever restores the directory meanwhile ends it.
    async fn purge_part(
        &self,
        directory: DirectoryId,
        part: &'static [&'static str],
    ) -> Result<u64, StoreError> {
        // Nobody restores it before the transaction ends. The log does not say what goes.
        const HOLD: &str = "
            UPDATE directories SET purges = purges + 1 WHERE id = $1 AND removed_at IS NOT NULL";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let mut rows = 0;
                for (place, statement) in std::iter::once(&HOLD).chain(part).enumerate() {
                    rows = within!(&mut transaction.connection(), |connection| {
                        let run = sqlx::query(*statement).bind(directory.0);
                        run.execute(connection).await?.rows_affected()
                    });
                    if place == 0 && rows == 0 {
                        return Err(StoreError::NotRemoved);
                    }
                }
                Ok(rows)
            })
        })
        .await
    }

    /// The directory of that name, which follows a cloud from now on, also if it has not so far.
    pub async fn ensure_connector_directory(
        &self,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<DirectoryId, StoreError> {
        const SQL: &str =
            "UPDATE directories SET kind = 'connector' WHERE id = $1 AND kind = 'internal'";
        let directory = self.ensure_directory(name, now).await?;
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL).bind(directory.0).execute(connection).await.map(drop)?;
                });
                Ok(directory)
            })
        })
        .await
    }

    /// The directory of that name, made if there is none.
    pub async fn ensure_directory(
        &self,
        name: &str,
        now: DateTime<Utc>,
    ) -> Result<DirectoryId, StoreError> {
        const INSERT: &str = "
            INSERT INTO directories (id, uuid, name, name_key, kind, created_at)
            VALUES ($1, $2, $3, $4, 'internal', $5)
            ON CONFLICT (name_key) DO NOTHING";
        const SELECT: &str = "SELECT id FROM directories WHERE name_key = $1";

        let (name, key) = (name.to_owned(), NameKey::of(name).as_str().to_owned());
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let known: Option<i64> = within!(connection, |connection| {
                    sqlx::query_scalar(SELECT).bind(&key).fetch_optional(connection).await?
                });
                if let Some(known) = known {
                    return Ok(DirectoryId(known));
                }
                let number = ids::take(connection, Ids::Directories, 1).await?;
                let id: i64 = within!(connection, |connection| {
                    sqlx::query(INSERT)
                        .bind(number)
                        .bind(Uuid::now_v7())
                        .bind(&name)
                        .bind(&key)
                        .bind(micros(now))
                        .execute(&mut *connection)
                        .await?;
                    // Another gateway may have been quicker.
                    sqlx::query_scalar(SELECT).bind(&key).fetch_one(&mut *connection).await?
                });
                Ok(DirectoryId(id))
            })
        })
        .await
    }
}
