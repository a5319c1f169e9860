//! Which groups a login may touch.

use crate::directory::NameKey;

/// The groups whose memberships follow what logins say. All others are none of a login's business.
#[derive(Clone, Debug, Default)]
pub struct ManagedGroups {
    exact: Vec<NameKey>,
    prefixes: Vec<NameKey>,
    protected: Vec<NameKey>,
}

impl ManagedGroups {
    /// From names, where `jira-*` stands for every group that begins so. A protected group is
    /// managed only if `managed` names it in full.
    #[must_use]
    pub fn new(managed: &[String], protected: &[String]) -> Self {
        let (prefixes, exact): (Vec<_>, Vec<_>) =
            managed.iter().partition(|pattern| pattern.ends_with('*'));
        Self {
            exact: exact.into_iter().map(|name| NameKey::of(name)).collect(),
            prefixes: prefixes
                .into_iter()
                .map(|pattern| NameKey::of(pattern.trim_end_matches('*')))
                .collect(),
            protected: protected.iter().map(|name| NameKey::of(name)).collect(),
        }
    }

    /// Those that a login must not touch unless they are named in full.
    #[must_use]
    pub fn protected(&self) -> &[NameKey] {
        &self.protected
    }

    /// Whether it is one of those that a login must not touch unless it is named in full.
    #[must_use]
    pub fn is_protected(&self, group: &NameKey) -> bool {
        self.protected.contains(group)
    }

    /// Whether it is named in full, and not only by its beginning: an administrator has meant this one.
    #[must_use]
    pub fn names_in_full(&self, group: &NameKey) -> bool {
        self.exact.contains(group)
    }

    /// Whether a login may make somebody a member of the group, or end it.
    #[must_use]
    pub fn contains(&self, group: &NameKey) -> bool {
        let by_prefix =
            || self.prefixes.iter().any(|prefix| group.as_str().starts_with(prefix.as_str()));
        self.exact.contains(group) || (!self.protected.contains(group) && by_prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protected_group_is_managed_only_by_its_full_name() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let protected = names(&["Jira-Administrators", "stash-admin"]);
        let groups = ManagedGroups::new(&names(&["jira-*", "stash-admin"]), &protected);

        let managed = |name: &str| groups.contains(&NameKey::of(name));
        assert!(managed("JIRA-users"));
        assert!(managed("stash-admin"));
        assert!(!managed("jira-administrators"));
        assert!(!managed("wiki-users"));
    }
}
