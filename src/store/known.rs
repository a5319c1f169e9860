//! Reads what a plan has to know of the person who logs in.

use super::{
    Connection, StoreError,
    accounts::{UserRow, effective_groups, memberships, select_users},
    aliases, tombstones, within,
};
use crate::{
    config::LinkExisting,
    directory::{
        DirectoryId, Group, GroupId, Identity, Issuer, MatchKey, NameKey, PersonId, Source, User,
    },
    provisioning::{Claims, GroupClaim, Known, KnownPerson, KnownUser, Policy},
};

/// Reads it, on one connection.
pub(super) async fn known(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    claims: &Claims,
    policy: &Policy,
) -> Result<Known, StoreError> {
    let username = NameKey::of(&claims.profile.username);
    let mut known = Known {
        by_identity: by_identity(connection, directory, &claims.identity).await?,
        username_held_by: holder(connection, directory, &username).await?,
        username_is_retired: false,
        username_is_reserved: false,
        groups: groups(connection, directory, &named_groups(claims, policy)).await?,
        by_match_key: Vec::new(),
        unclaimed: None,
        username_is_taken_elsewhere: false,
        directory_is_disabled: is_disabled(connection, directory).await?,
        seats_left: None,
        is_enabled_at_source: None,
    };
    if known.by_identity.is_none()
        && let Some(key) = &claims.identity.match_key
    {
        // Who is not bound to the domain has no word in it, wherever the key came from.
        if policy.issuers_of(key.as_str()).contains(&&claims.identity.issuer) {
            known.by_match_key = by_match_key(connection, directory, key, policy).await?;
        }
    }
    if known.by_identity.is_none()
        && known.by_match_key.is_empty()
        && policy.link_existing != LinkExisting::Never
        && let Some(holder) = known.username_held_by
    {
        known.unclaimed = unclaimed(connection, directory, holder).await?;
    }
    let people: Vec<_> = known.people().map(|person| person.id).collect();
    let is_renamed = |user: &KnownUser| NameKey::of(&user.user.profile.username) != username;
    if known.people().filter_map(|person| person.user.as_ref()).any(is_renamed) {
        known.username_is_taken_elsewhere =
            is_taken_elsewhere(connection, directory, &username, &people).await?;
    }
    if let (Some(max), true) = (policy.max_active_users, people.is_empty()) {
        let active = count_active(connection, directory).await?;
        known.seats_left = Some(i64::from(max) - active);
    }
    known.username_is_retired =
        tombstones::is_retired(connection, directory, &username, &people).await?;
    known.username_is_reserved =
        aliases::is_reserved(connection, &username, claims, policy, &people).await?;
    Ok(known)
}

async fn by_identity(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    identity: &Identity,
) -> Result<Option<(KnownPerson, Identity)>, StoreError> {
    const SQL: &str = "
        SELECT person_id, match_key FROM identities
        WHERE issuer = $1 AND subject_kind = $2 AND subject = $3";
    let row: Option<(i64, Option<String>)> = within!(connection, |connection| {
        sqlx::query_as(SQL)
            .bind(&identity.issuer.0)
            .bind(identity.subject.kind.as_str())
            .bind(&identity.subject.value)
            .fetch_optional(connection)
            .await?
    });
    let Some((id, match_key)) = row else {
        return Ok(None);
    };
    let stored = Identity { match_key: match_key.map(MatchKey::stored), ..identity.clone() };
    Ok(Some((person(connection, directory, PersonId(id)).await?, stored)))
}

/// Only issuers that are bound to the key's domain today may say who has it.
async fn by_match_key(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    key: &MatchKey,
    policy: &Policy,
) -> Result<Vec<KnownPerson>, StoreError> {
    const SQL: &str = "SELECT DISTINCT person_id, issuer FROM identities WHERE match_key = $1";
    let rows: Vec<(i64, String)> = within!(connection, |connection| {
        sqlx::query_as(SQL).bind(key.as_str()).fetch_all(connection).await?
    });
    let bound = policy.issuers_of(key.as_str());
    let mut ids: Vec<i64> = rows
        .into_iter()
        .filter(|(_, issuer)| bound.contains(&&Issuer(issuer.clone())))
        .map(|(id, _)| id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut people = Vec::with_capacity(ids.len());
    for id in ids {
        people.push(person(connection, directory, PersonId(id)).await?);
    }
    Ok(people)
}

async fn person(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    id: PersonId,
) -> Result<KnownPerson, StoreError> {
    const SQL: &str = select_users!("WHERE u.directory_id = $1 AND u.person_id = $2");
    let row: Option<UserRow> = within!(connection, |connection| {
        sqlx::query_as(SQL).bind(directory.0).bind(id.0).fetch_optional(connection).await?
    });
    let Some(row) = row else {
        return Ok(KnownPerson { id, user: None });
    };
    let user = User::try_from(row)?;
    let rows = memberships(connection, user.id).await?;
    let memberships: Result<_, StoreError> = rows
        .into_iter()
        .map(|(group, source)| {
            let unreadable = || StoreError::Unreadable { what: "a source", value: source.clone() };
            Ok((group, source.parse::<Source>().map_err(|_| unreadable())?))
        })
        .collect();
    Ok(KnownPerson { id, user: Some(KnownUser { user, memberships: memberships? }) })
}

async fn holder(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    username: &NameKey,
) -> Result<Option<PersonId>, StoreError> {
    const SQL: &str = "SELECT person_id FROM users WHERE directory_id = $1 AND username_key = $2";
    let id: Option<i64> = within!(connection, |connection| {
        sqlx::query_scalar(SQL)
            .bind(directory.0)
            .bind(username.as_str())
            .fetch_optional(connection)
            .await?
    });
    Ok(id.map(PersonId))
}

/// Whether a name is somebody's else than these people's in a directory that applications may see beside
/// this one. Renames ask for that, and applications that make accounts.
pub(super) async fn is_taken_elsewhere(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    name: &NameKey,
    people: &[PersonId],
) -> Result<bool, StoreError> {
    const SQL: &str = "
        SELECT person_id FROM users WHERE username_key = $2 AND directory_id IN
            (SELECT id FROM directories WHERE id <> $1 AND disabled_at IS NULL)";
    let holders: Vec<i64> = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(directory.0).bind(name.as_str()).fetch_all(connection).await?
    });
    Ok(holders.iter().any(|holder| !people.contains(&PersonId(*holder))))
}

/// Whether nobody gets in by a directory.
async fn is_disabled(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT COUNT(*) FROM directories WHERE id = $1 AND disabled_at IS NOT NULL";
    let count: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(directory.0).fetch_one(connection).await?
    });
    Ok(count > 0)
}

async fn count_active(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
) -> Result<i64, StoreError> {
    const SQL: &str =
        "SELECT COUNT(*) FROM users WHERE directory_id = $1 AND inactive_reason IS NULL";
    Ok(within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(directory.0).fetch_one(connection).await?
    }))
}

/// The person, if no issuer has ever vouched for them, and nobody has come with a password of theirs, or could
/// when the identity provider is down.
async fn unclaimed(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    holder: PersonId,
) -> Result<Option<(KnownPerson, Vec<String>)>, StoreError> {
    const SQL: &str = "
        SELECT (SELECT COUNT(*) FROM identities WHERE person_id = $1) +
               (SELECT COUNT(*) FROM passwords p JOIN users u ON u.id = p.user_id
                WHERE u.person_id = $1 AND (p.break_glass = 1 OR p.used_at IS NOT NULL))";
    let claims: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(holder.0).fetch_one(connection).await?
    });
    if claims > 0 {
        return Ok(None);
    }
    let person = person(connection, directory, holder).await?;
    let groups = match &person.user {
        Some(known) => effective_groups(connection, known.user.id).await?,
        None => Vec::new(),
    };
    Ok(Some((person, groups)))
}

/// The groups that a login names, and those that everybody is in.
fn named_groups<'a>(claims: &'a Claims, policy: &'a Policy) -> Vec<&'a String> {
    let said = match &claims.groups {
        GroupClaim::Present(named) => Some(named),
        _ => None,
    };
    let defaults = policy.default_groups_of(&claims.identity.issuer);
    said.into_iter().flatten().chain(defaults).collect()
}

async fn groups(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    named: &[&String],
) -> Result<Vec<Group>, StoreError> {
    const SQL: &str = "SELECT id, name FROM groups WHERE directory_id = $1 AND name_key = $2";
    let mut groups = Vec::new();
    for name in named {
        let key = NameKey::of(name);
        let row: Option<(i64, String)> = within!(connection, |connection| {
            sqlx::query_as(SQL)
                .bind(directory.0)
                .bind(key.as_str())
                .fetch_optional(connection)
                .await?
        });
        groups.extend(row.map(|(id, name)| Group { id: GroupId(id), name }));
    }
    Ok(groups)
}
