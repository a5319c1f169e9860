//! What an application sees of the directories.

use uuid::Uuid;

use super::{
    condition::Condition,
    sql::{Sql, list},
};
use crate::{
    directory::DirectoryId,
    store::{Store, StoreError, read},
};

/// The directories that an application sees now, in their order.
#[derive(Clone, Debug, Default)]
pub struct Sight(Vec<SeenDirectory>);

#[derive(Clone, Debug)]
struct SeenDirectory {
    id: DirectoryId,
    uuid: Uuid,
    name: String,
}

/// Which part of a list is read.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// What comes after this, by the keys of the names.
    pub after: String,
    /// Without so many at its beginning.
    pub skip: i64,
    /// So many at most.
    pub limit: i64,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Seen<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// After what the next begins; none after an empty page.
    pub last: Option<String>,
}

/// What has names: the tables, and their columns with the names' keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: &'static str,
}

pub(super) const USERS: Table = Table { name: "users", key: "username_key" };
pub(super) const GROUPS: Table = Table { name: "groups", key: "name_key" };

impl Store {
    /// What an application of these directories sees.
    pub async fn look(&self, directories: &[DirectoryId]) -> Result<Sight, StoreError> {
        const SQL: &str = "SELECT id, uuid, name FROM directories WHERE disabled_at IS NULL";
        let rows: Vec<(i64, Uuid, String)> =
            read!(self, |pool| sqlx::query_as(SQL).fetch_all(pool).await?);
        let find = |directory: &DirectoryId| {
            let row = rows.iter().find(|row| row.0 == directory.0)?;
            Some(SeenDirectory { id: *directory, uuid: row.1, name: row.2.clone() })
        };
        Ok(Sight(directories.iter().filter_map(find).collect()))
    }
}

impl Sight {
    /// Whether names of several directories are one.
    pub(super) fn is_merged(&self) -> bool {
        self.0.len() > 1
    }

    /// The directories, for an `IN`; one that is not there stands for none.
    pub(super) fn directories(&self) -> String {
        if self.0.is_empty() { "-1".to_owned() } else { self.first(self.0.len()) }
    }

    fn first(&self, count: usize) -> String {
        list(self.0[..count].iter().map(|directory| directory.id.0))
    }

    /// UUID and name of a directory.
    pub(super) fn directory(&self, id: DirectoryId) -> Option<(Uuid, &str)> {
        let found = self.0.iter().find(|directory| directory.id == id)?;
        Some((found.uuid, &found.name))
    }

    /// Whether a row `t` of a table is in no earlier directory's shadow, if it is in the `index`th.
    fn is_lit(&self, table: Table, index: usize) -> String {
        let Table { name, key } = table;
        let directory = self.0[index].id.0;
        if index == 0 {
            return format!("t.directory_id = {directory}");
        }
        let before = self.first(index);
        format!(
            "t.directory_id = {directory} AND NOT EXISTS (SELECT 1 FROM {name} s \
             WHERE s.{key} = t.{key} AND s.directory_id IN ({before}))"
        )
    }

    /// Whether a row `t` of a table is seen.
    pub(super) fn is_seen(&self, table: Table) -> String {
        let lit: Vec<_> = (0..self.0.len()).map(|index| self.is_lit(table, index)).collect();
        if lit.is_empty() { "1 = 0".to_owned() } else { format!("({})", lit.join(" OR ")) }
    }

    /// The rows of a table that are seen, in the order of their names' keys, of every directory by an index.
    pub(super) fn rows(
        &self,
        sql: &mut Sql,
        table: Table,
        cut: &Cut,
        condition: &Condition,
    ) -> String {
        let Table { name, key } = table;
        let Cut { after, skip, limit } = cut;
        let (id, name_key) = if sql.is_postgres { ("", "") } else { condition.leads().pluses() };
        let (condition, after) = (condition.sql(sql), sql.bind(after));
        let part = |index: usize, most: i64| {
            let lit = self.is_lit(table, index);
            format!(
                "SELECT * FROM {name} t WHERE {id}{lit} AND {name_key}t.{key} > {after} AND {condition} \
                 ORDER BY t.{key} LIMIT {most}"
            )
        };
        match self.0.len() {
            0 => {
                format!("SELECT * FROM {name} t WHERE t.{key} = {after} AND {condition} AND 1 = 0")
            }
            1 => format!("{} OFFSET {skip}", part(0, *limit)),
            count => {
                let most = limit.saturating_add(*skip);
                let parts = (0..count)
                    .map(|index| format!("SELECT * FROM ({}) p{index}", part(index, most)));
                let all = parts.collect::<Vec<_>>().join(" UNION ALL ");
                format!("SELECT * FROM ({all}) t ORDER BY t.{key} LIMIT {limit} OFFSET {skip}")
            }
        }
    }
}
