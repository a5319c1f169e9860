//! One step from what is to what should be.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Identity, InactiveReason, Profile};

/// One step from what is to what should be, as it is planned, applied and logged. Every step but the
/// first of a person can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// Somebody whom nobody has known.
    CreatePerson,
    /// An issuer knows the person so.
    AddIdentity {
        /// The identity.
        identity: Identity,
    },
    /// An issuer speaks for the person no more.
    RemoveIdentity {
        /// The identity.
        identity: Identity,
    },
    /// The name that people are matched by has changed.
    UpdateIdentity {
        /// What was.
        before: Identity,
        /// What is.
        after: Identity,
    },
    /// An account in a directory.
    CreateUser {
        /// What it shows.
        profile: Profile,
    },
    /// An account is gone, its memberships before it. Nobody else gets its name.
    RemoveUser {
        /// Its name outside the gateway.
        uuid: Uuid,
        /// What it showed.
        profile: Profile,
        /// Why it was inactive, if it was.
        inactive: Option<InactiveReason>,
    },
    /// An account that was gone is back.
    RestoreUser {
        /// Its name outside the gateway.
        uuid: Uuid,
        /// What it shows.
        profile: Profile,
        /// Why it is inactive, if it is.
        inactive: Option<InactiveReason>,
    },
    /// An account shows something else.
    UpdateUser {
        /// What was.
        before: Profile,
        /// What is.
        after: Profile,
    },
    /// An account may be used again.
    ReactivateUser {
        /// Why it was inactive.
        reason: InactiveReason,
    },
    /// An account may not be used.
    DeactivateUser {
        /// Why.
        reason: InactiveReason,
    },
    /// A group, without members.
    CreateGroup {
        /// Its name.
        group: String,
    },
    /// A group is gone, its members before it.
    RemoveGroup {
        /// Its name.
        group: String,
    },
    /// A group is described in other words.
    DescribeGroup {
        /// Its name.
        group: String,
        /// What was said of it.
        before: Option<String>,
        /// What is said of it.
        after: Option<String>,
    },
    /// The members of one group are members of another.
    AddNesting {
        /// The group that gets members.
        parent: String,
        /// The group whose members they are.
        child: String,
        /// Who says so.
        source: String,
    },
    /// They are no longer.
    RemoveNesting {
        /// The group that had members.
        parent: String,
        /// The group whose members they were.
        child: String,
        /// Who said so.
        source: String,
    },
    /// A user is a member of a group.
    AddMembership {
        /// The group's name.
        group: String,
        /// Who says so.
        source: String,
    },
    /// A source no longer says that a user is a member of a group.
    RemoveMembership {
        /// The group's name.
        group: String,
        /// Who said so.
        source: String,
    },
    /// A chunk of a large plan: many changes in one row of the log, which are kept with the plan.
    Chunk {
        /// The plan.
        plan: i64,
        /// Its chunk.
        number: i64,
        /// What it changes, in numbers.
        size: ChunkSize,
    },
}

/// What a chunk changes, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChunkSize {
    /// Groups that are made, or removed.
    pub groups: u64,
    /// Groups that get another name.
    pub groups_renamed: u64,
    /// Accounts that are made.
    pub created: u64,
    /// Accounts that show something else, or may be used again.
    pub updated: u64,
    /// Accounts that may not be used any more.
    pub deactivated: u64,
    /// Accounts that go.
    pub removed: u64,
    /// Memberships that begin.
    pub joined: u64,
    /// Memberships that end.
    pub left: u64,
}

impl Change {
    /// The word for it in the log.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreatePerson => "create_person",
            Self::AddIdentity { .. } => "add_identity",
            Self::RemoveIdentity { .. } => "remove_identity",
            Self::UpdateIdentity { .. } => "update_identity",
            Self::CreateUser { .. } => "create_user",
            Self::RemoveUser { .. } => "remove_user",
            Self::RestoreUser { .. } => "restore_user",
            Self::UpdateUser { .. } => "update_user",
            Self::ReactivateUser { .. } => "reactivate_user",
            Self::DeactivateUser { .. } => "deactivate_user",
            Self::CreateGroup { .. } => "create_group",
            Self::RemoveGroup { .. } => "remove_group",
            Self::DescribeGroup { .. } => "describe_group",
            Self::AddNesting { .. } => "add_nesting",
            Self::RemoveNesting { .. } => "remove_nesting",
            Self::AddMembership { .. } => "add_membership",
            Self::RemoveMembership { .. } => "remove_membership",
            Self::Chunk { .. } => "chunk",
        }
    }

    /// The step back. There is none from a person, whom sessions and the log may name, and the removal
    /// of an account that was created needs its `uuid`.
    #[must_use]
    pub fn inverse(&self, uuid: Option<Uuid>) -> Option<Self> {
        Some(match self.clone() {
            // A plan is undone by a plan.
            Self::CreatePerson | Self::Chunk { .. } => return None,
            Self::AddIdentity { identity } => Self::RemoveIdentity { identity },
            Self::RemoveIdentity { identity } => Self::AddIdentity { identity },
            Self::UpdateIdentity { before, after } => {
                Self::UpdateIdentity { before: after, after: before }
            }
            Self::CreateUser { profile } => {
                Self::RemoveUser { uuid: uuid?, profile, inactive: None }
            }
            Self::RemoveUser { uuid, profile, inactive } => {
                Self::RestoreUser { uuid, profile, inactive }
            }
            Self::RestoreUser { uuid, profile, inactive } => {
                Self::RemoveUser { uuid, profile, inactive }
            }
            Self::UpdateUser { before, after } => Self::UpdateUser { before: after, after: before },
            Self::ReactivateUser { reason } => Self::DeactivateUser { reason },
            Self::DeactivateUser { reason } => Self::ReactivateUser { reason },
            Self::CreateGroup { group } => Self::RemoveGroup { group },
            Self::RemoveGroup { group } => Self::CreateGroup { group },
            Self::DescribeGroup { group, before, after } => {
                Self::DescribeGroup { group, before: after, after: before }
            }
            Self::AddNesting { parent, child, source } => {
                Self::RemoveNesting { parent, child, source }
            }
            Self::RemoveNesting { parent, child, source } => {
                Self::AddNesting { parent, child, source }
            }
            Self::AddMembership { group, source } => Self::RemoveMembership { group, source },
            Self::RemoveMembership { group, source } => Self::AddMembership { group, source },
        })
    }

    /// Whether it takes away somebody's right to be here, so that their sessions end.
    #[must_use]
    pub fn ends_sessions(&self) -> bool {
        matches!(self, Self::DeactivateUser { .. } | Self::RemoveUser { .. })
    }
}

/// As people read it.
impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CreatePerson => write!(f, "a new person"),
            Self::AddIdentity { identity } => write!(f, "add the identity {identity}"),
            Self::RemoveIdentity { identity } => write!(f, "remove the identity {identity}"),
            Self::UpdateIdentity { before, after } => {
                write!(f, "change the identity {before} to {after}")
            }
            Self::CreateUser { profile } => write!(f, "create the user {:?}", profile.username),
            Self::RemoveUser { profile, .. } => write!(f, "remove the user {:?}", profile.username),
            Self::RestoreUser { profile, .. } => {
                write!(f, "bring back the user {:?}", profile.username)
            }
            Self::UpdateUser { before, after } => before.write_update(after, f),
            Self::ReactivateUser { reason } => write!(f, "reactivate (was {})", reason.as_str()),
            Self::DeactivateUser { reason } => write!(f, "deactivate ({})", reason.as_str()),
            Self::CreateGroup { group } => write!(f, "create the group {group:?}"),
            Self::RemoveGroup { group } => write!(f, "remove the group {group:?}"),
            Self::DescribeGroup { group, after, .. } => {
                write!(f, "describe the group {group:?} as {:?}", after.as_deref().unwrap_or(""))
            }
            Self::AddNesting { parent, child, source } => {
                write!(f, "put the members of {child:?} into {parent:?} by {source}")
            }
            Self::RemoveNesting { parent, child, source } => {
                write!(f, "take the members of {child:?} out of {parent:?} by {source}")
            }
            Self::AddMembership { group, source } => write!(f, "join {group:?} by {source}"),
            Self::RemoveMembership { group, source } => write!(f, "leave {group:?} by {source}"),
            Self::Chunk { plan, number, size } => write!(f, "plan {plan}, part {number}: {size}"),
        }
    }
}

impl std::fmt::Display for ChunkSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("groups", self.groups),
            ("groups renamed", self.groups_renamed),
            ("users created", self.created),
            ("users updated", self.updated),
            ("users deactivated", self.deactivated),
            ("users removed", self.removed),
            ("memberships begun", self.joined),
            ("memberships ended", self.left),
        ];
        let parts = parts.iter().filter(|(_, count)| *count > 0);
        let parts: Vec<_> = parts.map(|(name, count)| format!("{count} {name}")).collect();
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

impl std::ops::AddAssign for ChunkSize {
    fn add_assign(&mut self, other: Self) {
        self.groups += other.groups;
        self.groups_renamed += other.groups_renamed;
        self.created += other.created;
        self.updated += other.updated;
        self.deactivated += other.deactivated;
        self.removed += other.removed;
        self.joined += other.joined;
        self.left += other.left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Issuer, MatchKey, Subject, SubjectKind};

    #[test]
    fn a_step_back_and_forth_is_the_step() {
        let subject = Subject { kind: SubjectKind::Nameid, value: "a".to_owned() };
        let identity = Identity { issuer: Issuer("saml:x".to_owned()), subject, match_key: None };
        let domains = ["example.com".to_owned()];
        let match_key = MatchKey::in_domains("a@example.com", &domains);
        let matched = Identity { match_key, ..identity.clone() };
        let profile = Profile { username: "a".to_owned(), ..Profile::default() };
        let (group, source) = ("g".to_owned(), "manual".to_owned());
        let uuid = Uuid::now_v7();
        let reason = InactiveReason::AdminBlock;
        let renamed = Profile { username: "b".to_owned(), ..Profile::default() };
        for change in [
            Change::AddIdentity { identity: identity.clone() },
            Change::UpdateIdentity { before: identity, after: matched },
            Change::RemoveUser { uuid, profile: profile.clone(), inactive: Some(reason) },
            Change::UpdateUser { before: profile.clone(), after: renamed },
            Change::DeactivateUser { reason },
            Change::CreateGroup { group: group.clone() },
            Change::DescribeGroup { group: group.clone(), before: None, after: Some("x".into()) },
            Change::AddMembership { group, source },
        ] {
            let back = change.inverse(None).unwrap();
            assert_ne!(back, change);
            assert_eq!(back.inverse(None).unwrap(), change);
        }
        let created = Change::CreateUser { profile: profile.clone() };
        assert_eq!(created.inverse(None), None);
        assert_eq!(
            created.inverse(Some(uuid)),
            Some(Change::RemoveUser { uuid, profile, inactive: None })
        );
    }
}
