//! What the directory holds of the person who logs in, as a plan needs it.

use std::collections::BTreeSet;

use crate::directory::{Group, Identity, PersonId, Source, User};

/// What the directory knows that matters for one login. Read in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Who has the identity that logs in, and the identity as it is stored.
    pub by_identity: Option<(KnownPerson, Identity)>,
    /// Who else has the match key, by the word of issuers that are bound to its domain.
    pub by_match_key: Vec<KnownPerson>,
    /// Who has the username in the directory.
    pub username_held_by: Option<PersonId>,
    /// Whether the username was somebody's who has been removed.
    pub username_is_retired: bool,
    /// Whether the username is an alias of somebody else, whether they have come or not.
    pub username_is_reserved: bool,
    /// The groups that the claim names and the directory has.
    pub groups: Vec<Group>,
}

/// A person, and the account they have in the directory.
#[derive(Clone, Debug)]
pub struct KnownPerson {
    /// Who.
    pub id: PersonId,
    /// Their account, if they have one.
    pub user: Option<KnownUser>,
}

/// An account, and the groups it is in.
#[derive(Clone, Debug)]
pub struct KnownUser {
    /// The account.
    pub user: User,
    /// Its direct memberships: the group's name, and who says so.
    pub memberships: BTreeSet<(String, Source)>,
}
