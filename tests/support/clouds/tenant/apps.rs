//! Applications and who is assigned to them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Member, Plan};
use crate::support::clouds::chance::Chance;

pub struct App {
    pub no: u32,
    pub name: &'static str,
    /// What assignments can give; without any, they give nothing in particular.
    pub roles: Vec<&'static str>,
    pub users: BTreeSet<u32>,
    pub groups: BTreeSet<u32>,
    /// Who has another role than the first.
    pub others: BTreeMap<Member, u32>,
}

impl App {
    /// The role that an assignment gives, by its place.
    pub fn role_of(&self, member: Member) -> Option<u32> {
        let other = self.others.get(&member).copied().unwrap_or_default();
        (other < u32::try_from(self.roles.len()).unwrap_or_default()).then_some(other)
    }
}

/// One that a tenth of all people and two groups are assigned to, and one that nobody is.
pub fn generate(plan: &Plan) -> Vec<App> {
    let mut chance = Chance::of(plan.seed, 77);
    let users = (0..plan.users / 10).map(|_| chance.below(plan.users)).collect();
    let groups = [3, 8].into_iter().filter(|no| *no < plan.groups).collect();
    let unused = BTreeSet::new;
    let app = |no, name, roles, users, groups| {
        let others = BTreeMap::new();
        App { no, name, roles, users, groups, others }
    };
    vec![
        app(0, "Jira", vec!["Jira.User", "Jira.Admin"], users, groups),
        app(1, "Unused", Vec::new(), unused(), unused()),
    ]
}
