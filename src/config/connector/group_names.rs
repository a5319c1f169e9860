//! What groups are called here: `[connector.groups]` changes all names in the same way.

use serde::Deserialize;

use super::ConnectorGroupsConfig;
use crate::config::{Claim, LetterCase, Otherwise, TransformConfig};

/// What becomes of the name of a group that is called otherwise in the cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupRename {
    /// It is renamed here too.
    #[default]
    Follow,
    /// It keeps the name that it has here: permissions refer to names.
    Keep,
}

/// A name, and what has to become of it: `check` tries it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupNameExample {
    /// What the cloud calls a group.
    pub name: String,
    /// What it has to be called here. Default: it has to be left out.
    pub becomes: Option<String>,
}

impl ConnectorGroupsConfig {
    /// Changes of names, which come after those of `[connector.claims]`. Nothing is taken away from a name that is no
    /// longer than it.
    pub(super) fn transforms(&self) -> Vec<TransformConfig> {
        let quoted = |text: &String| regex::escape(text);
        let strip = |pattern: String| change(pattern, "$1".to_owned(), LetterCase::Keep);
        let prefix =
            self.prefix_strip.as_ref().map(|it| strip(format!("(?is)^{}(.+)$", quoted(it))));
        let suffix =
            self.suffix_strip.as_ref().map(|it| strip(format!("(?is)^(.+){}$", quoted(it))));
        let all = || "(?s)^(.*)$".to_owned();
        let lower = self.lowercase.then(|| change(all(), "$1".to_owned(), LetterCase::Lower));
        let add = self
            .prefix_add
            .as_ref()
            .map(|prefix| change(all(), prefix.replace('$', "$$") + "${1}", LetterCase::Keep));
        [prefix, suffix, lower, add].into_iter().flatten().collect()
    }
}

fn change(pattern: String, replace: String, case: LetterCase) -> TransformConfig {
    TransformConfig { claim: Claim::Groups, pattern, replace, case, otherwise: Otherwise::Raw }
}
