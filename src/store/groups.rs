//! Groups as administrators see them.

use super::{Store, StoreError, read};
use crate::directory::{DirectoryId, GroupId, NameKey, PersonId, UserId};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// Which.
    pub id: GroupId,
    /// Where.
    pub directory: DirectoryId,
    /// The directory's name.
    pub directory_name: String,
    /// Its name.
    pub name: String,
    /// What is said of it.
    pub description: Option<String>,
    /// How many users are in it directly.
    pub members: i64,
}

/// A direct member of a group, by the word of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose account.
    pub person: PersonId,
    /// Which account.
    pub user: UserId,
    /// Its name.
    pub username: String,
    /// Who says so.
    pub source: String,
}

/// A group inside another, or around it, by the word of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nesting {
    /// The group that gets members.
    pub parent: String,
    /// The group whose members they are.
    pub child: String,
    /// Who says so.
    pub source: String,
}

type Row = (i64, i64, String, String, Option<String>, i64);

impl Store {
    /// Groups in the order of their names: those of one name, or all.
    pub async fn list_groups(
        &self,
        name: Option<&NameKey>,
        limit: i64,
    ) -> Result<Vec<GroupListing>, StoreError> {
        const SQL: &str = "
            SELECT g.id, d.id, d.name, g.name, g.description,
                   (SELECT COUNT(DISTINCT m.user_id) FROM group_members m WHERE m.group_id = g.id)
            FROM groups g JOIN directories d ON d.id = g.directory_id
            WHERE $1 = '' OR g.name_key = $1
            ORDER BY g.name_key, d.id LIMIT $2";
        let key = name.map_or("", NameKey::as_str).to_owned();
        let rows: Vec<Row> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(key).bind(limit).fetch_all(pool).await?
        });
        let listing = |(id, directory, directory_name, name, description, members)| GroupListing {
            id: GroupId(id),
            directory: DirectoryId(directory),
            directory_name,
            name,
            description,
            members,
        };
        Ok(rows.into_iter().map(listing).collect())
    }

    /// The direct members of a group, in the order of their names.
    pub async fn list_members(&self, group: GroupId) -> Result<Vec<Member>, StoreError> {
        const SQL: &str = "
            SELECT u.person_id, u.id, u.username, s.name FROM group_members m
            JOIN users u ON u.id = m.user_id JOIN sources s ON s.id = m.source_id
            WHERE m.group_id = $1 ORDER BY u.username_key, s.name";
        let rows: Vec<(i64, i64, String, String)> =
            read!(self, |pool| sqlx::query_as(SQL).bind(group.0).fetch_all(pool).await?);
        let member = |(person, user, username, source)| Member {
            person: PersonId(person),
            user: UserId(user),
            username,
            source,
        };
        Ok(rows.into_iter().map(member).collect())
    }

    /// The groups directly inside a group, and directly around it.
    pub async fn list_nestings(&self, group: GroupId) -> Result<Vec<Nesting>, StoreError> {
        const SQL: &str = "
            SELECT p.name, c.name, s.name FROM group_nestings n
            JOIN groups p ON p.id = n.parent_id JOIN groups c ON c.id = n.child_id
            JOIN sources s ON s.id = n.source_id
            WHERE n.parent_id = $1 OR n.child_id = $1 ORDER BY p.name_key, c.name_key, s.name";
        let rows: Vec<(String, String, String)> =
            read!(self, |pool| sqlx::query_as(SQL).bind(group.0).fetch_all(pool).await?);
        let nesting = |(parent, child, source)| Nesting { parent, child, source };
        Ok(rows.into_iter().map(nesting).collect())
    }

    /// The names of a group and of all groups around it, at whatever distance.
    pub async fn list_groups_around(
        &self,
        directory: DirectoryId,
        group: &NameKey,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "
            WITH RECURSIVE around (group_id) AS (
                SELECT id FROM groups WHERE directory_id = $1 AND name_key = $2
                UNION
                SELECT n.parent_id FROM group_nestings n JOIN around a ON n.child_id = a.group_id
            )
            SELECT g.name FROM groups g JOIN around a ON a.group_id = g.id ORDER BY g.name_key";
        Ok(read!(self, |pool| {
            sqlx::query_scalar(SQL).bind(directory.0).bind(group.as_str()).fetch_all(pool).await?
        }))
    }
}
