//! Decides what a list of people, such as an import, changes about one account. Pure.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::directory::{
    GroupId, Identity, IdentityStep, InactiveReason, MatchKey, PersonId, Profile, UserId,
    UserState, UserStep,
};

/// What a list says of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedUser {
    /// What the account should show. What is not said stays as it is.
    pub profile: Profile,
    /// Whether it may be used.
    pub standing: Standing,
    /// The groups, in order, if they are said.
    pub groups: Option<Vec<GroupId>>,
    /// How the list's issuer knows the person, if people are known by that.
    pub identity: Option<Identity>,
}

/// Whether an account may be used, as a list says. An administrator's block is stronger than any of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    /// Nothing is said. Who is named is not missing, though.
    #[default]
    Unsaid,
    /// It may, whatever the reason was why it might not.
    Active,
    /// Its source lets it be used: what the source had against it ends, and it may still be idle.
    Allowed,
    /// It may not.
    Inactive(InactiveReason),
}

/// What the directory holds of somebody, as far as the list's source may touch it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// By how many subjects the list's issuer knows the person, if people are known by that.
    pub subjects: i64,
    /// Under which name other issuers of the domain know the person, by the word of the list's issuer.
    pub match_key: Option<MatchKey>,
}

/// What becomes of accounts that a list does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlisted {
    /// They stay as they are.
    #[default]
    Keep,
    /// They may not be used any more, and leave the groups that the source put them in.
    Deactivate,
    /// The same, and they are missing whatever the source said of them before.
    Missing,
}

impl Unlisted {
    /// The word for it in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Deactivate => "deactivate",
            Self::Missing => "missing",
        }
    }
}

/// Whether a list's issuer knows somebody by what people are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acquaintance {
    /// It does not.
    Unknown,
    /// It does, and says under which name other issuers of the domain know them, or does not say it.
    Known(Option<MatchKey>),
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
    let inactive = inactive_after(listed.standing, None);
    UserStep {
        user: numbers.user,
        person: numbers.person,
        uuid: numbers.uuid,
        before: None,
        after: Some(UserState { profile: listed.profile.clone(), inactive }),
        joins: listed.groups.clone().unwrap_or_default(),
        leaves: Vec::new(),
        identity: plan_identity(listed, &Acquaintance::Unknown),
        of_known_person: false,
        takes_over: false,
    }
}

/// Makes an account for somebody who is known already.
#[must_use]
pub fn plan_new_of_known(
    listed: &ListedUser,
    numbers: NewNumbers,
    person: PersonId,
    known: &Acquaintance,
) -> UserStep {
    let identity = plan_identity(listed, known);
    UserStep { person, identity, of_known_person: true, ..plan_new(listed, numbers) }
}

/// Brings an account in line with a list; nothing if it is already.
#[must_use]
pub fn plan_listed(listed: &ListedUser, held: &HeldUser) -> Option<UserStep> {
    // Who may not be taken away keeps the groups as well: whoever is absent is said to be in none.
    let stays = held.break_glass && matches!(listed.standing, Standing::Inactive(_));
    let standing = if stays { Standing::Unsaid } else { listed.standing };
    let after = UserState {
        profile: held.state.profile.updated(&listed.profile),
        inactive: inactive_after(standing, held.state.inactive),
    };
    let groups = listed.groups.as_ref().filter(|_| !stays).unwrap_or(&held.groups);
    let known = match held.subjects {
        0 => Acquaintance::Unknown,
        _ => Acquaintance::Known(held.match_key.clone()),
    };
    step(held, after, groups, plan_identity(listed, &known))
}

/// How the list's issuer knows the person from now on, if that is something else. Who does not say the name by which
/// others know them does not unlearn it.
fn plan_identity(listed: &ListedUser, known: &Acquaintance) -> Option<IdentityStep> {
    let after = listed.identity.clone()?;
    let Acquaintance::Known(match_key) = known else {
        return Some(IdentityStep { before: None, after: Some(after) });
    };
    if after.match_key.is_none() || after.match_key == *match_key {
        return None;
    }
    let before = Identity { match_key: match_key.clone(), ..after.clone() };
    Some(IdentityStep { before: Some(before), after: Some(after) })
}

/// What becomes of an account that a list does not name.
#[must_use]
pub fn plan_unlisted(held: &HeldUser, unlisted: Unlisted) -> Option<UserStep> {
    if unlisted == Unlisted::Keep || held.break_glass {
        return None;
    }
    let missing = Some(InactiveReason::MissingAtSource);
    let inactive = match held.state.inactive {
        block @ Some(InactiveReason::AdminBlock) => block,
        before if unlisted == Unlisted::Deactivate => before.or(missing),
        _ => missing,
    };
    step(held, UserState { inactive, ..held.state.clone() }, &[], None)
}

fn step(
    held: &HeldUser,
    after: UserState,
    groups: &[GroupId],
    identity: Option<IdentityStep>,
) -> Option<UserStep> {
    let changes = after != held.state;
    let (joins, leaves) = (missing(groups, &held.groups), missing(&held.groups, groups));
    let differs = changes || !joins.is_empty() || !leaves.is_empty() || identity.is_some();
    differs.then(|| UserStep {
        user: held.user,
        person: held.person,
        uuid: held.uuid,
        before: changes.then(|| held.state.clone()),
        after: changes.then_some(after),
        joins,
        leaves,
        identity,
        of_known_person: false,
        takes_over: false,
    })
}

/// What of one ordered list another one has not.
fn missing(of: &[GroupId], from: &[GroupId]) -> Vec<GroupId> {
    of.iter().filter(|group| from.binary_search(group).is_err()).copied().collect()
}

/// An administrator's block is stronger than any list; being listed again ends an absence.
fn inactive_after(said: Standing, before: Option<InactiveReason>) -> Option<InactiveReason> {
    match (said, before) {
        (_, Some(InactiveReason::AdminBlock)) | (Standing::Allowed, Some(InactiveReason::Idle)) => {
            before
        }
        (Standing::Active | Standing::Allowed, _)
        | (Standing::Unsaid, Some(InactiveReason::MissingAtSource)) => None,
        (Standing::Inactive(reason), _) => Some(reason),
        (Standing::Unsaid, _) => before,
    }
}

#[cfg(test)]
mod properties;
