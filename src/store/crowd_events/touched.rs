//! Whom and what changes are about.

use std::collections::{BTreeMap, BTreeSet};

use super::{MOST_TOUCHED, place::Here};
use crate::{
    directory::{Change, NameKey, Profile, UserStep},
    store::{Chunk, Connection, StoreError, within},
};

/// So many changes are read at once.
const PAGE: i64 = 1000;

/// What is touched, by number or by name.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Accounts by their numbers. Those that have gone since are named where they go.
    pub(super) ids: BTreeSet<i64>,
    /// Names that accounts have had.
    pub(super) users: BTreeMap<NameKey, TouchedUser>,
    /// Groups that were made, or went; whether they were made.
    pub(super) groups: BTreeMap<NameKey, TouchedGroup>,
    /// Groups of which something else is in them now, or that are in something else.
    pub(super) nested: BTreeMap<NameKey, String>,
}

/// A name that an account has had.
#[derive(Debug, Default)]
pub(super) struct TouchedUser {
    /// As it was written.
    pub(super) name: String,
    /// Whether an account was made under it.
    pub(super) is_new: bool,
    /// Attributes that it has had.
    pub(super) attributes: BTreeSet<String>,
}

/// The name of a group.
#[derive(Debug, Default)]
pub(super) struct TouchedGroup {
    /// As it was written.
    pub(super) name: String,
    /// Whether a group was made under it.
    pub(super) is_new: bool,
}

/// Number, directory, account and change.
type Row = (i64, Option<i64>, Option<i64>, String);

impl Touched {
    /// Reads all changes behind a place; `false` if they touch too much.
    pub(super) async fn read(
        &mut self,
        connection: &mut Connection<'_>,
        here: &Here,
        since: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            SELECT seq, directory_id, user_id, change FROM changes WHERE seq > $1
            ORDER BY seq LIMIT $2";
        let mut read = since;
        while read < here.head {
            let rows: Vec<Row> = within!(connection, |connection| {
                sqlx::query_as(SQL).bind(read).bind(PAGE).fetch_all(connection).await?
            });
            let Some((last, ..)) = rows.last() else {
                return Ok(false);
            };
            read = *last;
            for (_, directory, user, change) in rows {
                let is_seen = |id| here.directories.iter().any(|directory| directory.0 == id);
                if directory.is_none_or(is_seen) && !self.take(connection, user, &change).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn take(
        &mut self,
        connection: &mut Connection<'_>,
        user: Option<i64>,
        text: &str,
    ) -> Result<bool, StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "a change", value: text.to_owned() };
        let change: Change = serde_json::from_str(text).map_err(unreadable)?;
        if let Change::Chunk { plan, number, .. } = change {
            // The steps are kept as long as the plan, which may be forgotten before all of its changes are.
            match find_chunk(connection, plan, number).await? {
                // Whoever is in the group is in one of another name.
                Some(chunk) if chunk.renames_groups() => return Ok(false),
                Some(chunk) => self.take_chunk(&chunk),
                None => return Ok(false),
            }
        } else {
            self.note(user, &change);
        }
        let count = self.ids.len() + self.users.len() + self.groups.len() + self.nested.len();
        Ok(count <= MOST_TOUCHED)
    }

    fn note(&mut self, user: Option<i64>, change: &Change) {
        match change {
            Change::CreatePerson
            | Change::AddIdentity { .. }
            | Change::RemoveIdentity { .. }
            | Change::UpdateIdentity { .. }
            | Change::Chunk { .. } => {}
            Change::CreateUser { profile } | Change::RestoreUser { profile, .. } => {
                self.user(profile).is_new = true;
            }
            Change::RemoveUser { profile, .. } => {
                self.user(profile);
            }
            Change::UpdateUser { before, after } => {
                self.user(before);
                self.user(after).attributes.extend(before.attributes.keys().cloned());
            }
            Change::ReactivateUser { .. }
            | Change::DeactivateUser { .. }
            | Change::AddMembership { .. }
            | Change::RemoveMembership { .. } => self.ids.extend(user),
            Change::CreateGroup { group } => self.group(group).is_new = true,
            Change::RemoveGroup { group } | Change::DescribeGroup { group, .. } => {
                self.group(group);
            }
            Change::AddNesting { parent, child, .. }
            | Change::RemoveNesting { parent, child, .. } => {
                for group in [parent, child] {
                    self.nested.insert(NameKey::of(group), group.clone());
                }
            }
        }
    }

    fn take_chunk(&mut self, chunk: &Chunk) {
        match chunk {
            Chunk::Groups(groups) => {
                for group in groups {
                    self.group(&group.name).is_new = true;
                }
            }
            Chunk::GroupEndings(groups) => {
                for group in groups {
                    self.group(&group.name);
                }
            }
            Chunk::Users(steps) | Chunk::Endings(steps) => {
                for step in steps {
                    self.step(step);
                }
            }
            // Whoever is in it is in the accounts' own chunks, and external ids are nobody else's business.
            Chunk::Members(_) | Chunk::GroupChanges(_) => {}
        }
    }

    fn step(&mut self, step: &UserStep) {
        // Left as it is now, the account may have another name than the step says.
        self.ids.insert(step.user.0);
        let before = step.before.as_ref().map(|before| &before.profile);
        if let Some(before) = before {
            self.user(before);
        }
        if let Some(after) = &step.after {
            let user = self.user(&after.profile);
            user.is_new |= before.is_none();
            user.attributes.extend(before.into_iter().flat_map(|b| b.attributes.keys().cloned()));
        }
    }

    fn user(&mut self, profile: &Profile) -> &mut TouchedUser {
        let user = self.users.entry(NameKey::of(&profile.username)).or_default();
        user.name.clone_from(&profile.username);
        user.attributes.extend(profile.attributes.keys().cloned());
        user
    }

    fn group(&mut self, name: &str) -> &mut TouchedGroup {
        let group = self.groups.entry(NameKey::of(name)).or_default();
        name.clone_into(&mut group.name);
        group
    }
}

async fn find_chunk(
    connection: &mut Connection<'_>,
    plan: i64,
    number: i64,
) -> Result<Option<Chunk>, StoreError> {
    const SQL: &str = "SELECT steps FROM plan_chunks WHERE plan_id = $1 AND number = $2";
    let steps: Option<Vec<u8>> = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(plan).bind(number).fetch_optional(connection).await?
    });
    steps.map(|steps| Chunk::unpack(&steps)).transpose()
}
