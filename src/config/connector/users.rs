//! `[connector.users]`: who comes.

use serde::Deserialize;

use super::{Problems, whole_pattern};

/// Who comes. What is not said does not keep anybody out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ConnectorUsersConfig {
    /// Only members of one of these groups: names, `jira-*` for all whose names begin so, `re:` and a regular expression for
    /// all of a name, or `id:` and the cloud's id. Default: everybody.
    pub members_of: Vec<String>,
    /// Nobody who is a member of one of these groups.
    pub not_members_of: Vec<String>,
    /// Whether who is in a group of a group counts as a member of both, here and in `[connector.groups]`. Default: true.
    pub nested: bool,
    /// `all`, `members` of the organisation, or `guests` from others. Default: all.
    pub kind: UserKind,
    /// Only who fulfils all of these conditions.
    #[serde(rename = "where")]
    pub conditions: Vec<AttributeCondition>,
    /// Nobody with one of these ids, as the cloud says them, whatever else is said.
    pub exclude: Vec<String>,
}

/// Which sort of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// Everybody.
    #[default]
    All,
    /// Who belongs to the organisation.
    Members,
    /// Who belongs to another one.
    Guests,
}

/// What an attribute has to say: one of the following.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AttributeCondition {
    /// The attribute, as the cloud calls it.
    pub attribute: String,
    /// One of its values has to be one of these, in whichever case.
    #[serde(default)]
    pub is: Vec<String>,
    /// None of its values may be one of these, in whichever case.
    #[serde(default)]
    pub is_not: Vec<String>,
    /// A regular expression that all of one of its values has to match, in whichever case.
    pub matches: Option<String>,
    /// One of its values has to be this organisational unit, such as `/Sales`, or one below it.
    pub under: Option<String>,
}

impl Default for ConnectorUsersConfig {
    fn default() -> Self {
        Self {
            members_of: Vec::new(),
            not_members_of: Vec::new(),
            nested: true,
            kind: UserKind::All,
            conditions: Vec::new(),
            exclude: Vec::new(),
        }
    }
}

impl ConnectorUsersConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        super::check_group_names(&format!("{key}.members_of"), &self.members_of, problems);
        super::check_group_names(&format!("{key}.not_members_of"), &self.not_members_of, problems);
        for (index, condition) in self.conditions.iter().enumerate() {
            condition.check(&format!("{key}.where[{index}]"), problems);
        }
    }
}

impl AttributeCondition {
    fn check(&self, key: &str, problems: &mut Problems) {
        let said = [
            !self.is.is_empty(),
            !self.is_not.is_empty(),
            self.matches.is_some(),
            self.under.is_some(),
        ];
        if said.iter().filter(|is_said| **is_said).count() != 1 {
            problems.add(key, "say one of is, is_not, matches and under");
        }
        if let Some(pattern) = &self.matches {
            problems.check(format!("{key}.matches"), whole_pattern(pattern));
        }
        if self.under.as_ref().is_some_and(|unit| !unit.starts_with('/')) {
            problems
                .add(format!("{key}.under"), "must be a path that begins with /, such as /Sales");
        }
    }
}
