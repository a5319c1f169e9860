//! Groups, and who is in them by whose word.

use uuid::Uuid;

use super::Applying;
use crate::{
    directory::{DirectoryId, GroupId, NameKey},
    store::{
        Connection, StoreError,
        ids::{self, Ids},
        time::micros,
        within,
    },
};

impl Applying<'_> {
    pub(super) async fn create_group(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            INSERT INTO groups (id, uuid, directory_id, name, name_key, created_at)
            VALUES ($6, $1, $2, $3, $4, $5)
            ON CONFLICT (directory_id, name_key) DO NOTHING";
        let id = ids::take(connection, Ids::Groups, 1).await?;
        let inserted = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(Uuid::now_v7())
                .bind(self.directory.0)
                .bind(group)
                .bind(NameKey::of(group).as_str())
                .bind(micros(self.now()))
                .bind(id)
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
              AND NOT EXISTS (SELECT 1 FROM group_members m WHERE m.group_id = groups.id)
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

    pub(super) async fn describe_group(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE groups SET description = $4
            WHERE directory_id = $1 AND name_key = $2 AND COALESCE(description, '') = $3";
        let updated = within!(connection, |connection| {
            sqlx::query(SQL)
                .bind(self.directory.0)
                .bind(NameKey::of(group).as_str())
                .bind(before.unwrap_or_default())
                .bind(after)
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(updated == 1)
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
            SELECT p.id, c.id, $4 FROM groups p, groups c
            WHERE p.directory_id = $1 AND p.name_key = $2
              AND c.directory_id = $1 AND c.name_key = $3
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
        let source = ensure_source(connection, source).await?;
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
        const BY_USER: &str = "
            INSERT INTO memberships (user_id, group_id, source_id) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING";
        const BY_GROUP: &str = "
            INSERT INTO group_members (user_id, group_id, source_id) VALUES ($1, $2, $3)
            ON CONFLICT DO NOTHING";
        self.write_membership(connection, group, source, [BY_USER, BY_GROUP]).await
    }

    pub(super) async fn remove_membership(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
        source: &str,
    ) -> Result<bool, StoreError> {
        const BY_USER: &str =
            "DELETE FROM memberships WHERE user_id = $1 AND group_id = $2 AND source_id = $3";
        const BY_GROUP: &str =
            "DELETE FROM group_members WHERE user_id = $1 AND group_id = $2 AND source_id = $3";
        self.write_membership(connection, group, source, [BY_USER, BY_GROUP]).await
    }

    /// Writes a membership in both of its orders; `false` if the first had nothing to do.
    async fn write_membership(
        &self,
        connection: &mut Connection<'_>,
        group: &str,
        source: &str,
        statements: [&'static str; 2],
    ) -> Result<bool, StoreError> {
        let Some(user) = self.user else {
            return Ok(false);
        };
        let Some(group) = find_group(connection, self.directory, &NameKey::of(group)).await? else {
            return Ok(false);
        };
        let source = ensure_source(connection, source).await?;
        let mut written = Vec::with_capacity(statements.len());
        for statement in statements {
            let rows = within!(connection, |connection| {
                sqlx::query(statement)
                    .bind(user.0)
                    .bind(group.0)
                    .bind(source)
                    .execute(connection)
                    .await?
                    .rows_affected()
            });
            written.push(rows);
        }
        Ok(written.first() == Some(&1))
    }
}

/// The number of a group.
pub(in crate::store) async fn find_group(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    group: &NameKey,
) -> Result<Option<GroupId>, StoreError> {
    const SQL: &str = "SELECT id FROM groups WHERE directory_id = $1 AND name_key = $2";
    let id: Option<i64> = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(directory.0)
            .bind(group.as_str())
            .fetch_optional(connection)
            .await?
    });
    Ok(id.map(GroupId))
}

/// The number of a source, which gets one if it has none.
pub(in crate::store) async fn ensure_source(
    connection: &mut Connection<'_>,
    source: &str,
) -> Result<i64, StoreError> {
    const FIND: &str = "SELECT id FROM sources WHERE name = $1";
    const INSERT: &str = "INSERT INTO sources (name) VALUES ($1) RETURNING id";
    let found: Option<i64> = within!(connection, |connection| {
        sqlx::query_scalar(FIND).bind(source).fetch_optional(connection).await?
    });
    if let Some(found) = found {
        return Ok(found);
    }
    Ok(within!(connection, |connection| {
        sqlx::query_scalar(INSERT).bind(source).fetch_one(connection).await?
    }))
}
