//! Decides what a login changes.

mod groups;

use self::groups::plan_groups;
use super::{Claims, GroupClaim, Known, KnownPerson, KnownUser, Policy};
use crate::{
    config::Claim,
    directory::{Change, Identity, InactiveReason, NameKey, PersonId, Profile},
};

/// What a login changes, in the order to make the changes. Most logins change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Who logs in; `None` for a person nobody has seen before.
    pub person: Option<PersonId>,
    /// The steps.
    pub changes: Vec<Change>,
    /// What an administrator should know, though the login goes on.
    pub warnings: Vec<Warning>,
}

/// What an administrator should know of a login that went well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The claim that should name groups was not there.
    #[error("the login said nothing of groups: memberships stay as they are")]
    GroupsAbsent,
    /// The issuer left the groups out, because there are too many.
    #[error(
        "the issuer left out the groups, because there are too many: memberships stay as they are"
    )]
    GroupsOverage,
    /// A rename would have taken a name that somebody else has.
    #[error("the user cannot be renamed to {0:?}, which somebody else has")]
    RenameRefused(String),
    /// Values that are no names but ids, for which `claims.group_names` has no name.
    #[error("these are ids of groups, and no names (claims.group_names can name them): {}", .0.join(", "))]
    GroupIds(Vec<String>),
    /// Groups that the next logins will make.
    #[error("more than {0} new groups at once: {1} wait for the next login")]
    ManyNewGroups(usize, usize),
    /// Few more accounts may be made.
    #[error("only {0} more people can get an account (provisioning.max_active_users)")]
    FewSeats(i64),
    /// A newcomer's name looks like another one.
    #[error("{0:?} has letters of several alphabets: it may be meant to look like another name")]
    LookAlike(String),
    /// Groups that were named, but do not exist and may not be made.
    #[error("these groups do not exist: {}", .0.join(", "))]
    UnknownGroups(Vec<String>),
}

/// Why a login ends without an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no account, and logins may not make one.
    #[error("{username:?} has no account, and provisioning.create_users is off")]
    NoAccount {
        /// The name they would have.
        username: String,
    },
    /// The account may not be used.
    #[error("{username:?} is inactive: {}", reason.as_str())]
    Inactive {
        /// The account's name.
        username: String,
        /// Why.
        reason: InactiveReason,
    },
    /// An administrator has disabled the directory that the account is in, or would be.
    #[error("{username:?} belongs to a directory that is disabled: `gatehouse directory enable`")]
    DirectoryDisabled {
        /// The name that they have, or would have.
        username: String,
    },
    /// There is no account, and only members of managed groups get one.
    #[error("{username:?} has no account, and would be in none of provisioning.managed_groups")]
    NoEntitlement {
        /// The name they would have.
        username: String,
    },
    /// As many people have accounts as may.
    #[error("{username:?} has no account, and provisioning.max_active_users is reached")]
    NoSeat {
        /// The name they would have.
        username: String,
    },
    /// A newcomer of whom too little is said.
    #[error("{username:?} has no account, and the login says no {attribute}")]
    MissingAttribute {
        /// The name they would have.
        username: String,
        /// What is missing.
        attribute: Claim,
    },
    /// Somebody else has the name.
    #[error("the username {username:?} belongs to another person")]
    UsernameTaken {
        /// The name.
        username: String,
    },
    /// Somebody who has been removed had the name: their work must not become a newcomer's.
    #[error("the username {username:?} belonged to a person who has been removed")]
    UsernameRetired {
        /// The name.
        username: String,
    },
    /// Several people could be meant.
    #[error("several people are known as {address:?}")]
    Ambiguous {
        /// What they are known as.
        address: String,
    },
}

impl Refusal {
    /// The word for it in logs, metrics and on the error page.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAccount { .. } => "no-account",
            Self::NoEntitlement { .. } => "no-entitlement",
            Self::NoSeat { .. } => "no-seat",
            Self::DirectoryDisabled { .. } => "directory-disabled",
            Self::MissingAttribute { .. } => "attribute-missing",
            Self::Inactive { .. } => "account-inactive",
            Self::UsernameTaken { .. } => "username-taken",
            Self::UsernameRetired { .. } => "username-retired",
            Self::Ambiguous { .. } => "ambiguous-match",
        }
    }
}

/// The changes that bring the directory in line with what a login says.
pub fn plan(claims: &Claims, known: &Known, policy: &Policy) -> Result<Plan, Refusal> {
    let mut changes = Vec::new();
    let mut warnings = Vec::new();
    if known.is_enabled_at_source == Some(false) {
        let username = claims.profile.username.clone();
        return Err(Refusal::Inactive { username, reason: InactiveReason::DisabledAtSource });
    }
    if known.directory_is_disabled {
        return Err(Refusal::DirectoryDisabled { username: claims.profile.username.clone() });
    }
    let person = find_person(claims, known, policy)?;

    plan_identity(claims, known, person, &mut changes);
    match person.and_then(|person| person.user.as_ref()) {
        Some(user) => plan_user(claims, user, known, policy, &mut changes, &mut warnings)?,
        None => plan_new_user(claims, known, policy, &mut changes, &mut warnings)?,
    }
    plan_groups(claims, person, known, policy, &mut changes, &mut warnings);

    Ok(Plan { person: person.map(|person| person.id), changes, warnings })
}

/// Who logs in: whoever has the identity, else the one whom other issuers of the domain know so.
fn find_person<'a>(
    claims: &Claims,
    known: &'a Known,
    policy: &Policy,
) -> Result<Option<&'a KnownPerson>, Refusal> {
    if let Some((person, _)) = &known.by_identity {
        return Ok(Some(person));
    }
    match known.by_match_key.as_slice() {
        [] => Ok(unclaimed(claims, known, policy)),
        [person] => Ok(Some(person)),
        _ => {
            let key = claims.identity.match_key.as_ref();
            Err(Refusal::Ambiguous { address: key.map_or("", |key| key.as_str()).to_owned() })
        }
    }
}

/// Whose account of that name is the newcomer's, because nobody else has ever logged in to it.
fn unclaimed<'a>(claims: &Claims, known: &'a Known, policy: &Policy) -> Option<&'a KnownPerson> {
    let (person, groups) = known.unclaimed.as_ref()?;
    let email = person.user.as_ref()?.user.profile.email.as_deref();
    let Identity { issuer, match_key, .. } = &claims.identity;
    let is_theirs = policy.may_link_unclaimed(issuer, email, match_key.as_ref());
    // Whoever can make up a name at an identity provider shall not become an administrator by it.
    let is_protected = groups.iter().any(|g| policy.managed_groups.is_protected(&NameKey::of(g)));
    (is_theirs && !is_protected).then_some(person)
}

fn plan_identity(
    claims: &Claims,
    known: &Known,
    person: Option<&KnownPerson>,
    changes: &mut Vec<Change>,
) {
    if person.is_none() {
        changes.push(Change::CreatePerson);
    }
    match &known.by_identity {
        None => changes.push(Change::AddIdentity { identity: claims.identity.clone() }),
        Some((_, stored)) if *stored == claims.identity => {}
        Some((_, stored)) => {
            // A login without the name that people are matched by does not unlearn it.
            let match_key = claims.identity.match_key.clone().or_else(|| stored.match_key.clone());
            let after = Identity { match_key, ..claims.identity.clone() };
            if after != *stored {
                changes.push(Change::UpdateIdentity { before: stored.clone(), after });
            }
        }
    }
}

fn plan_new_user(
    claims: &Claims,
    known: &Known,
    policy: &Policy,
    changes: &mut Vec<Change>,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    let username = claims.profile.username.clone();
    if known.username_held_by.is_some() || known.username_is_reserved {
        return Err(Refusal::UsernameTaken { username });
    }
    if known.username_is_retired {
        return Err(Refusal::UsernameRetired { username });
    }
    if !policy.create_users {
        return Err(Refusal::NoAccount { username });
    }
    if policy.create_only_with_groups && !is_entitled(claims, policy) {
        return Err(Refusal::NoEntitlement { username });
    }
    if let Some(attribute) = missing(&claims.profile, &policy.required) {
        return Err(Refusal::MissingAttribute { username, attribute: attribute.clone() });
    }
    // Old accounts are never touched for want of seats.
    match known.seats_left {
        Some(left) if left <= 0 => return Err(Refusal::NoSeat { username }),
        Some(left) if left <= FEW_SEATS => warnings.push(Warning::FewSeats(left - 1)),
        _ => {}
    }
    if is_look_alike(&username) {
        warnings.push(Warning::LookAlike(username));
    }
    changes.push(Change::CreateUser { profile: claims.profile.clone() });
    Ok(())
}

/// An administrator hears of it when so few seats are left.
const FEW_SEATS: i64 = 10;

/// Whether a newcomer would be in a managed group.
fn is_entitled(claims: &Claims, policy: &Policy) -> bool {
    let GroupClaim::Present(groups) = &claims.groups else {
        return false;
    };
    groups.iter().any(|group| policy.managed_groups.contains(&NameKey::of(group)))
}

/// The first thing that has to be said and is not.
fn missing<'a>(profile: &Profile, required: &'a [Claim]) -> Option<&'a Claim> {
    required.iter().find(|claim| {
        let value = match claim {
            Claim::Username => Some(&profile.username),
            Claim::Email => profile.email.as_ref(),
            Claim::DisplayName => profile.display_name.as_ref(),
            Claim::FirstName => profile.first_name.as_ref(),
            Claim::LastName => profile.last_name.as_ref(),
            Claim::Attribute(name) => profile.attributes.get(name),
            // The check of the configuration refuses it.
            Claim::Groups => None,
        };
        value.is_none()
    })
}

/// Whether a name mixes Latin letters with those of alphabets that have look-alikes of them.
fn is_look_alike(name: &str) -> bool {
    let latin = |c: char| c.is_ascii_alphabetic() || matches!(c, '\u{c0}'..='\u{24f}');
    let other = |c: char| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}' | '\u{530}'..='\u{58f}');
    name.chars().any(latin) && name.chars().any(other)
}

fn plan_user(
    claims: &Claims,
    KnownUser { user, .. }: &KnownUser,
    known: &Known,
    policy: &Policy,
    changes: &mut Vec<Change>,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    if let Some(reason) = user.inactive {
        // What was disabled at the source may be enabled again, if the source itself says so.
        let is_wrong = reason.ends_with_a_login()
            || (reason == InactiveReason::DisabledAtSource
                && known.is_enabled_at_source == Some(true));
        if !(policy.reactivate_users && is_wrong) {
            let username = user.profile.username.clone();
            return Err(Refusal::Inactive { username, reason });
        }
        changes.push(Change::ReactivateUser { reason });
    }
    if policy.update_users {
        let mut after = user.profile.updated(&claims.profile);
        let someone_else = known.username_held_by.is_some_and(|holder| holder != user.person)
            || known.username_is_taken_elsewhere
            || known.username_is_retired
            || known.username_is_reserved;
        if after.username != user.profile.username && someone_else {
            let kept = user.profile.username.clone();
            warnings.push(Warning::RenameRefused(std::mem::replace(&mut after.username, kept)));
        }
        if after != user.profile {
            changes.push(Change::UpdateUser { before: user.profile.clone(), after });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod properties;
