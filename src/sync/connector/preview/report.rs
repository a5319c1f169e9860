//! What a preview says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::sync::{
    MOST_EXAMPLES,
    connector::rows::{Nameless, UserCounts},
};

/// What would be made of the mirror. Lists are examples, of so many as the numbers beside them say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preview {
    /// What it is made of.
    pub mirror: MirrorPreview,
    /// Whether nothing has come true under these filters and this mapping yet, so that the next run is a dry run.
    pub is_new: bool,
    /// Who comes.
    pub users: UsersPreview,
    /// Which groups are shown.
    pub groups: GroupsPreview,
    /// What people are called.
    pub names: NamesPreview,
    /// What of that is otherwise than the directory has it.
    pub changes: ChangesPreview,
    /// Why a run would change nothing, if that is so.
    pub problem: Option<String>,
}

/// What is known of the cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MirrorPreview {
    /// When the last run began that has read it.
    pub read_at: Option<DateTime<Utc>>,
    /// Whether another cloud, or another part of it, is to be read: only a run can tell what is there.
    pub is_other_cloud: bool,
}

/// Who comes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsersPreview {
    /// In numbers.
    pub counts: UserCounts,
    /// Each filter by itself, of those whom the cloud lets work.
    pub filters: Vec<FilterPreview>,
    /// Some of those who come.
    pub come: Vec<String>,
    /// Some of those whom filters keep out.
    pub out_of_scope: Vec<String>,
    /// Some of those whom the cloud has disabled.
    pub disabled: Vec<String>,
}

/// What one filter does by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilterPreview {
    /// Which.
    pub filter: String,
    /// How many it lets by.
    pub keeps: u64,
    /// How many it does not.
    pub drops: u64,
    /// Some of the former.
    pub kept: Vec<String>,
    /// Some of the latter.
    pub dropped: Vec<String>,
}

/// Which groups are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupsPreview {
    /// How many the cloud has.
    pub known: u64,
    /// How many of them the directory shows.
    pub shown: u64,
    /// How many it would show, if somebody who comes were in them.
    pub without_members: u64,
    /// Each filter by itself.
    pub filters: Vec<FilterPreview>,
    /// Those that are shown, the largest first; no more than a thousand.
    pub groups: Vec<GroupPreview>,
    /// Some of those that filters hide.
    pub hidden: Vec<String>,
    /// Groups that have no name, or want one that another has.
    pub conflicts: Vec<Nameless>,
}

/// A group that is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupPreview {
    /// The cloud's id.
    pub external_id: String,
    /// What the cloud calls it.
    pub said: String,
    /// What it is called here.
    pub name: String,
    /// How many of those who come are in it, by way of other groups too if those count.
    pub members: u64,
}

/// What people are called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamesPreview {
    /// The first of those who come, with where each part comes from.
    pub first: Vec<UserPreview>,
    /// How many get another name than their first source gives, since others have or want that.
    pub fallbacks: u64,
    /// Some of them: the name that they do not get, and the one that they get.
    pub fallen_back: Vec<[String; 2]>,
    /// How many get none.
    pub without: u64,
    /// Some of them, and what is in the way.
    pub conflicts: Vec<Nameless>,
}

/// Somebody, by parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserPreview {
    /// The cloud's id.
    pub external_id: String,
    /// What they are called.
    pub username: String,
    /// What their account shows.
    pub parts: Vec<PartPreview>,
}

/// A part of what an account shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartPreview {
    /// Which.
    pub claim: String,
    /// What it says.
    pub value: String,
    /// What of the cloud it comes from.
    pub source: String,
}

/// What would be otherwise than the directory has it. What others have in the way, only a dry run finds out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangesPreview {
    /// New accounts.
    pub new: u64,
    /// Accounts that may be used again.
    pub back: u64,
    /// Accounts that get another name.
    pub renamed: u64,
    /// Some of them: the old name and the new one.
    pub renames: Vec<[String; 2]>,
    /// Accounts that can be used now, and whose people filters would keep out.
    pub put_out_of_scope: u64,
    /// Some of them.
    pub out_of_scope: Vec<String>,
    /// Groups that get another name.
    pub groups_renamed: u64,
    /// Some of them: the old name and the new one.
    pub group_renames: Vec<[String; 2]>,
}

/// Counts one more, and keeps it if there are few examples yet.
pub(super) fn note<T>(count: &mut u64, examples: &mut Vec<T>, example: impl FnOnce() -> T) {
    *count += 1;
    if examples.len() < MOST_EXAMPLES {
        examples.push(example());
    }
}
