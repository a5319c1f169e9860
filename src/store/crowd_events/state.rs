//! How those are now whose names are known: the first directory that has a name wins.

use std::collections::{BTreeMap, HashMap};

use super::{
    CrowdEvent, EventGroup, EventUser,
    names::{AT_ONCE, Names},
    touched::TouchedUser,
};
use crate::{
    directory::{DirectoryId, NameKey},
    store::{
        Connection, SeenUser, StoreError,
        crowd::SeenRow,
        with_list::{statement, with_list},
        within,
    },
};

/// Everything that is to be told, in an order in which each event finds what it speaks of: groups, accounts,
/// and then who is in what.
pub(super) async fn events(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
    names: Names,
) -> Result<Vec<CrowdEvent>, StoreError> {
    let Names { users, groups, nested } = names;
    let mut events = Vec::new();
    let keys: Vec<_> = groups.keys().chain(nested.keys()).cloned().collect();
    let there = find_groups(connection, directories, &keys).await?;
    for (key, group) in &groups {
        events.push(match there.get(key) {
            Some((name, description)) => CrowdEvent::Group(EventGroup {
                name: name.clone(),
                description: description.clone(),
                is_new: group.is_new,
            }),
            None => CrowdEvent::NoGroup(group.name.clone()),
        });
    }
    events.extend(user_events(connection, directories, users).await?);
    let nested: Vec<_> = nested.keys().filter_map(|key| Some((key, &there.get(key)?.0))).collect();
    events.extend(nesting_events(connection, directories, &nested).await?);
    Ok(events)
}

async fn user_events(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
    users: BTreeMap<NameKey, TouchedUser>,
) -> Result<Vec<CrowdEvent>, StoreError> {
    let keys: Vec<_> = users.keys().cloned().collect();
    let mut there = find_users(connection, directories, &keys).await?;
    let mut groups = groups_of(connection, there.values()).await?;
    let (mut present, mut gone, mut memberships) = (Vec::new(), Vec::new(), Vec::new());
    for (key, touched) in users {
        let Some(found) = there.remove(&key) else {
            // After the others: who has got another name keeps what is under the old one.
            gone.push(CrowdEvent::NoUser(touched.name));
            continue;
        };
        memberships.push(CrowdEvent::GroupsOfUser {
            username: found.user.profile.username.clone(),
            groups: groups.remove(&found.user.id.0).unwrap_or_default(),
        });
        let has = &found.user.profile.attributes;
        let dropped = touched.attributes.into_iter().filter(|name| !has.contains_key(name));
        let dropped_attributes = dropped.collect();
        let user = EventUser { is_new: touched.is_new, dropped_attributes, seen: found };
        present.push(CrowdEvent::User(Box::new(user)));
    }
    Ok([present, gone, memberships].concat())
}

/// The accounts that have these names.
async fn find_users(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
    keys: &[NameKey],
) -> Result<BTreeMap<NameKey, SeenUser>, StoreError> {
    const SQL: [&str; 2] = with_list!(
        "SELECT u.id, u.uuid, u.directory_id, u.person_id, u.username, u.email, u.display_name,
            u.first_name, u.last_name, u.attributes, u.inactive_reason, u.created_at, u.updated_at,
            d.name AS directory_name, d.uuid AS directory_uuid
         FROM users u JOIN directories d ON d.id = u.directory_id
         WHERE u.directory_id = $1 AND u.username_key",
        "$2",
        "TEXT"
    );
    let sql = statement(connection, SQL);
    let mut found = BTreeMap::new();
    for directory in directories {
        for keys in missing(keys, &found).chunks(AT_ONCE) {
            let keys = serde_json::json!(keys).to_string();
            let rows: Vec<SeenRow> = within!(connection, |connection| {
                sqlx::query_as(sql).bind(directory.0).bind(keys).fetch_all(connection).await?
            });
            for row in rows {
                let seen = SeenUser::try_from(row)?;
                found.insert(NameKey::of(&seen.user.profile.username), seen);
            }
        }
    }
    Ok(found)
}

/// The groups that have these names, as they are written, with what they are for.
async fn find_groups(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
    keys: &[NameKey],
) -> Result<BTreeMap<NameKey, (String, Option<String>)>, StoreError> {
    const SQL: [&str; 2] = with_list!(
        "SELECT g.name, g.description FROM groups g WHERE g.directory_id = $1 AND g.name_key",
        "$2",
        "TEXT"
    );
    let sql = statement(connection, SQL);
    let mut found = BTreeMap::new();
    for directory in directories {
        for keys in missing(keys, &found).chunks(AT_ONCE) {
            let keys = serde_json::json!(keys).to_string();
            let rows: Vec<(String, Option<String>)> = within!(connection, |connection| {
                sqlx::query_as(sql).bind(directory.0).bind(keys).fetch_all(connection).await?
            });
            found.extend(rows.into_iter().map(|group| (NameKey::of(&group.0), group)));
        }
    }
    Ok(found)
}

/// The names that no directory before has had.
fn missing<'k, T>(keys: &'k [NameKey], found: &BTreeMap<NameKey, T>) -> Vec<&'k str> {
    keys.iter().filter(|key| !found.contains_key(key)).map(NameKey::as_str).collect()
}

/// The names of the groups that accounts are directly in, by whose word ever.
async fn groups_of(
    connection: &mut Connection<'_>,
    users: impl Iterator<Item = &SeenUser>,
) -> Result<HashMap<i64, Vec<String>>, StoreError> {
    const SQL: [&str; 2] = with_list!(
        "SELECT DISTINCT m.user_id, g.name FROM memberships m JOIN groups g ON g.id = m.group_id
         WHERE m.user_id",
        "$1",
        "BIGINT"
    );
    let sql = statement(connection, SQL);
    let ids: Vec<_> = users.map(|found| found.user.id.0).collect();
    let mut groups = HashMap::<i64, Vec<String>>::new();
    for ids in ids.chunks(AT_ONCE) {
        let ids = serde_json::json!(ids).to_string();
        let rows: Vec<(i64, String)> = within!(connection, |connection| {
            sqlx::query_as(sql).bind(ids).fetch_all(connection).await?
        });
        for (user, group) in rows {
            groups.entry(user).or_default().push(group);
        }
    }
    for names in groups.values_mut() {
        names.sort_unstable();
    }
    Ok(groups)
}

/// Groups of the same name are one group: it is in whatever one of them is in.
async fn nesting_events(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
    groups: &[(&NameKey, &String)],
) -> Result<Vec<CrowdEvent>, StoreError> {
    const PARENTS: [&str; 2] = with_list!(
        "SELECT g.name, other.name FROM groups g JOIN group_nestings n ON n.child_id = g.id
         JOIN groups other ON other.id = n.parent_id WHERE g.directory_id = $1 AND g.name_key",
        "$2",
        "TEXT"
    );
    const CHILDREN: [&str; 2] = with_list!(
        "SELECT g.name, other.name FROM groups g JOIN group_nestings n ON n.parent_id = g.id
         JOIN groups other ON other.id = n.child_id WHERE g.directory_id = $1 AND g.name_key",
        "$2",
        "TEXT"
    );
    let keys: Vec<_> = groups.iter().map(|(key, _)| key.as_str()).collect();
    let mut parents = around(connection, directories, &keys, PARENTS).await?;
    let mut children = around(connection, directories, &keys, CHILDREN).await?;
    let names = |others: Option<Others>| others.unwrap_or_default().into_values().collect();
    let mut event = |&(key, group): &(&NameKey, &String)| CrowdEvent::GroupsOfGroup {
        group: group.clone(),
        parents: names(parents.remove(key)),
        children: names(children.remove(key)),
    };
    Ok(groups.iter().map(&mut event).collect())
}

/// Groups by their keys, as they are written.
type Others = BTreeMap<NameKey, String>;

/// The groups that a statement finds around each of some groups.
async fn around(
    connection: &mut Connection<'_>,
    directories: &[DirectoryId],
    keys: &[&str],
    statements: [&'static str; 2],
) -> Result<HashMap<NameKey, Others>, StoreError> {
    let sql = statement(connection, statements);
    let mut around = HashMap::<NameKey, Others>::new();
    for directory in directories {
        for keys in keys.chunks(AT_ONCE) {
            let keys = serde_json::json!(keys).to_string();
            let rows: Vec<(String, String)> = within!(connection, |connection| {
                sqlx::query_as(sql).bind(directory.0).bind(keys).fetch_all(connection).await?
            });
            for (group, other) in rows {
                let others = around.entry(NameKey::of(&group)).or_default();
                others.entry(NameKey::of(&other)).or_insert(other);
            }
        }
    }
    Ok(around)
}
