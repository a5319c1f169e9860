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

    pub(super) async fn add_membership(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
        source: &str,
    ) -> Result<bool, StoreError> {
        const SOURCE: &str = "INSERT INTO sources (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";
        const SQL: &str = "
            INSERT INTO memberships (group_id, user_id, source_id)
            SELECT g.id, $1, s.id FROM groups g, sources s
            WHERE g.directory_id = $2 AND g.name_key = $3 AND s.name = $4
            ON CONFLICT DO NOTHING";
        let inserted = within!(connection, |connection| {
            sqlx::query(SOURCE).bind(source).execute(&mut *connection).await.map(drop)?;
            sqlx::query(SQL)
                .bind(self.user.map(|user| user.0))
                .bind(self.directory.0)
                .bind(NameKey::of(group).as_str())
                .bind(source)
                .execute(&mut *connection)
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
