//! One group.

use crate::{
    directory::{DirectoryId, GroupId, NameKey},
    store::{Store, StoreError, read},
};

/// A group that an application sees: those of one name, of all directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenGroup {
    /// In every directory that has one, in the order of the directories.
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
}
