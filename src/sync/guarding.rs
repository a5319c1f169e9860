//! What a list may take away without an administrator's word, and from whom nothing without one.

use std::collections::{BTreeMap, HashSet};

use chrono::TimeDelta;

use super::{comparing::list_inside_protected, plan_writer::Held};
use crate::{
    config::GuardConfig,
    directory::{DirectoryId, GroupId, NameKey, PersonId, StepKind, UserId, UserStep},
    provisioning::{GroupLimit, GuardError, Limit, Limits, ManagedGroups, Taken, Whole},
    store::{Store, StoreError},
};

/// What a roster may take away by itself.
#[derive(Clone, Debug, Default)]
pub struct Guarding {
    /// How much.
    pub limits: Limits,
    /// What the same source has taken away so lately counts as well.
    pub remembers: TimeDelta,
    /// The usernames of accounts that never end without an administrator's word.
    pub protected_users: Vec<String>,
    /// Groups that lose nobody without one, and whose members never end.
    pub protected_groups: Vec<String>,
}

impl Guarding {
    /// From the configuration.
    #[must_use]
    pub fn new(config: &GuardConfig) -> Self {
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let limit = |count, percent| Limit { count: number(count), percent: number(percent) };
        let group =
            GroupLimit { size: number(config.group_size), percent: number(config.group_percent) };
        Self {
            limits: Limits {
                users: limit(config.users, config.users_percent),
                groups: limit(config.groups, config.groups_percent),
                memberships: limit(config.memberships, config.memberships_percent),
                group,
            },
            remembers: TimeDelta::hours(config.hours.into()),
            protected_users: config.protected_users.clone(),
            protected_groups: config.protected_groups.clone(),
        }
    }
}

/// What a plan is measured by.
#[derive(Debug, Default)]
pub(super) struct Guard {
    pub(super) held: Held,
    pub(super) limits: Limits,
    /// What the source has taken away lately.
    pub(super) lately: Taken,
}

impl Guard {
    pub(super) fn check(&self, taken: &Taken) -> Result<(), GuardError> {
        let Held { users, groups, members, others } = &self.held;
        let of_group = |group: &GroupId| (*group, members.get(group).copied().unwrap_or_default());
        let of_groups: BTreeMap<_, _> = taken.of_groups.keys().map(of_group).collect();
        let memberships = members.values().sum::<usize>() + others;
        let whole = Whole { users: *users, groups: *groups, memberships, of_groups };
        self.limits.check(taken, &whole, &self.lately)
    }
}

/// From whom nothing is taken away without an administrator's word.
#[derive(Debug, Default)]
pub(super) struct Protected {
    users: HashSet<UserId>,
    people: HashSet<PersonId>,
    groups: HashSet<GroupId>,
}

impl Protected {
    /// Those who are protected in a directory. Whoever is in a protected group elsewhere is protected here too: it is
    /// the same person.
    pub(super) async fn find(
        store: &Store,
        directory: DirectoryId,
        guarding: &Guarding,
    ) -> Result<Self, StoreError> {
        let mut protected = Self::default();
        let Guarding { protected_users, protected_groups, .. } = guarding;
        if !protected_users.is_empty() {
            let names: Vec<_> = protected_users.iter().map(|name| NameKey::of(name)).collect();
            let names: Vec<_> = names.iter().map(NameKey::as_str).collect();
            protected.users.extend(store.find_holders(directory, &names).await?.into_values());
        }
        if !protected_groups.is_empty() {
            let groups = ManagedGroups::new(&[], protected_groups);
            protected.people = store.list_people_in(groups.protected()).await?;
            let inside = list_inside_protected(store, &groups).await?;
            let is_protected = |key: NameKey| groups.is_protected(&key) || inside.contains(&key);
            let there = store.list_groups_in(directory).await?.into_iter();
            let protected_there = there.filter(|(group, _)| is_protected(group.key()));
            protected.groups.extend(protected_there.map(|(group, _)| group.id));
        }
        Ok(protected)
    }

    /// Whether an account never ends without an administrator's word.
    pub(super) fn has(&self, user: UserId, person: PersonId) -> bool {
        self.users.contains(&user) || self.people.contains(&person)
    }

    /// What of an ending may come true, and what has to wait.
    pub(super) fn divide(&self, ending: UserStep) -> (Option<UserStep>, Option<UserStep>) {
        let ends = ending.kind() != StepKind::Keep;
        if ends && self.has(ending.user, ending.person) {
            return (None, Some(ending));
        }
        let (kept, left): (Vec<_>, Vec<_>) =
            ending.leaves.iter().partition(|group| self.groups.contains(group));
        if kept.is_empty() || ends {
            return (Some(ending), None);
        }
        let goes = UserStep { leaves: left, ..ending.clone() };
        let waits = UserStep { leaves: kept, ..ending };
        ((!goes.leaves.is_empty()).then_some(goes), Some(waits))
    }
}
