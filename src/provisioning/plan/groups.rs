//! Which memberships a login begins and ends.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::Warning;
use crate::{
    config::WithoutGroupClaim,
    directory::{Change, NameKey, Source},
    provisioning::{Claims, GroupClaim, Known, KnownPerson, Policy},
};

/// Names by what they are compared by.
type Names<'a> = BTreeMap<NameKey, &'a str>;

/// Makes what the issuer gave what it says now, within the managed groups. Its default groups are given to
/// everybody, whatever is said.
pub(super) fn plan_groups(
    claims: &Claims,
    person: Option<&KnownPerson>,
    known: &Known,
    policy: &Policy,
    changes: &mut Vec<Change>,
    warnings: &mut Vec<Warning>,
) {
    let issuer = &claims.identity.issuer;
    let source = Source::Jit(issuer.clone());
    let defaults = names(policy.default_groups_of(issuer));
    let given = given(person, &source);
    let said = said(claims, policy, warnings);
    let wanted: Names<'_> = said
        .into_iter()
        .flatten()
        .map(|group| (NameKey::of(group), group.as_str()))
        .filter(|(key, _)| policy.managed_groups.contains(key))
        .collect();

    let mut joining = Joining {
        policy,
        existing: known.groups.iter().map(|group| (group.key(), group.name.as_str())).collect(),
        source: source.to_string(),
        made: 0,
        waiting: 0,
        unknown: Vec::new(),
        ids: Vec::new(),
    };
    for (key, name) in defaults.iter().filter(|(key, _)| !given.contains_key(key)) {
        joining.join_default(key, name, changes);
    }
    let is_new = |key: &NameKey| !given.contains_key(key) && !defaults.contains_key(key);
    for (key, name) in wanted.iter().filter(|(key, _)| is_new(key)) {
        joining.join(key, name, changes);
    }
    if said.is_some() {
        let is_over = |key: &NameKey| !wanted.contains_key(key) && !defaults.contains_key(key);
        for (_, name) in given.iter().filter(|(key, _)| is_over(key)) {
            let (group, source) = ((*name).to_owned(), joining.source.clone());
            changes.push(Change::RemoveMembership { group, source });
        }
    }
    joining.warn(warnings);
}

/// What the login says of groups; nothing if memberships stay as they are.
fn said<'a>(
    claims: &'a Claims,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) -> Option<&'a BTreeSet<String>> {
    const NONE: &BTreeSet<String> = &BTreeSet::new();
    match &claims.groups {
        GroupClaim::Present(groups) => Some(groups),
        GroupClaim::Empty => Some(NONE),
        GroupClaim::NotAsked => None,
        GroupClaim::Absent if policy.without_group_claim == WithoutGroupClaim::Revoke => Some(NONE),
        GroupClaim::Absent => {
            warnings.push(Warning::GroupsAbsent);
            None
        }
        // Too many groups are not none, whatever the policy says.
        GroupClaim::Overage => {
            warnings.push(Warning::GroupsOverage);
            None
        }
    }
}

fn names(names: &[String]) -> Names<'_> {
    names.iter().map(|name| (NameKey::of(name), name.as_str())).collect()
}

/// What this issuer gave before; what others gave is not its to take.
fn given<'a>(person: Option<&'a KnownPerson>, source: &Source) -> Names<'a> {
    let memberships = person.and_then(|person| person.user.as_ref()).map(|user| &user.memberships);
    let given = memberships.into_iter().flatten().filter(|(_, by)| by == source);
    given.map(|(group, _)| (NameKey::of(group), group.as_str())).collect()
}

/// Begins memberships, and makes groups for them where it may.
struct Joining<'a> {
    policy: &'a Policy,
    existing: Names<'a>,
    source: String,
    made: usize,
    waiting: usize,
    unknown: Vec<String>,
    ids: Vec<String>,
}

impl Joining<'_> {
    fn join(&mut self, key: &NameKey, name: &str, changes: &mut Vec<Change>) {
        if self.existing.contains_key(key) {
            self.add(key, name, changes);
        } else if Uuid::try_parse(name).is_ok() {
            self.ids.push(name.to_owned());
        } else if !self.policy.create_groups {
            self.unknown.push(name.to_owned());
        } else if self.made == self.policy.max_new_groups {
            self.waiting += 1;
        } else {
            self.made += 1;
            changes.push(Change::CreateGroup { group: name.to_owned() });
            self.add(key, name, changes);
        }
    }

    /// An administrator has named the group, so it is made if it is missing.
    fn join_default(&self, key: &NameKey, name: &str, changes: &mut Vec<Change>) {
        if !self.existing.contains_key(key) {
            changes.push(Change::CreateGroup { group: name.to_owned() });
        }
        self.add(key, name, changes);
    }

    fn add(&self, key: &NameKey, name: &str, changes: &mut Vec<Change>) {
        let group = self.existing.get(key).copied().unwrap_or(name).to_owned();
        changes.push(Change::AddMembership { group, source: self.source.clone() });
    }

    fn warn(self, warnings: &mut Vec<Warning>) {
        if !self.unknown.is_empty() {
            warnings.push(Warning::UnknownGroups(self.unknown));
        }
        if !self.ids.is_empty() {
            warnings.push(Warning::GroupIds(self.ids));
        }
        if self.waiting > 0 {
            warnings.push(Warning::ManyNewGroups(self.policy.max_new_groups, self.waiting));
        }
    }
}
