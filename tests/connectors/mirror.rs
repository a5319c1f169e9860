//! What is known of a cloud after some rounds: the plainest thing that understands what a source says.

use std::collections::{BTreeMap, BTreeSet};

use gatehouse::cloud::{
    Extent, Group, GroupKind, Item, Member, Members, Page, Round, Standing, User,
};

/// Values by name; only what has a value.
pub type Values = BTreeMap<String, Vec<String>>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirroredUser {
    pub standing: Standing,
    pub guest: Option<bool>,
    pub values: Values,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirroredGroup {
    pub name: Option<String>,
    pub kind: Option<GroupKind>,
    pub values: Values,
    /// Those who are there.
    pub members: BTreeSet<Member>,
}

/// Users and groups by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    pub users: BTreeMap<String, MirroredUser>,
    pub groups: BTreeMap<String, MirroredGroup>,
    /// Groups that a round which names all of them has not named yet.
    unnamed: BTreeSet<String>,
}

impl Mirror {
    pub fn new(
        users: BTreeMap<String, MirroredUser>,
        groups: BTreeMap<String, MirroredGroup>,
    ) -> Self {
        Self { users, groups, unnamed: BTreeSet::new() }
    }

    /// Before a round's first page.
    pub fn begin(&mut self, round: &Round) {
        if round.users == Extent::Everything {
            self.users.clear();
        }
        if round.members == Extent::Everything {
            self.groups.values_mut().for_each(|group| group.members.clear());
        }
        if round.groups == Extent::Everything {
            self.unnamed = self.groups.keys().cloned().collect();
        }
    }

    /// After a round's last page.
    pub fn end(&mut self) {
        for group in std::mem::take(&mut self.unnamed) {
            self.groups.remove(&group);
        }
    }

    pub fn learn(&mut self, page: &Page) {
        page.items.iter().for_each(|item| match item {
            Item::User(user) => self.user(user),
            Item::UserGone(id) => drop(self.users.remove(id)),
            Item::Group(group) => self.group(group),
            Item::GroupGone(id) => drop(self.groups.remove(id)),
            Item::Members(members) => self.members(members),
        });
    }

    fn user(&mut self, user: &User) {
        let before = self.users.remove(&user.id).filter(|_| !user.whole);
        let mut known = before.unwrap_or(MirroredUser {
            standing: Standing::Unsaid,
            guest: None,
            values: Values::new(),
        });
        if user.standing != Standing::Unsaid {
            known.standing = user.standing;
        }
        known.guest = user.guest.or(known.guest);
        merge(&mut known.values, &user.attributes);
        self.users.insert(user.id.clone(), known);
    }

    fn group(&mut self, group: &Group) {
        self.unnamed.remove(&group.id);
        let known = self.groups.entry(group.id.clone()).or_default();
        if group.whole {
            known.values.clear();
        }
        known.name = group.name.clone().or(known.name.take());
        known.kind = group.kind.or(known.kind);
        merge(&mut known.values, &group.attributes);
    }

    fn members(&mut self, members: &Members) {
        let Some(group) = self.groups.get_mut(&members.group) else { return };
        if members.afresh {
            group.members.clear();
        }
        group.members.extend(members.joined.iter().cloned());
        let has_left = |id: &String| members.left.contains(id);
        group.members.retain(|member| match member {
            Member::User(id) | Member::Group(id) => !has_left(id),
            Member::Everybody => true,
        });
    }

    /// As it is seen: a member who is not there does not count.
    pub fn view(&self) -> Self {
        let mut view = self.clone();
        for group in view.groups.values_mut() {
            group.members.retain(|member| match member {
                Member::User(id) => self.users.contains_key(id),
                Member::Group(id) => self.groups.contains_key(id),
                Member::Everybody => true,
            });
        }
        view
    }
}

fn merge(values: &mut Values, said: &gatehouse::cloud::Attributes) {
    for (name, said) in said {
        match said {
            Some(said) => drop(values.insert(name.clone(), said.clone())),
            None => drop(values.remove(name)),
        }
    }
}
