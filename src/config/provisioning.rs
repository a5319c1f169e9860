//! The `[provisioning]` table.

use serde::Deserialize;

use super::{Claim, Problems};

/// What a login may do to the directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
pub struct ProvisioningConfig {
    /// The directory that logins make accounts in. Default: Internal.
    pub directory: String,
    /// Whether people who have no account get one. Default: true.
    pub create_users: bool,
    /// Whether only people get an account who would be in one of `managed_groups`. Default: false.
    pub create_only_with_groups: bool,
    /// What a login has to say of people who get an account: `email`, `display_name`, `first_name`,
    /// `last_name`, `attributes.NAME`. Default: nothing but the username.
    pub required: Vec<Claim>,
    /// Whether a newcomer gets an account that is there already and that nobody has logged in to, such as
    /// an imported one: `never`; `email`, if it has their username and their address, in a domain of the
    /// issuer; `username`, if it has their username and no address in another domain. Members of protected
    /// groups are never linked. Default: email.
    pub link_existing: LinkExisting,
    /// So many accounts of the directory may be used at a time, for licences' sake: newcomers beyond are
    /// refused, and nobody else is touched. Default: any number.
    pub max_active_users: Option<u32>,
    /// Whether names and addresses follow what logins say. Default: true.
    pub update_users: bool,
    /// Whether a login brings back an account that was inactive for want of use. Default: true.
    pub reactivate_users: bool,
    /// Whether groups that a login names and nobody has made yet are made. Default: false.
    pub create_groups: bool,
    /// How many groups one login may make; the others wait for the next one. Default: 20.
    pub max_new_groups: usize,
    /// What becomes of memberships when a login should name groups and does not: `keep` or `revoke`.
    /// Default: keep, with a warning in the log.
    pub without_group_claim: WithoutGroupClaim,
    /// The groups that a login adds people to and removes them from; `jira-*` stands for every
    /// group that begins so. Default: none.
    pub managed_groups: Vec<String>,
    /// An account whose person has not logged in for so many days, and has no session, is deactivated; a
    /// login brings it back. Default: never.
    pub idle_days: Option<u32>,
    /// Members of these groups are never deactivated for want of use.
    pub idle_exempt_groups: Vec<String>,
    /// What an issuer gave ends when it has not spoken for the person for so many days. Default: never.
    pub issuer_silence_days: Option<u32>,
    /// Whether what issuers gave ends that are not in the configuration any more. Default: false.
    pub retire_removed_issuers: bool,
    /// Never touched by a login, unless `managed_groups` names them in full.
    pub protected_groups: Vec<String>,
}

/// When a newcomer's account may be one that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkExisting {
    /// Never.
    Never,
    /// If username and address are the same.
    #[default]
    Email,
    /// If the username is.
    Username,
}

/// What becomes of memberships when nothing is said of groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutGroupClaim {
    /// They stay.
    #[default]
    Keep,
    /// What the issuer gave before ends.
    Revoke,
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
            create_only_with_groups: false,
            required: Vec::new(),
            link_existing: LinkExisting::default(),
            max_active_users: None,
            update_users: true,
            reactivate_users: true,
            create_groups: false,
            max_new_groups: 20,
            without_group_claim: WithoutGroupClaim::default(),
            managed_groups: Vec::new(),
            idle_days: None,
            idle_exempt_groups: Vec::new(),
            issuer_silence_days: None,
            retire_removed_issuers: false,
            protected_groups: protected.map(str::to_owned).to_vec(),
        }
    }
}

impl ProvisioningConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        for (key, days) in
            [("idle_days", self.idle_days), ("issuer_silence_days", self.issuer_silence_days)]
        {
            if days.is_some_and(|days| days < 7) {
                problems
                    .add(format!("provisioning.{key}"), "must be at least 7: people have holidays");
            }
        }
        if self.required.contains(&Claim::Groups) {
            let problem = "groups cannot be required here: say create_only_with_groups";
            problems.add("provisioning.required", problem);
        }
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
