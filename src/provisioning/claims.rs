//! What a login says of somebody.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::directory::{Identity, Profile};

/// What an assertion or a ticket says of the person who just logged in, in the gateway's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who it is, by the word of whom.
    pub identity: Identity,
    /// What the user should show. The username is never empty; what was not said is `None`.
    pub profile: Profile,
    /// The groups that the user is said to be in.
    pub groups: GroupClaim,
}

/// The four states of a group claim: "none" and "not said" are not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "groups", rename_all = "snake_case")]
pub enum GroupClaim {
    /// These groups, and no others.
    Present(BTreeSet<String>),
    /// Said to be in no group.
    Empty,
    /// Nothing was said of groups, though the configuration expects it.
    Absent,
    /// The issuer never speaks of groups.
    NotAsked,
    /// There are too many groups to say them all (Entra ID leaves the claim out above 150).
    Overage,
}
