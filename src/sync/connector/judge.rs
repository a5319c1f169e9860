//! What becomes of one user of the mirror: whether they come, and under which name.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use super::{
    Rules,
    known::{KnownUser, unpack},
    scope::Applied,
};
use crate::{
    cloud::Standing,
    directory::{InactiveReason, NameKey},
    provisioning::{Claims, Statement},
    store::StoreError,
};

/// What becomes of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They may use their account.
    Comes,
    /// They may not.
    Absent(InactiveReason),
    /// It was never said whether they may.
    Unsaid,
}

/// Judges users.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) rules: std::sync::Arc<Rules>,
    pub(super) applied: Applied,
    /// The usernames that subjects keep, whatever is said of them.
    pub(super) aliases: HashMap<String, String>,
}

/// What is said of a user, ready to be mapped.
pub(super) fn statement(id: &str, known: KnownUser) -> Statement {
    Statement { name_id: id.to_owned(), name_id_format: None, attributes: known.attributes }
}

/// A name as a number, so that a million of them fit into memory.
pub(super) fn digest(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    NameKey::of(name).as_str().hash(&mut hasher);
    hasher.finish()
}

impl Judge {
    /// What is known of a user, and follows from what others are.
    pub(super) fn known(&self, number: u32, packed: &[u8]) -> Result<KnownUser, StoreError> {
        Ok(self.applied.with_roles(number, unpack(packed)?))
    }

    pub(super) fn verdict(&self, number: u32, id: &str, known: &KnownUser) -> Verdict {
        let covered = self.applied.covers(number, id, known);
        verdict(covered, known.standing)
    }

    /// Whether the groups that they are in are shown: who is only disabled keeps them, and so does of whom it is not said
    /// whether they may work.
    pub(super) fn shows_groups(&self, number: u32, id: &str, known: &KnownUser) -> bool {
        self.applied.covers(number, id, known)
            && matches!(known.standing, Standing::Enabled | Standing::Disabled | Standing::Unsaid)
    }

    /// Every username that a user could have, the first choice first; none, with the reason, if nothing gives one.
    pub(super) fn usernames(&self, statement: &Statement) -> Result<Vec<String>, String> {
        if let Some(alias) = self.aliases.get(&statement.name_id) {
            return Ok(vec![alias.clone()]);
        }
        let names = self.rules.mapping.usernames(statement).map_err(|error| error.to_string())?;
        if names.is_empty() {
            // It says what was looked for.
            self.rules.mapping.claims(statement).map_err(|error| error.to_string())?;
        }
        Ok(names)
    }

    /// What the account is to show.
    pub(super) fn claims(&self, statement: &Statement) -> Result<Claims, String> {
        let mut claims = self.rules.mapping.claims(statement).map_err(|error| error.to_string())?;
        if let Some(alias) = self.aliases.get(&statement.name_id) {
            claims.profile.username.clone_from(alias);
        }
        Ok(claims)
    }
}

/// What becomes of somebody who is covered by filters or not, and of whom that is said.
pub(super) fn verdict(covered: bool, standing: Standing) -> Verdict {
    match standing {
        // As if they were not there.
        Standing::NotYet => Verdict::Absent(InactiveReason::MissingAtSource),
        Standing::Disabled => Verdict::Absent(InactiveReason::DisabledAtSource),
        _ if !covered => Verdict::Absent(InactiveReason::OutOfScope),
        Standing::Enabled => Verdict::Comes,
        Standing::Unsaid => Verdict::Unsaid,
    }
}
