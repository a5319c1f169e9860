//! Groups in groups.

use std::collections::BTreeSet;

use super::{
    sight::Sight,
    sql::{Sql, list, read_page},
};
use crate::{
    directory::GroupId,
    store::{Store, StoreError},
};

/// Which way to look from a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the groups that are in it.
    Children,
    /// To the groups that it is in.
    Parents,
}

impl Store {
    /// The groups next to these, in every directory that is seen.
    pub async fn list_next_groups(
        &self,
        sight: &Sight,
        groups: &[GroupId],
        direction: Direction,
    ) -> Result<Vec<GroupId>, StoreError> {
        let (from, to) = direction.columns();
        let groups = list(groups.iter().map(|group| group.0));
        let next = format!("SELECT n.{to} FROM group_nestings n WHERE n.{from} IN ({groups})");
        self.list_group_numbers(sight, &next).await
    }

    /// All groups that can be reached from these, themselves too if groups go round in a circle.
    pub async fn list_reached_groups(
        &self,
        sight: &Sight,
        groups: &[GroupId],
        direction: Direction,
    ) -> Result<Vec<GroupId>, StoreError> {
        let mut reached = BTreeSet::new();
        let mut last = groups.to_vec();
        while !last.is_empty() {
            let next = self.list_next_groups(sight, &last, direction).await?;
            last = next.into_iter().filter(|group| reached.insert(*group)).collect();
        }
        Ok(reached.into_iter().collect())
    }

    /// Groups with those of the same names in other directories.
    pub async fn widen_groups(
        &self,
        sight: &Sight,
        groups: &[GroupId],
    ) -> Result<Vec<GroupId>, StoreError> {
        if groups.is_empty() || !sight.is_merged() {
            return Ok(groups.to_vec());
        }
        self.list_group_numbers(sight, &list(groups.iter().map(|group| group.0))).await
    }

    /// Of the groups that `which` selects: if there are several directories, with those of the same names.
    async fn list_group_numbers(
        &self,
        sight: &Sight,
        which: &str,
    ) -> Result<Vec<GroupId>, StoreError> {
        let sql = Sql::rare(self);
        let directories = sight.directories();
        let chosen = if sight.is_merged() {
            format!("g.name_key IN (SELECT o.name_key FROM groups o WHERE o.id IN ({which}))")
        } else {
            format!("g.id IN ({which})")
        };
        let page = sql.page("p.id");
        let statement = format!(
            "SELECT {page} FROM (SELECT g.id FROM groups g \
             WHERE {chosen} AND g.directory_id IN ({directories})) p"
        );
        let (text,): (Option<String>,) = sql.read_one(self, statement).await?;
        let rows = read_page::<(i64,)>(text.as_deref())?;
        Ok(rows.into_iter().map(|(group,)| GroupId(group)).collect())
    }

    /// The groups that are directly in each of these, by name: of each, first itself.
    pub async fn list_child_names(
        &self,
        sight: &Sight,
        groups: &[GroupId],
    ) -> Result<Vec<(GroupId, String)>, StoreError> {
        let mut sql = Sql::of(self);
        let page = sql.page("p.parent_id, p.name");
        let groups = sql.list(groups.iter().map(|group| group.0));
        let statement = format!(
            "SELECT {page} FROM (SELECT DISTINCT n.parent_id, c.name, c.name_key \
             FROM group_nestings n JOIN groups c ON c.id = n.child_id \
             WHERE n.parent_id IN ({groups}) AND c.directory_id IN ({}) \
             ORDER BY c.name_key) p",
            sight.directories()
        );
        let (text,): (Option<String>,) = sql.read_one(self, statement).await?;
        let rows = read_page::<(i64, String)>(text.as_deref())?;
        Ok(rows.into_iter().map(|(parent, child)| (GroupId(parent), child)).collect())
    }
}

impl Direction {
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Children => ("parent_id", "child_id"),
            Self::Parents => ("child_id", "parent_id"),
        }
    }
}
