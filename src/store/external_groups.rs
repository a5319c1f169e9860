//! Groups by what never changes about them at their sources.

use chrono::{DateTime, Utc};

use super::{
    Step, Store, StoreError, read,
    time::{micros, time},
};
use crate::{
    directory::{DirectoryId, GroupId},
    provisioning::plan_group_removal,
};

/// What a source knows a group by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalGroup {
    /// Its external id.
    pub external_id: String,
    /// The group.
    pub group: GroupId,
    /// Since when the source does not name it any more, if it does not.
    pub gone_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Every group of a directory that a source knows, in the order of the ids.
    pub async fn list_external_groups(
        &self,
        directory: DirectoryId,
        source: &str,
    ) -> Result<Vec<ExternalGroup>, StoreError> {
        const SQL: &str = "
            SELECT external_id, group_id, gone_at FROM group_external_ids
            WHERE directory_id = $1 AND source = $2 ORDER BY external_id";
        let rows: Vec<(String, i64, Option<i64>)> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(directory.0).bind(source.to_owned()).fetch_all(pool).await?
        });
        let group = |(external_id, group, gone_at): (_, _, Option<i64>)| ExternalGroup {
            external_id,
            group: GroupId(group),
            gone_at: gone_at.map(time),
        };
        Ok(rows.into_iter().map(group).collect())
    }

    /// Removals of groups that a source has not named since `before`, if nobody is in them by whose word ever: the
    /// steps of each together.
    pub async fn plan_gone_groups(
        &self,
        directory: DirectoryId,
        source: &str,
        before: DateTime<Utc>,
    ) -> Result<Vec<Vec<Step>>, StoreError> {
        const SQL: &str = "
            SELECT g.name, g.description FROM group_external_ids e
            JOIN groups g ON g.id = e.group_id
            WHERE e.directory_id = $1 AND e.source = $2 AND e.gone_at < $3
              AND NOT EXISTS (SELECT 1 FROM group_members m WHERE m.group_id = g.id)
              AND NOT EXISTS (SELECT 1 FROM group_nestings n
                              WHERE n.parent_id = g.id OR n.child_id = g.id)
              AND NOT EXISTS (SELECT 1 FROM group_external_ids o
                              WHERE o.group_id = g.id AND o.source <> e.source)
            ORDER BY g.name_key";
        let rows: Vec<(String, Option<String>)> = read!(self, |pool| {
            sqlx::query_as(SQL)
                .bind(directory.0)
                .bind(source.to_owned())
                .bind(micros(before))
                .fetch_all(pool)
                .await?
        });
        let step = |change| Step { person: None, user: None, change };
        let removal = |(group, described): (String, Option<String>)| {
            plan_group_removal(&group, described.as_deref()).into_iter().map(step).collect()
        };
        Ok(rows.into_iter().map(removal).collect())
    }
}
