//! Groups, and who is in them by whose word.

use uuid::Uuid;

use super::Applying;
use crate::{
    directory::NameKey,
    store::{Connection, StoreError, time::micros, within},
};

impl Applying<'_> {
    pub(super) async fn create_group(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO groups (uuid, directory_id, name, name_key, created_at)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (directory_id, name_key) DO NOTHING";
        let inserted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(Uuid::now_v7())
                .bind(self.directory.0)
                .bind(group)
                .bind(NameKey::of(group).as_str())
                .bind(micros(self.now()))
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(inserted == 1)
    }

    /// Only an empty group goes: its members are told apart by the log.
    pub(super) async fn remove_group(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            DELETE FROM groups WHERE directory_id = $1 AND name_key = $2
              AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.group_id = groups.id)
              AND NOT EXISTS (SELECT 1 FROM group_nestings n
                              WHERE n.parent_id = groups.id OR n.child_id = groups.id)";
        let deleted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.directory.0)
                .bind(NameKey::of(group).as_str())
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(deleted == 1)
    }

    /// A group cannot contain itself, directly or by way of others.
    pub(super) async fn add_nesting(
        &self,
        connection: &mut Connection<'_>,
        parent: &str,
        child: &str,
        source: &str,
    ) -> Result<bool, StoreError> {
        // Everything that contains the parent, itself included: the child must not be among it.
        const CYCLE: &str = "
            WITH RECURSIVE above (group_id) AS (
                SELECT id FROM groups WHERE directory_id = $1 AND name_key = $2
                UNION
                SELECT n.parent_id FROM group_nestings n JOIN above a ON n.child_id = a.group_id
            )
            SELECT COUNT(*) FROM above a JOIN groups g ON g.id = a.group_id WHERE g.name_key = $3";
        const SQL: &str = "
            INSERT INTO group_nestings (parent_id, child_id, source_id)
            SELECT p.id, c.id, s.id FROM groups p, groups c, sources s
            WHERE p.directory_id = $1 AND p.name_key = $2
              AND c.directory_id = $1 AND c.name_key = $3 AND s.name = $4
            ON CONFLICT DO NOTHING";
        let (parent, child) = (NameKey::of(parent), NameKey::of(child));
        let cycles: i64 = within!(connection, |connection| {
            sqlx::query_scalar(CYCLE)
                .bind(self.directory.0)
                .bind(parent.as_str())
                .bind(child.as_str())
                .fetch_one(connection)
                .await?
        });
        if cycles > 0 {
            return Ok(false);
        }
        ensure_source(connection, source).await?;
        let inserted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.directory.0)
                .bind(parent.as_str())
                .bind(child.as_str())
                .bind(source)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(inserted == 1)
    }

    pub(super) async fn remove_nesting(
        &self,
        connection: &mut Connection<'_>,
        parent: &str,
        child: &str,
        source: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            DELETE FROM group_nestings
            WHERE parent_id = (SELECT id FROM groups WHERE directory_id = $1 AND name_key = $2)
              AND child_id = (SELECT id FROM groups WHERE directory_id = $1 AND name_key = $3)
              AND source_id = (SELECT id FROM sources WHERE name = $4)";
        let deleted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.directory.0)
                .bind(NameKey::of(parent).as_str())
                .bind(NameKey::of(child).as_str())
                .bind(source)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(deleted == 1)
    }

    pub(super) async fn add_membership(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
        source: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO memberships (group_id, user_id, source_id)
            SELECT g.id, $1, s.id FROM groups g, sources s
            WHERE g.directory_id = $2 AND g.name_key = $3 AND s.name = $4
            ON CONFLICT DO NOTHING";
        ensure_source(connection, source).await?;
        let inserted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.user.map(|user| user.0))
                .bind(self.directory.0)
                .bind(NameKey::of(group).as_str())
                .bind(source)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(inserted == 1)
    }

    pub(super) async fn remove_membership(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
        source: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            DELETE FROM memberships
            WHERE user_id = $1
              AND group_id = (SELECT id FROM groups WHERE directory_id = $2 AND name_key = $3)
              AND source_id = (SELECT id FROM sources WHERE name = $4)";
        let deleted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.user.map(|user| user.0))
                .bind(self.directory.0)
                .bind(NameKey::of(group).as_str())
                .bind(source)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(deleted == 1)
    }
}

/// Gives a source a number, if it has none.
async fn ensure_source(connection: &mut Connection<'_>, source: &str) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO sources (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";
    within!(connection, |connection| {
        sqlx::query(SQL).bind(source).execute(connection).await.map(drop)?;
    });
    Ok(())
}
