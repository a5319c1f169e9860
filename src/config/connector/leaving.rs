//! `[connector.leaving]`: what becomes of whom and what the cloud has not any more.

use serde::Deserialize;

use super::Problems;

/// Longer than anybody waits.
const MOST_DAYS: u32 = 3650;

/// What becomes of whom and what the cloud has not any more.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct LeavingConfig {
    /// Who is missing at the cloud: `deactivate` them, `remove` them when they have been inactive for `grace_days`, or `keep`
    /// them as they are. Default: deactivate.
    pub users: Leaving,
    /// The same for whom filters keep out. Default: deactivate.
    pub out_of_scope: Leaving,
    /// Groups that are gone there lose their members: `keep` them empty, or `remove` them when they have been gone for
    /// `grace_days` and nobody else is in them. Default: keep.
    pub groups: LeavingGroups,
    /// How long what has gone can come back before it is removed. Default: 30.
    pub grace_days: u32,
}

/// What becomes of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// The account becomes inactive, and stays.
    #[default]
    Deactivate,
    /// It becomes inactive, and goes after a while.
    Remove,
    /// It may be used as before.
    Keep,
}

/// What becomes of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeavingGroups {
    /// It stays, empty.
    #[default]
    Keep,
    /// It goes after a while.
    Remove,
}

impl Default for LeavingConfig {
    fn default() -> Self {
        Self {
            users: Leaving::Deactivate,
            out_of_scope: Leaving::Deactivate,
            groups: LeavingGroups::Keep,
            grace_days: 30,
        }
    }
}

impl LeavingConfig {
    /// What of it is seen as soon as a run makes the directory of what the cloud says, as a text; nothing if that is as
    /// usual.
    pub(super) fn rules(&self) -> String {
        let keeps = [(" keeps who is missing", self.users), (" keeps others", self.out_of_scope)];
        let keeps = keeps.into_iter().filter(|(_, leaving)| *leaving == Leaving::Keep);
        keeps.map(|(rule, _)| rule).collect()
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        if !(1..=MOST_DAYS).contains(&self.grace_days) {
            let problem = format!("must be between 1 and {MOST_DAYS}");
            problems.add(format!("{key}.grace_days"), problem);
        }
    }
}
