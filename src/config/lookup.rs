//! `[saml.lookup]`.

use serde::Deserialize;

use super::Problems;

/// What a connector's cloud is asked of each person who signs in, since the assertion cannot say it. The subject of the
/// assertion (`claims.subject`) must be the cloud's id of the person, such as Entra's object identifier.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupConfig {
    /// The `[[connector]]` that is asked.
    pub connector: String,
    /// When it is asked for the groups: `overage`, where the assertion has too many to say them; `always`, so that no
    /// groups need be sent at all; `never`. Default: overage.
    #[serde(default)]
    pub groups: LookupGroups,
    /// Whether it is asked if the person may work: who is disabled in the cloud does not come in then. Default: false.
    #[serde(default)]
    pub account: bool,
    /// What happens if it does not answer within `wait_seconds`: `keep` lets people in with the groups that they have,
    /// `refuse` lets nobody in. Default: keep.
    #[serde(default)]
    pub otherwise: LookupOtherwise,
    /// How long a login waits for it. Default: 3.
    #[serde(default = "three")]
    pub wait_seconds: u32,
    /// How long an answer is believed. Default: 300.
    #[serde(default = "five_minutes")]
    pub remember_seconds: u32,
}

/// When a cloud is asked for groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupGroups {
    /// When there are too many for the assertion.
    #[default]
    Overage,
    /// At every login.
    Always,
    /// Never.
    Never,
}

/// What happens if the cloud does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupOtherwise {
    /// People keep what they have.
    #[default]
    Keep,
    /// Nobody comes in.
    Refuse,
}

impl LookupConfig {
    pub(super) fn check(&self, key: &str, subjects: &[String], problems: &mut Problems) {
        if subjects.is_empty() {
            let problem = "asks the cloud by the subject: name the attribute with the cloud's id in claims.subject";
            problems.add(key, problem);
        }
        if self.groups == LookupGroups::Never && !self.account {
            problems.add(key, "asks for nothing: say groups, or account = true");
        }
        if !(1..=30).contains(&self.wait_seconds) {
            problems.add(format!("{key}.wait_seconds"), "must be between 1 and 30");
        }
        if self.remember_seconds > 3600 {
            problems.add(format!("{key}.remember_seconds"), "must be at most 3600");
        }
    }
}

fn three() -> u32 {
    3
}

fn five_minutes() -> u32 {
    300
}
