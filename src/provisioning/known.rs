//! What the directory holds of the person who logs in, as a plan needs it.

use std::collections::BTreeSet;

use crate::directory::{Group, Identity, PersonId, Source, User};

/// What the directory knows that matters for one login. Read in one transaction.
#[expect(clippy::struct_excessive_bools, reason = "each is found out by itself")]
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Who has the identity that logs in, and the identity as it is stored.
    pub by_identity: Option<(KnownPerson, Identity)>,
    /// Who else has the match key, by the word of issuers that are bound to its domain.
    pub by_match_key: Vec<KnownPerson>,
    /// Who has the username, if no issuer has ever vouched for them, and the names of every group that they
    /// are in, nested ones included.
    pub unclaimed: Option<(KnownPerson, Vec<String>)>,
    /// Who has the username in the directory.
    pub username_held_by: Option<PersonId>,
    /// Whether somebody else has the username in another directory, where an application that sees both
    /// could take one for the other.
    pub username_is_taken_elsewhere: bool,
    /// Whether nobody gets in by the directory.
    pub directory_is_disabled: bool,
    /// How many more accounts may be used, if that is limited.
    pub seats_left: Option<i64>,
    /// Whether the source of the directory, asked just now, says that the account may be used.
    pub is_enabled_at_source: Option<bool>,
    /// Whether the username was somebody's who has been removed.
    pub username_is_retired: bool,
    /// Whether the username is an alias of somebody else, whether they have come or not.
    pub username_is_reserved: bool,
    /// The groups that the claim names and the directory has.
    pub groups: Vec<Group>,
}

impl Known {
    /// Everybody who could be meant.
    pub fn people(&self) -> impl Iterator<Item = &KnownPerson> {
        let by_identity = self.by_identity.iter().map(|(person, _)| person);
        let unclaimed = self.unclaimed.iter().map(|(person, _)| person);
        by_identity.chain(&self.by_match_key).chain(unclaimed)
    }
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
