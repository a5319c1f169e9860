//! Applications and who is assigned to them.

use std::collections::BTreeSet;

use super::Plan;
use crate::support::clouds::chance::Chance;

pub struct App {
    pub no: u32,
    pub name: &'static str,
    pub users: BTreeSet<u32>,
    pub groups: BTreeSet<u32>,
}

/// One that a tenth of all people and two groups are assigned to, and one that nobody is.
pub fn generate(plan: &Plan) -> Vec<App> {
    let mut chance = Chance::of(plan.seed, 77);
    let users = (0..plan.users / 10).map(|_| chance.below(plan.users)).collect();
    let groups = [3, 8].into_iter().filter(|no| *no < plan.groups).collect();
    vec![
        App { no: 0, name: "Jira", users, groups },
        App { no: 1, name: "Unused", users: BTreeSet::new(), groups: BTreeSet::new() },
    ]
}
