//! Decides what a list of people, such as an import, changes about one account. Pure.

use uuid::Uuid;

use crate::directory::{GroupId, InactiveReason, PersonId, Profile, UserId, UserState, UserStep};

/// What a list says of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedUser {
    /// What the account should show. What is not said stays as it is.
    pub profile: Profile,
    /// Whether it may be used, if that is said.
    pub active: Option<bool>,
    /// The groups, in order, if they are said.
    pub groups: Option<Vec<GroupId>>,
}

/// What the directory holds of somebody, as far as the list's source may touch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUser {
    /// The account.
    pub user: UserId,
    /// Whose it is.
    pub person: PersonId,
    /// Its name outside the gateway.
    pub uuid: Uuid,
    /// What it shows, and whether it may be used.
    pub state: UserState,
    /// The groups that it is in by the word of the source, in order.
    pub groups: Vec<GroupId>,
    /// Whether it is for the day on which the identity provider is down: no list takes it away.
    pub break_glass: bool,
}

/// What becomes of accounts that a list does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// They stay as they are.
    #[default]
    Keep,
    /// They may not be used any more, and leave the groups that the source put them in.
    Deactivate,
}

impl Unlisted {
    /// The word for it in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Deactivate => "deactivate",
        }
    }
}

/// The numbers of a new account.
#[derive(Clone, Copy, Debug)]
pub struct NewNumbers {
    /// Its person's.
    pub person: PersonId,
    /// Its own.
    pub user: UserId,
    /// Its name outside the gateway.
    pub uuid: Uuid,
}

/// Makes an account as a list says.
#[must_use]
pub fn plan_new(listed: &ListedUser, numbers: NewNumbers) -> UserStep {
    let inactive = (listed.active == Some(false)).then_some(InactiveReason::DisabledAtSource);
    UserStep {
        user: numbers.user,
        person: numbers.person,
        uuid: numbers.uuid,
        before: None,
        after: Some(UserState { profile: listed.profile.clone(), inactive }),
        joins: listed.groups.clone().unwrap_or_default(),
        leaves: Vec::new(),
    }
}

/// Brings an account in line with a list; nothing if it is already.
#[must_use]
pub fn plan_listed(listed: &ListedUser, held: &HeldUser) -> Option<UserStep> {
    let after = UserState {
        profile: held.state.profile.updated(&listed.profile),
        inactive: inactive_after(
            listed.active.filter(|active| *active || !held.break_glass),
            held.state.inactive,
        ),
    };
    let groups = listed.groups.as_ref().unwrap_or(&held.groups);
    step(held, after, groups)
}

/// What becomes of an account that a list does not name.
#[must_use]
pub fn plan_unlisted(held: &HeldUser, unlisted: Unlisted) -> Option<UserStep> {
    if unlisted == Unlisted::Keep || held.break_glass {
        return None;
    }
    let inactive = held.state.inactive.or(Some(InactiveReason::MissingAtSource));
    step(held, UserState { inactive, ..held.state.clone() }, &[])
}

fn step(held: &HeldUser, after: UserState, groups: &[GroupId]) -> Option<UserStep> {
    let changes = after != held.state;
    let (joins, leaves) = (missing(groups, &held.groups), missing(&held.groups, groups));
    (changes || !joins.is_empty() || !leaves.is_empty()).then(|| UserStep {
        user: held.user,
        person: held.person,
        uuid: held.uuid,
        before: changes.then(|| held.state.clone()),
        after: changes.then_some(after),
        joins,
        leaves,
    })
}

/// What of one ordered list another one has not.
fn missing(of: &[GroupId], from: &[GroupId]) -> Vec<GroupId> {
    of.iter().filter(|group| from.binary_search(group).is_err()).copied().collect()
}

/// An administrator's block is stronger than any list; being listed again ends an absence.
fn inactive_after(said: Option<bool>, before: Option<InactiveReason>) -> Option<InactiveReason> {
    match (said, before) {
        (_, Some(InactiveReason::AdminBlock)) => before,
        (Some(true), _) | (None, Some(InactiveReason::MissingAtSource)) => None,
        (Some(false), _) => Some(InactiveReason::DisabledAtSource),
        (None, _) => before,
    }
}

#[cfg(test)]
mod properties;
