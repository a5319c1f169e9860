//! Reads what a plan has to know of the person who logs in.

use super::{
    Connection, StoreError,
    accounts::{UserRow, memberships, select_users},
    aliases, tombstones, within,
};
use crate::{
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
        groups: groups(connection, directory, &claims.groups).await?,
        by_match_key: Vec::new(),
    };
    if known.by_identity.is_none()
        && let Some(key) = &claims.identity.match_key
    {
        // Who is not bound to the domain has no word in it, wherever the key came from.
        if policy.issuers_of(key.as_str()).contains(&&claims.identity.issuer) {
            known.by_match_key = by_match_key(connection, directory, key, policy).await?;
        }
    }
    let found = known.by_identity.iter().map(|(person, _)| person).chain(&known.by_match_key);
    let people: Vec<_> = found.map(|person| person.id).collect();
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

async fn groups(
    connection: &mut Connection<'_>,
    directory: DirectoryId,
    claim: &GroupClaim,
) -> Result<Vec<Group>, StoreError> {
    const SQL: &str = "SELECT id, name FROM groups WHERE directory_id = $1 AND name_key = $2";
    let GroupClaim::Present(named) = claim else {
        return Ok(Vec::new());
    };
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
