//! A run in numbers.

use serde::{Deserialize, Serialize};

use crate::sync::{Deactivated, RunReport};

/// What came of a run, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunNumbers {
    /// Users whom it looked at.
    pub users_seen: u64,
    /// Accounts that were made.
    pub users_added: u64,
    /// Accounts that show something else, those that come back and those with another name among them.
    pub users_updated: u64,
    /// Accounts that got another name.
    pub users_renamed: u64,
    /// Accounts that may be used again.
    pub users_reactivated: u64,
    /// Accounts that ended, and why.
    pub users_deactivated: Deactivated,
    /// Accounts that are gone.
    pub users_removed: u64,
    /// Accounts that somebody else had changed meanwhile, and of whom it was not said whether they may work.
    pub users_skipped: u64,
    /// Users and groups that cannot be as the cloud has them.
    pub conflicts: u64,
    /// Groups that were made.
    pub groups_added: u64,
    /// Groups that got another name.
    pub groups_renamed: u64,
    /// Groups that the cloud has not any more: they stay, without the members that it gave.
    pub groups_gone: u64,
    /// Memberships that began.
    pub memberships_begun: u64,
    /// Memberships that ended.
    pub memberships_ended: u64,
    /// Answers of the cloud.
    pub pages: u64,
    /// Requests, each try counted.
    pub requests: u64,
    /// Requests that repeated one that had failed.
    pub retries: u64,
    /// Bytes of answers, unpacked.
    pub bytes: u64,
    /// So long it was waited because the cloud wanted it, or because it failed.
    pub throttled_seconds: f64,
    /// Phase by phase.
    pub seconds: RunSeconds,
}

/// How long a run took, phase by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunSeconds {
    /// Asking the cloud.
    pub reading: f64,
    /// Writing down what it has said.
    pub folding: f64,
    /// Judging, and comparing with the directory.
    pub comparing: f64,
    /// Applying.
    pub applying: f64,
}

impl RunNumbers {
    /// Those of a report.
    #[must_use]
    pub fn of(report: &RunReport) -> Self {
        let directory = report.directory.clone().unwrap_or_default();
        let (list, size) = (&directory.list, directory.list.size);
        let named = report.nameless.len() + directory.conflicts.len();
        let [reading, folding, aligning] = report.seconds;
        let applying = list.seconds[2].min(aligning);
        Self {
            users_seen: report.users.seen,
            users_added: size.created,
            users_updated: size.updated,
            users_renamed: directory.renamed,
            users_reactivated: directory.reactivated,
            users_deactivated: directory.deactivated,
            users_removed: size.removed,
            users_skipped: list.skipped + report.users.unsaid,
            conflicts: named as u64 + report.more_nameless + directory.more_conflicts,
            groups_added: size.groups,
            groups_renamed: size.groups_renamed,
            groups_gone: directory.groups_gone,
            memberships_begun: size.joined,
            memberships_ended: size.left,
            pages: report.pages,
            requests: report.usage.calls,
            retries: report.usage.retries,
            bytes: report.usage.bytes,
            throttled_seconds: std::time::Duration::from_millis(report.usage.waited_ms)
                .as_secs_f64(),
            seconds: RunSeconds { reading, folding, comparing: aligning - applying, applying },
        }
    }
}
