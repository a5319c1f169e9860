//! `[connector.guard]`: how much a run may take away by itself, and from whom nothing.

use serde::Deserialize;

use super::Problems;

/// How much a run may take away without an administrator's word: the larger of a count and of so many of a hundred.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct GuardConfig {
    /// So many accounts. Default: 10.
    pub users: u32,
    /// Or so many of a hundred. Default: 5.
    pub users_percent: u32,
    /// So many groups. Default: 10.
    pub groups: u32,
    /// Or so many of a hundred. Default: 5.
    pub groups_percent: u32,
    /// So many memberships. Default: 10.
    pub memberships: u32,
    /// Or so many of a hundred. Default: 5.
    pub memberships_percent: u32,
    /// Of a group with more members than this. Default: 20.
    pub group_size: u32,
    /// So many of a hundred. Default: 50.
    pub group_percent: u32,
    /// What runs have taken away by themselves within so many hours counts as well. Default: 24.
    pub hours: u32,
    /// Usernames of accounts that no run ends by itself, however few it would be.
    pub protected_users: Vec<String>,
    /// Groups that no run takes anybody out of by itself, and whose members it does not end.
    pub protected_groups: Vec<String>,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            users: 10,
            users_percent: 5,
            groups: 10,
            groups_percent: 5,
            memberships: 10,
            memberships_percent: 5,
            group_size: 20,
            group_percent: 50,
            hours: 24,
            protected_users: Vec::new(),
            protected_groups: Vec::new(),
        }
    }
}

impl GuardConfig {
    /// Whom and what a run leaves alone, as a text; nothing if that is nobody.
    pub(super) fn rules(&self) -> String {
        let Self { protected_users, protected_groups, .. } = self;
        if protected_users.is_empty() && protected_groups.is_empty() {
            return String::new();
        }
        format!(" protects {protected_users:?} {protected_groups:?}")
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        for (name, percent) in [
            ("users_percent", self.users_percent),
            ("groups_percent", self.groups_percent),
            ("memberships_percent", self.memberships_percent),
            ("group_percent", self.group_percent),
        ] {
            if percent > 100 {
                problems.add(format!("{key}.{name}"), "must be between 0 and 100");
            }
        }
        if !(1..=7 * 24).contains(&self.hours) {
            problems.add(format!("{key}.hours"), format!("must be between 1 and {}", 7 * 24));
        }
        for (name, names) in [
            ("protected_users", &self.protected_users),
            ("protected_groups", &self.protected_groups),
        ] {
            if names.iter().any(|name| name.is_empty() || name.contains('*')) {
                problems.add(format!("{key}.{name}"), "must be names, each in full");
            }
        }
    }
}
