//! Names of accounts that were removed: a newcomer must not inherit an old person's work, which
//! applications find by the name.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Connection, Priority, Store, StoreError, known::is_taken_elsewhere, time::micros, within,
};
use crate::directory::{DirectoryId, NameKey, PersonId};

/// Leaves a name behind, which only the person who had it may have again.
pub(super) async fn insert(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    name: &NameKey,
    uuid: Uuid,
    person: Option<PersonId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO tombstones (directory_id, username_key, user_uuid, identities, removed_at, person_id)
        VALUES ($1, $2, $3, '[]', $4, $5)
        ON CONFLICT (directory_id, username_key) DO UPDATE
        SET user_uuid = excluded.user_uuid, removed_at = excluded.removed_at,
            person_id = excluded.person_id";
    within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(directory.0)
            .bind(name.as_str())
            .bind(uuid)
            .bind(micros(now))
            .bind(person.map(|person| person.0))
            .execute(connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

/// Whether a name was somebody's else than these people's.
pub(super) async fn is_retired(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    name: &NameKey,
    people: &[PersonId],
) -> Result<bool, StoreError> {
    const SQL: &str =
        "SELECT person_id FROM tombstones WHERE directory_id = $1 AND username_key = $2";
    let row: Option<Option<i64>> = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(directory.0)
            .bind(name.as_str())
            .fetch_optional(connection)
            .await?
    });
    Ok(row.is_some_and(|person| person.is_none_or(|person| !people.contains(&PersonId(person)))))
}

/// Gives a name free.
pub(super) async fn delete(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    name: &NameKey,
) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM tombstones WHERE directory_id = $1 AND username_key = $2";
    let deleted = within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(directory.0)
            .bind(name.as_str())
            .execute(connection)
            .await?
            .rows_affected()
    });
    Ok(deleted > 0)
}

impl Store {
    /// Whether a name may be no newcomer's: it was another person's who has been removed, it is another's in a
    /// directory beside this one, or it is kept for somebody who has not come yet.
    pub async fn is_kept_name(
        &self,
        directory: DirectoryId,
        name: &NameKey,
        person: Option<PersonId>,
    ) -> Result<bool, StoreError> {
        const ALIASES: &str = "
            SELECT COUNT(*) FROM aliases a WHERE a.username_key = $1
              AND NOT EXISTS (SELECT 1 FROM identities i WHERE i.person_id = $2
                              AND i.issuer = a.issuer AND i.subject = a.subject)";
        let name = name.clone();
        self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move {
                let people: Vec<_> = person.into_iter().collect();
                if is_retired(connection, directory, &name, &people).await?
                    || is_taken_elsewhere(connection, directory, &name, &people).await?
                {
                    return Ok(true);
                }
                let person = person.map_or(0, |person| person.0);
                let kept: i64 = within!(connection, |connection| {
                    let count = sqlx::query_scalar(ALIASES).bind(name.as_str()).bind(person);
                    count.fetch_one(connection).await?
                });
                Ok(kept > 0)
            })
        })
        .await
    }

    /// Gives the name of a removed account free for anybody; `false` if it was nobody's.
    pub async fn release_name(
        &self,
        directory: DirectoryId,
        name: &NameKey,
    ) -> Result<bool, StoreError> {
        let name = name.clone();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move { delete(&mut transaction.connection(), directory, &name).await })
        })
        .await
    }
}
