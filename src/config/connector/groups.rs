//! `[connector.groups]`: which groups are shown.

use serde::Deserialize;

use super::{GroupNameExample, GroupRename, Problems};

/// Which of the cloud's groups the directory shows, and what they are called here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConnectorGroupsConfig {
    /// `all` that somebody who comes is in, those that are `named`, or `none`. Default: all, or those that are named if
    /// any are.
    pub show: Option<ShownGroups>,
    /// Names, `jira-*` for all whose names begin so, `re:` and a regular expression for all of a name, or `id:` and the
    /// cloud's id.
    pub names: Vec<String>,
    /// Never these, written in the same way.
    pub hide: Vec<String>,
    /// Only groups of these sorts: `security`, `microsoft365`, `distribution`, `dynamic` (whose members follow from a rule,
    /// whichever of these it is else), `okta`, `app`, `built_in`, `google`. Default: all.
    pub kinds: Vec<String>,
    /// What becomes of a group whose name another one has: `conflict` leaves it out and says so, `suffix` adds the
    /// beginning of its id. Default: conflict.
    pub same_name: SameName,
    /// What becomes of a group's name when the cloud calls it otherwise: `follow` renames it here, `keep` keeps the name that
    /// it has here. Default: follow.
    pub rename: GroupRename,
    /// What is taken away from the beginning of names, in whichever case. Default: nothing.
    pub prefix_strip: Option<String>,
    /// What is taken away from their end, in whichever case. Default: nothing.
    pub suffix_strip: Option<String>,
    /// Whether they are written in small letters. Default: false.
    pub lowercase: bool,
    /// What is put before them, at last. Default: nothing.
    pub prefix_add: Option<String>,
    /// Names, and what has to become of them: `check` tries them.
    pub example: Vec<GroupNameExample>,
}

/// Which groups are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShownGroups {
    /// All that somebody who comes is in.
    All,
    /// Those that are named.
    Named,
    /// None.
    None,
}

/// What becomes of a group whose name another one has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameName {
    /// It is left out, and that is said.
    #[default]
    Conflict,
    /// The beginning of its id is added.
    Suffix,
}

/// The words for sorts of groups.
const KINDS: [&str; 8] =
    ["security", "microsoft365", "distribution", "dynamic", "okta", "app", "built_in", "google"];

impl ConnectorGroupsConfig {
    /// Which groups are shown, said or not.
    #[must_use]
    pub fn shown(&self) -> ShownGroups {
        let unsaid = if self.names.is_empty() { ShownGroups::All } else { ShownGroups::Named };
        self.show.unwrap_or(unsaid)
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        super::check_group_names(&format!("{key}.names"), &self.names, problems);
        super::check_group_names(&format!("{key}.hide"), &self.hide, problems);
        if self.names.is_empty() != (self.shown() != ShownGroups::Named) {
            problems
                .add(format!("{key}.names"), "goes with show = \"named\", and with nothing else");
        }
        for kind in self.kinds.iter().filter(|kind| !KINDS.contains(&kind.as_str())) {
            let problem = format!("{kind:?} is no sort of groups: say {}", KINDS.join(", "));
            problems.add(format!("{key}.kinds"), problem);
        }
    }
}
