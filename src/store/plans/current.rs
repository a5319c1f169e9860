//! What is in the directory now, where somebody else has written since a plan looked.

use std::collections::{HashMap, HashSet};

use crate::{
    directory::{DirectoryId, GroupId, PersonId, User, UserId, UserState, UserStep},
    store::{
        Connection, StoreError,
        accounts::{UserRow, select_users},
        with_list::{statement, with_list},
        within,
    },
};

/// Whether an account is still what a step expects.
pub(super) async fn is(
    connection: &mut Connection<'_>,
    step: &UserStep,
) -> Result<bool, StoreError> {
    const SQL: &str = select_users!("WHERE u.id = $1");
    let row: Option<UserRow> = within!(connection, |connection| {
        sqlx::query_as(SQL).bind(step.user.0).fetch_optional(connection).await?
    });
    let Some(user) = row.map(User::try_from).transpose()? else {
        return Ok(false);
    };
    let now = UserState { profile: user.profile, inactive: user.inactive };
    Ok(user.uuid == step.uuid && step.before.as_ref().is_none_or(|before| *before == now))
}

/// Who has some names, which are a JSON text of names as they are compared.
pub(in crate::store) async fn holders(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    names: String,
) -> Result<HashMap<String, UserId>, StoreError> {
    const SQL: [&str; 2] = with_list!(
        "SELECT username_key, id FROM users WHERE directory_id = $1 AND username_key",
        "$2",
        "TEXT"
    );
    let sql = statement(connection, SQL);
    let rows: Vec<(String, i64)> = within!(connection, |connection| {
        sqlx::query_as(sql).bind(directory.0).bind(names).fetch_all(connection).await?
    });
    Ok(rows.into_iter().map(|(name, user)| (name, UserId(user))).collect())
}

/// Which of some names were somebody's who was removed, and whose, if that is known.
pub(in crate::store) async fn retired(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    names: String,
) -> Result<HashMap<String, Option<PersonId>>, StoreError> {
    const SQL: [&str; 2] = with_list!(
        "SELECT username_key, person_id FROM tombstones WHERE directory_id = $1 AND username_key",
        "$2",
        "TEXT"
    );
    let sql = statement(connection, SQL);
    let rows: Vec<(String, Option<i64>)> = within!(connection, |connection| {
        sqlx::query_as(sql).bind(directory.0).bind(names).fetch_all(connection).await?
    });
    Ok(rows.into_iter().map(|(name, person)| (name, person.map(PersonId))).collect())
}

/// Whether a source says that a user is in a group.
pub(super) async fn is_member(
    connection: &mut Connection<'_>,
    user: UserId,
    group: GroupId,
    source: i64,
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT COUNT(*) FROM memberships WHERE user_id = $1 AND group_id = $2 AND source_id = $3";
    let count: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(user.0)
            .bind(group.0)
            .bind(source)
            .fetch_one(connection)
            .await?
    });
    Ok(count > 0)
}

/// Whether a user is in groups that a step does not make them leave.
pub(super) async fn has_others(
    connection: &mut Connection<'_>,
    step: &UserStep,
    source: i64,
) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT group_id, source_id FROM memberships WHERE user_id = $1";
    let rows: Vec<(i64, i64)> = within!(connection, |connection| {
        sqlx::query_as(SQL).bind(step.user.0).fetch_all(connection).await?
    });
    Ok(rows.iter().any(|(group, by)| *by != source || !step.leaves.contains(&GroupId(*group))))
}

/// Writes a membership in the order of the groups too, if it is there in the order of the users.
pub(super) async fn mirror(
    connection: &mut Connection<'_>,
    user: UserId,
    group: GroupId,
    source: i64,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO group_members (group_id, user_id, source_id)
        SELECT group_id, user_id, source_id FROM memberships
        WHERE user_id = $1 AND group_id = $2 AND source_id = $3
        ON CONFLICT DO NOTHING";
    within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(user.0)
            .bind(group.0)
            .bind(source)
            .execute(connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

/// The numbers of every group of a directory.
pub(super) async fn groups(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
) -> Result<HashSet<GroupId>, StoreError> {
    const SQL: &str = "SELECT id FROM groups WHERE directory_id = $1";
    let ids: Vec<i64> = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(directory.0).fetch_all(connection).await?
    });
    Ok(ids.into_iter().map(GroupId).collect())
}
