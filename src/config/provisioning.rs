//! The `[provisioning]` table.

use serde::Deserialize;

use super::Problems;

/// What a login may do to the directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct ProvisioningConfig {
    /// The directory that logins make accounts in. Default: Internal.
    pub directory: String,
    /// Whether people who have no account get one. Default: true.
    pub create_users: bool,
    /// Whether names and addresses follow what logins say. Default: true.
    pub update_users: bool,
    /// Whether a login brings back an account that was inactive for want of use. Default: true.
    pub reactivate_users: bool,
    /// Whether groups that a login names and nobody has made yet are made. Default: false.
    pub create_groups: bool,
    /// The groups that a login adds people to and removes them from; `jira-*` stands for every
    /// group that begins so. Default: none.
    pub managed_groups: Vec<String>,
    /// Never touched by a login, unless `managed_groups` names them in full.
    pub protected_groups: Vec<String>,
}

impl Default for ProvisioningConfig {
    fn default() -> Self {
        let protected = [
            "jira-administrators",
            "jira-system-administrators",
            "confluence-administrators",
            "stash-admin",
            "bitbucket-admin",
            "bamboo-admin",
            "fisheye-administrators",
        ];
        Self {
            directory: default_directory(),
            create_users: true,
            update_users: true,
            reactivate_users: true,
            create_groups: false,
            managed_groups: Vec::new(),
            protected_groups: protected.map(str::to_owned).to_vec(),
        }
    }
}

impl ProvisioningConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        for pattern in &self.managed_groups {
            let stars = pattern.matches('*').count();
            if pattern.is_empty() || stars > 1 || (stars == 1 && !pattern.ends_with('*')) {
                let problem =
                    format!("{pattern:?} must be a name, or the beginning of names and a *");
                problems.add("provisioning.managed_groups", problem);
            }
        }
    }
}

pub(super) fn default_directory() -> String {
    "Internal".to_owned()
}
