//! One organisation as a cloud knows it: people, groups and what became of them. Everything follows from a [`Plan`]; only what
//! was changed is remembered, so that a million people cost nothing until somebody asks for them.

pub mod apps;
pub mod change;
pub mod groups;
pub mod names;
pub mod people;
pub mod units;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{ids::Ids, time::Moment};
pub use apps::App;
pub use change::{Event, Mutation, Of, What};
pub use groups::{Group, GroupKind, Member};
pub use people::{Kind, Status, User};
pub use units::Unit;

/// Which vendor's organisation it is: a few attributes are possible with one of them only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    Graph,
    Okta,
    Google,
}

/// What a tenant is made from. The same plan makes the same tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    pub seed: u64,
    pub users: u32,
    pub groups: u32,
    /// On average; the first groups have sizes of their own.
    pub members_per_group: u32,
    pub domain: String,
}

impl Default for Plan {
    fn default() -> Self {
        let domain = "example.com".to_owned();
        Self { seed: 1, users: 200, groups: 40, members_per_group: 12, domain }
    }
}

pub struct Tenant {
    pub vendor: Vendor,
    pub plan: Plan,
    pub ids: Ids,
    /// When it was made: what was generated is older.
    pub since: Moment,
    pub groups: Vec<Group>,
    pub units: Vec<Unit>,
    pub apps: Vec<App>,
    /// What happened since, in order; the number of an event is its place, from 1.
    pub history: Vec<Event>,
    /// Every delta token of an older generation is gone.
    pub generation: u32,
    /// How many users there ever were.
    pub users: u32,
    /// Users that are not as they were generated.
    changed: BTreeMap<u32, User>,
}

impl Tenant {
    pub fn new(vendor: Vendor, plan: Plan, now: Moment) -> Self {
        let since = now - TimeDelta::days(1);
        let ids = Ids { seed: plan.seed ^ (vendor as u64) << 32 };
        Self {
            vendor,
            ids,
            since,
            groups: groups::generate(vendor, &plan, since),
            units: units::generate(),
            apps: apps::generate(&plan),
            history: Vec::new(),
            generation: 0,
            users: plan.users,
            changed: BTreeMap::new(),
            plan,
        }
    }

    /// A user as they are now, also one that was deleted; not one that was purged.
    pub fn any_user(&self, no: u32) -> Option<User> {
        let user = match self.changed.get(&no) {
            Some(user) => Some(user.clone()),
            None if no < self.plan.users => {
                Some(people::generate(self.vendor, &self.plan, no, self.since))
            }
            None => None,
        };
        user.filter(|user| !user.purged)
    }

    /// A user that is there.
    pub fn user(&self, no: u32) -> Option<User> {
        self.any_user(no).filter(|user| user.deleted.is_none())
    }

    /// Everybody from a number on, deleted or not.
    pub fn all_users(&self, from: u32) -> impl Iterator<Item = User> + '_ {
        (from..self.users).filter_map(|no| self.any_user(no))
    }

    /// A group as it is now, also one that was deleted; not one that was purged.
    pub fn any_group(&self, no: u32) -> Option<&Group> {
        self.groups.get(no as usize).filter(|group| !group.purged)
    }

    pub fn group(&self, no: u32) -> Option<&Group> {
        self.any_group(no).filter(|group| group.deleted.is_none())
    }

    /// The groups that are there.
    pub fn list_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.deleted.is_none() && !group.purged)
    }

    /// Who is in a group, without those that were deleted.
    pub fn members<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = Member> + 'a {
        group.members().filter(|member| match member {
            Member::User(no) => self.is_there(*no),
            Member::Group(no) => self.group(*no).is_some(),
            _ => true,
        })
    }

    /// Whether a user is there, without making them.
    pub fn is_there(&self, no: u32) -> bool {
        match self.changed.get(&no) {
            Some(user) => user.deleted.is_none() && !user.purged,
            None => no < self.plan.users,
        }
    }

    /// The groups that a member is in: directly, or through others as well. There may be circles.
    pub fn groups_of(&self, member: Member, nested: bool) -> Vec<u32> {
        let mut found: Vec<u32> = Vec::new();
        let mut asked = vec![member];
        while let Some(member) = asked.pop() {
            for group in self.list_groups().filter(|group| group.has(member)) {
                if !found.contains(&group.no) {
                    found.push(group.no);
                    if nested {
                        asked.push(Member::Group(group.no));
                    }
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Who is in a group, also through groups in it, and these groups. There may be circles.
    pub fn members_through(&self, group: &Group) -> Vec<Member> {
        let mut found = std::collections::BTreeSet::new();
        let mut asked = vec![group.no];
        while let Some(group) = asked.pop().and_then(|no| self.group(no)) {
            for member in self.members(group) {
                if found.insert(member)
                    && let Member::Group(no) = member
                {
                    asked.push(no);
                }
            }
        }
        found.remove(&Member::Group(group.no));
        found.into_iter().collect()
    }
}
