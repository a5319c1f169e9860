//! One step from what is to what should be.

use serde::{Deserialize, Serialize};

use super::{Identity, InactiveReason};

/// What a directory shows of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name to log in under, as it was first written.
    pub username: String,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// For people to read.
    pub display_name: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
}

/// One change to a directory, about one person. Every one of them ends up in the change log.
///
/// Users and groups are named, not numbered: a plan can name what does not exist yet, and reads
/// like what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A person nobody has seen before.
    CreatePerson,
    /// One more way to know the person.
    AddIdentity {
        /// Which.
        identity: Identity,
    },
    /// The name that other issuers match the person by is another now.
    UpdateIdentity {
        /// As it was.
        before: Identity,
        /// As it will be.
        after: Identity,
    },
    /// An account for the person.
    CreateUser {
        /// What it shows.
        profile: Profile,
    },
    /// The account shows something else.
    UpdateUser {
        /// As it was.
        before: Profile,
        /// As it will be.
        after: Profile,
    },
    /// The account may be used again.
    ReactivateUser {
        /// Why it was not.
        reason: InactiveReason,
    },
    /// The account may no longer be used, and the person's sessions end.
    DeactivateUser {
        /// Why.
        reason: InactiveReason,
    },
    /// A group that did not exist.
    CreateGroup {
        /// Its name.
        group: String,
    },
    /// The user is a member of the group, by the word of this source.
    AddMembership {
        /// The group's name.
        group: String,
        /// Who says so.
        source: String,
    },
    /// The source no longer says that the user is a member.
    RemoveMembership {
        /// The group's name.
        group: String,
        /// Who no longer says so.
        source: String,
    },
}

impl Change {
    /// The word for it in the change log.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreatePerson => "create_person",
            Self::AddIdentity { .. } => "add_identity",
            Self::UpdateIdentity { .. } => "update_identity",
            Self::CreateUser { .. } => "create_user",
            Self::UpdateUser { .. } => "update_user",
            Self::ReactivateUser { .. } => "reactivate_user",
            Self::DeactivateUser { .. } => "deactivate_user",
            Self::CreateGroup { .. } => "create_group",
            Self::AddMembership { .. } => "add_membership",
            Self::RemoveMembership { .. } => "remove_membership",
        }
    }
}
