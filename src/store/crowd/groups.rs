//! Groups, one by one and in lists.

use super::{
    condition::Condition,
    sight::{Cut, GROUPS, Seen, Sight},
    sql::{Sql, read_page},
};
use crate::{
    directory::{DirectoryId, GroupId, NameKey},
    store::{Store, StoreError, read},
};

/// A group that an application sees: those of one name, of all directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenGroup {
    /// In every directory that has one.
    pub ids: Vec<GroupId>,
    /// Its name, as the first writes it.
    pub name: String,
    /// What the first says of it.
    pub description: Option<String>,
}

impl Store {
    /// The group of that name that an application of these directories sees.
    pub async fn find_seen_group(
        &self,
        directories: &[DirectoryId],
        name: &NameKey,
    ) -> Result<Option<SeenGroup>, StoreError> {
        const SQL: &str = "
            SELECT g.id, g.name, g.description FROM groups g
            JOIN directories d ON d.id = g.directory_id AND d.disabled_at IS NULL
            WHERE g.directory_id = $1 AND g.name_key = $2";
        let mut seen: Option<SeenGroup> = None;
        for directory in directories {
            let row: Option<(i64, String, Option<String>)> = read!(self, |pool| {
                sqlx::query_as(SQL)
                    .bind(directory.0)
                    .bind(name.as_str())
                    .fetch_optional(pool)
                    .await?
            });
            if let Some((id, name, description)) = row {
                let group = seen.get_or_insert(SeenGroup { ids: Vec::new(), name, description });
                group.ids.push(GroupId(id));
            }
        }
        Ok(seen)
    }

    /// A page of the groups that an application sees, in the order of the keys of their names.
    pub async fn list_seen_groups(
        &self,
        sight: &Sight,
        cut: &Cut,
        condition: &Condition,
    ) -> Result<Seen<SeenGroup>, StoreError> {
        let mut sql = Sql::of(self);
        let ids = if sight.is_merged() {
            format!(
                "(SELECT STRING_AGG(CAST(o.id AS TEXT), ',') FROM groups o \
                 WHERE o.name_key = p.name_key AND o.directory_id IN ({}))",
                sight.directories()
            )
        } else {
            "CAST(p.id AS TEXT)".to_owned()
        };
        let page = sql.page(&format!("{ids}, p.name, p.description"));
        let rows = sight.rows(&mut sql, GROUPS, cut, condition);
        let statement = format!("SELECT {page}, MAX(p.name_key) FROM ({rows}) p");
        let (text, last): (Option<String>, Option<String>) = sql.read_long(self, statement).await?;
        let rows = read_page::<(String, String, Option<String>)>(text.as_deref())?;
        let group = |(ids, name, description): (String, _, _)| {
            Ok(SeenGroup { ids: read_ids(&ids)?, name, description })
        };
        Ok(Seen { entries: rows.into_iter().map(group).collect::<Result<_, StoreError>>()?, last })
    }
}

fn read_ids(text: &str) -> Result<Vec<GroupId>, StoreError> {
    let unreadable = |_| StoreError::Unreadable { what: "a group's number", value: text.into() };
    text.split(',').map(|id| id.parse().map(GroupId).map_err(unreadable)).collect()
}
