//! What administrators and applications want, as changes. Pure, like a login's plan.

use crate::directory::{Change, InactiveReason, Profile, Source, User};

/// An account that may not be used any more; nothing if it may not already for the same reason.
#[must_use]
pub fn plan_deactivation(user: &User) -> Vec<Change> {
    let block = InactiveReason::AdminBlock;
    match user.inactive {
        Some(reason) if reason == block => Vec::new(),
        // A block is stronger: no login and no cloud ends it.
        Some(reason) => {
            vec![Change::ReactivateUser { reason }, Change::DeactivateUser { reason: block }]
        }
        None => vec![Change::DeactivateUser { reason: block }],
    }
}

/// An account that may be used again, whatever the reason was.
#[must_use]
pub fn plan_reactivation(user: &User) -> Vec<Change> {
    user.inactive.map(|reason| Change::ReactivateUser { reason }).into_iter().collect()
}

/// An account that goes, after its memberships (group and source).
#[must_use]
pub fn plan_removal(user: &User, memberships: &[(String, String)]) -> Vec<Change> {
    let leave = memberships.iter().map(|(group, source)| Change::RemoveMembership {
        group: group.clone(),
        source: source.clone(),
    });
    let (uuid, profile, inactive) = (user.uuid, user.profile.clone(), user.inactive);
    leave.chain([Change::RemoveUser { uuid, profile, inactive }]).collect()
}

/// A newcomer's account, of a person whom nobody has known.
#[must_use]
pub fn plan_account(profile: &Profile, active: bool) -> Vec<Change> {
    let reason = InactiveReason::DisabledAtSource;
    let end = (!active).then_some(Change::DeactivateUser { reason });
    let create = [Change::CreatePerson, Change::CreateUser { profile: profile.clone() }];
    create.into_iter().chain(end).collect()
}

/// An account that shows something else, and may be used or not if that is said. What an administrator has
/// blocked stays so.
#[must_use]
pub fn plan_update(user: &User, after: Profile, active: Option<bool>) -> Vec<Change> {
    let before = user.profile.clone();
    let update = (before != after).then_some(Change::UpdateUser { before, after });
    let switch = match (active, user.inactive) {
        (Some(true), Some(reason)) if reason != InactiveReason::AdminBlock => {
            Some(Change::ReactivateUser { reason })
        }
        (Some(false), None) => {
            Some(Change::DeactivateUser { reason: InactiveReason::DisabledAtSource })
        }
        _ => None,
    };
    update.into_iter().chain(switch).collect()
}

/// A group that goes, after its members.
#[must_use]
pub fn plan_group_removal(group: &str, description: Option<&str>) -> Vec<Change> {
    let group = group.to_owned();
    let describe = description.map(|before| Change::DescribeGroup {
        group: group.clone(),
        before: Some(before.to_owned()),
        after: None,
    });
    describe.into_iter().chain([Change::RemoveGroup { group: group.clone() }]).collect()
}

/// A membership that an administrator gives.
#[must_use]
pub fn plan_joining(group: &str) -> Change {
    Change::AddMembership { group: group.to_owned(), source: Source::Manual.to_string() }
}

/// A membership that an administrator takes: only those that administrators gave are theirs to take.
#[must_use]
pub fn plan_leaving(group: &str) -> Change {
    Change::RemoveMembership { group: group.to_owned(), source: Source::Manual.to_string() }
}

/// A group inside another, by an administrator's word.
#[must_use]
pub fn plan_nesting(parent: &str, child: &str) -> Change {
    let (parent, child) = (parent.to_owned(), child.to_owned());
    Change::AddNesting { parent, child, source: Source::Manual.to_string() }
}

/// A group that an administrator takes out of another.
#[must_use]
pub fn plan_unnesting(parent: &str, child: &str) -> Change {
    let (parent, child) = (parent.to_owned(), child.to_owned());
    Change::RemoveNesting { parent, child, source: Source::Manual.to_string() }
}
