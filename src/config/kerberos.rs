//! The `[kerberos]` table.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Deserialize;

use super::{Claim, Problems, TransformConfig};

/// Logins by Kerberos ticket.
#[derive(Clone, Debug, Deserialize)]
pub struct KerberosConfig {
    /// The keys of `HTTP/<login host>`.
    pub keytab: PathBuf,

    /// Whose tickets are accepted.
    #[serde(default)]
    pub realm: Vec<RealmConfig>,

    /// How many tickets are checked at a time. Default: 2.
    #[serde(default = "default_threads")]
    pub threads: usize,
}

/// A realm whose users may log in.
#[derive(Clone, Debug, Deserialize)]
pub struct RealmConfig {
    /// The realm, in the case that tickets have it.
    pub name: String,
    /// The domain that it speaks for.
    pub domain: Option<String>,
    /// The directory that its logins make accounts in. Default: `provisioning.directory`.
    pub directory: Option<String>,
    /// Groups that everybody is in who logs in by it; made if they are missing. Default: none.
    #[serde(default)]
    pub default_groups: Vec<String>,
    /// What of the principal is the username. Default: name.
    #[serde(default)]
    pub username: PrincipalPart,
    /// Changes to the username, in this order.
    #[serde(default)]
    pub transform: Vec<TransformConfig>,
}

/// How much of a principal is the username.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalPart {
    /// `alice`.
    #[default]
    Name,
    /// `alice@EXAMPLE.COM`.
    Principal,
}

impl KerberosConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.realm.is_empty() {
            problems
                .add("kerberos.realm", "name at least one realm: no other's tickets are accepted");
        }
        if !(1..=64).contains(&self.threads) {
            problems.add("kerberos.threads", "must be between 1 and 64");
        }
        for (index, realm) in self.realm.iter().enumerate() {
            if realm.transform.iter().any(|transform| transform.claim != Claim::Username) {
                let problem = "a ticket says nothing but the username";
                problems.add(format!("kerberos.realm[{index}].transform"), problem);
            }
        }
        let mut seen = BTreeSet::new();
        for (index, realm) in self.realm.iter().enumerate() {
            if realm.name.is_empty() || !seen.insert(&realm.name) {
                let problem = "must be there, and only once";
                problems.add(format!("kerberos.realm[{index}].name"), problem);
            }
        }
    }
}

fn default_threads() -> usize {
    2
}
