//! One account's part of a large plan, which is computed, stored, applied and logged in chunks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Change, GroupId, Identity, InactiveReason, NameKey, PersonId, Profile, UserId};

/// What an account shows, and whether it may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserState {
    /// What it shows.
    #[serde(flatten)]
    pub profile: Profile,
    /// Why it may not be used, if it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inactive: Option<InactiveReason>,
}

/// How an issuer knows a person: from `before`, if it did, to `after`, if it does then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityStep {
    /// What it was.
    pub before: Option<Identity>,
    /// What it is then.
    pub after: Option<Identity>,
}

impl IdentityStep {
    /// The same as a single change.
    fn change(self) -> Option<Change> {
        match (self.before, self.after) {
            (None, None) => None,
            (None, Some(identity)) => Some(Change::AddIdentity { identity }),
            (Some(identity), None) => Some(Change::RemoveIdentity { identity }),
            (Some(before), Some(after)) => Some(Change::UpdateIdentity { before, after }),
        }
    }
}

/// What becomes of one account: from `before` to `after`, and which groups it joins and leaves by the
/// word of the plan's source. Without either state the account itself stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserStep {
    /// The account. A new one's number was taken for it.
    pub user: UserId,
    /// Whose it is. A new person's number was taken for them.
    pub person: PersonId,
    /// The account's name outside the gateway.
    pub uuid: Uuid,
    /// What it was; nothing if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<UserState>,
    /// What it is then; nothing if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserState>,
    /// Groups that it joins, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<GroupId>,
    /// Groups that it leaves, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaves: Vec<GroupId>,
    /// How an issuer knows the person, if that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityStep>,
    /// Whether the person is there already; else a new account is that of a new person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_known_person: bool,
    /// Whether somebody else gives up the name in the same plan: it is looked whether they have.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_over: bool,
}

/// What a step does to the account itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Nothing.
    Keep,
    /// It is made.
    Create,
    /// It shows something else, or may be used again.
    Update,
    /// It may not be used any more.
    Deactivate,
    /// It goes.
    Remove,
}

impl UserStep {
    /// What it does to the account itself.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match (&self.before, &self.after) {
            (None, None) => StepKind::Keep,
            (None, Some(_)) => StepKind::Create,
            (Some(_), None) => StepKind::Remove,
            (Some(before), Some(after)) => match (before.inactive, after.inactive) {
                (before, Some(_)) if before != after.inactive => StepKind::Deactivate,
                _ => StepKind::Update,
            },
        }
    }

    /// The step back. Whoever has given up a name for it may have got it back, or not.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let identity = self.identity.clone();
        let back = |IdentityStep { before, after }| IdentityStep { before: after, after: before };
        Self {
            before: self.after.clone(),
            after: self.before.clone(),
            joins: self.leaves.clone(),
            leaves: self.joins.clone(),
            identity: identity.map(back),
            takes_over: true,
            ..*self
        }
    }

    /// Whether it gives an account that is there another name.
    #[must_use]
    pub fn renames(&self) -> bool {
        let name = |state: &UserState| NameKey::of(&state.profile.username);
        let (before, after) = (self.before.as_ref(), self.after.as_ref());
        before.zip(after).is_some_and(|(before, after)| name(before) != name(after))
    }

    /// What adds and updates, and what takes away: the former comes first, in all of the plan. Another name is
    /// no end, even of an account that ends: somebody else may wait for the old one.
    #[must_use]
    pub fn split(self) -> (Option<Self>, Option<Self>) {
        let (kind, renames) = (self.kind(), self.renames());
        let ends = matches!(kind, StepKind::Deactivate | StepKind::Remove);
        let changes = !matches!(kind, StepKind::Keep);
        let removes = kind == StepKind::Remove;
        let between = self.before.as_ref().zip(self.after.as_ref()).filter(|_| ends && renames);
        let between =
            between.map(|(before, after)| UserState { inactive: before.inactive, ..after.clone() });
        let ending = (ends || !self.leaves.is_empty()).then(|| Self {
            before: between.clone().or_else(|| self.before.clone()).filter(|_| ends),
            after: self.after.clone().filter(|_| ends),
            joins: Vec::new(),
            leaves: self.leaves.clone(),
            identity: self.identity.clone().filter(|_| removes),
            ..self
        });
        let identifies = self.identity.is_some() && !removes;
        let adds = (changes && !ends) || between.is_some() || !self.joins.is_empty() || identifies;
        let adding = adds.then(|| Self {
            before: self.before.filter(|_| !ends || between.is_some()),
            after: between.or_else(|| self.after.filter(|_| !ends)),
            leaves: Vec::new(),
            identity: self.identity.filter(|_| !removes),
            ..self
        });
        (adding, ending)
    }

    /// The same as single changes, as they are shown. A group that is gone is shown by its number.
    #[must_use]
    pub fn changes(&self, groups: &BTreeMap<GroupId, String>, source: &str) -> Vec<Change> {
        let name = |group: &GroupId| {
            groups.get(group).cloned().unwrap_or_else(|| format!("group number {}", group.0))
        };
        let membership = |group: &GroupId| (name(group), source.to_owned());
        let mut changes = Vec::new();
        let leave = self.leaves.iter().map(membership);
        changes.extend(leave.map(|(group, source)| Change::RemoveMembership { group, source }));
        changes.extend(self.identity.clone().and_then(IdentityStep::change));
        changes.extend(self.state_changes());
        let join = self.joins.iter().map(membership);
        changes.extend(join.map(|(group, source)| Change::AddMembership { group, source }));
        changes
    }

    fn state_changes(&self) -> Vec<Change> {
        match (&self.before, &self.after) {
            (None, None) => Vec::new(),
            (None, Some(after)) => {
                let create = Change::CreateUser { profile: after.profile.clone() };
                let end = after.inactive.map(|reason| Change::DeactivateUser { reason });
                [create].into_iter().chain(end).collect()
            }
            (Some(before), None) => vec![Change::RemoveUser {
                uuid: self.uuid,
                profile: before.profile.clone(),
                inactive: before.inactive,
            }],
            (Some(before), Some(after)) => {
                let update = (before.profile != after.profile).then(|| Change::UpdateUser {
                    before: before.profile.clone(),
                    after: after.profile.clone(),
                });
                let (begin, end) = match (before.inactive, after.inactive) {
                    (one, other) if one == other => (None, None),
                    (one, other) => (
                        one.map(|reason| Change::ReactivateUser { reason }),
                        other.map(|reason| Change::DeactivateUser { reason }),
                    ),
                };
                update.into_iter().chain(begin).chain(end).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(username: &str, inactive: Option<InactiveReason>) -> UserState {
        let profile = Profile { username: username.to_owned(), ..Profile::default() };
        UserState { profile, inactive }
    }

    fn step(before: Option<UserState>, after: Option<UserState>) -> UserStep {
        UserStep {
            user: UserId(1),
            person: PersonId(1),
            uuid: Uuid::nil(),
            before,
            after,
            joins: vec![GroupId(1)],
            leaves: vec![GroupId(2)],
            identity: None,
            of_known_person: false,
            takes_over: true,
        }
    }

    #[test]
    fn what_takes_away_is_told_apart_and_nothing_is_lost() {
        let (active, idle) = (state("a", None), state("a", Some(InactiveReason::Idle)));
        for (step, kind, adds, ends) in [
            (step(None, None), StepKind::Keep, false, false),
            (step(None, Some(idle.clone())), StepKind::Create, true, false),
            (step(Some(idle.clone()), Some(active.clone())), StepKind::Update, true, false),
            (step(Some(active.clone()), Some(idle.clone())), StepKind::Deactivate, false, true),
            (step(Some(active), None), StepKind::Remove, false, true),
        ] {
            assert_eq!(step.kind(), kind);
            assert_eq!(step.inverse().inverse(), step);
            let (adding, ending) = step.clone().split();
            let (adding, ending) = (adding.unwrap(), ending.unwrap());
            assert_eq!((&adding.joins, &ending.leaves), (&step.joins, &step.leaves));
            assert!(adding.leaves.is_empty() && ending.joins.is_empty());
            assert_eq!(adding.kind() != StepKind::Keep, adds);
            assert_eq!(ending.kind() != StepKind::Keep, ends);
        }
    }

    #[test]
    fn nothing_to_do_is_no_step() {
        let nothing = UserStep { joins: Vec::new(), leaves: Vec::new(), ..step(None, None) };
        assert_eq!(nothing.split(), (None, None));
    }

    #[test]
    fn an_account_that_ends_gives_up_its_name_before() {
        let (before, after) = (state("a", None), state("b", Some(InactiveReason::OutOfScope)));
        let (renaming, ending) = step(Some(before.clone()), Some(after.clone())).split();
        let (renaming, ending) = (renaming.unwrap(), ending.unwrap());
        assert_eq!((renaming.kind(), ending.kind()), (StepKind::Update, StepKind::Deactivate));
        assert_eq!((renaming.before, ending.after), (Some(before), Some(after)));
        assert_eq!(
            (renaming.after.clone(), renaming.after),
            (ending.before, Some(state("b", None)))
        );
    }
}
