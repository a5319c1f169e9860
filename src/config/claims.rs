//! How an identity provider's words are read: `[saml.claims]`.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use super::Problems;

/// Which attributes say what. Of several sources, the first that says something decides. A source is an
/// attribute's name, `name_id` for the assertion's `NameID`, or a template such as `{givenName}.{sn}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ClaimsConfig {
    /// What never changes about the person. Default: the `NameID`.
    pub subject: Vec<String>,
    /// The name to log in under. Default: the `NameID`.
    pub username: Vec<String>,
    /// How much of it: `whole`, or the `local` part before the `@`. Default: whole.
    pub username_part: UsernamePart,
    /// The email address.
    pub email: Vec<String>,
    /// The name that people read.
    pub display_name: Vec<String>,
    /// Given name.
    pub first_name: Vec<String>,
    /// Family name.
    pub last_name: Vec<String>,
    /// What else is read, by its name here: `{ department = ["department"] }`.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The groups. Default: the identity provider says nothing of groups.
    pub groups: Vec<String>,
    /// What groups are called here whose names the identity provider says otherwise, such as the object
    /// ids that Entra ID sends: `{ "0f2c…" = "jira-users" }`.
    pub group_names: BTreeMap<String, String>,
    /// The address that other issuers of the domain know the person by.
    #[serde(rename = "match")]
    pub match_by: Vec<String>,
    /// Changes to what was said, in this order.
    pub transform: Vec<TransformConfig>,
    /// Words, and what has to become of them: `check` tries them.
    pub example: Vec<ExampleConfig>,
}

/// What a transform or a requirement is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum Claim {
    /// The name to log in under.
    Username,
    /// The email address.
    Email,
    /// The name that people read.
    DisplayName,
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// Each group.
    Groups,
    /// Something else, such as a department.
    Attribute(String),
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::DisplayName => "display_name",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Groups => "groups",
            Self::Attribute(name) => return write!(f, "attributes.{name}"),
        })
    }
}

impl TryFrom<String> for Claim {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Ok(match word.as_str() {
            "username" => Self::Username,
            "email" => Self::Email,
            "display_name" => Self::DisplayName,
            "first_name" => Self::FirstName,
            "last_name" => Self::LastName,
            "groups" => Self::Groups,
            other => match other.strip_prefix("attributes.").filter(|name| !name.is_empty()) {
                Some(name) => Self::Attribute(name.to_owned()),
                None => {
                    return Err(format!(
                        "{word:?} is no claim: say username, email, display_name, first_name, \
                         last_name, groups or attributes.NAME"
                    ));
                }
            },
        })
    }
}

/// A change to what was said.
#[derive(Clone, Debug, Deserialize)]
pub struct TransformConfig {
    /// Of what: `username`, `email`, `display_name`, `first_name`, `last_name`, `groups` (each of them) or
    /// `attributes.NAME`.
    pub claim: Claim,
    /// A regular expression (without look-around and back-references). Default: everything.
    #[serde(default = "everything")]
    pub pattern: String,
    /// What becomes of what it matches; `$1` is its first group. Default: what it matches.
    #[serde(default = "unchanged")]
    pub replace: String,
    /// `lower`, `upper` or `keep`. Default: keep.
    #[serde(default)]
    pub case: LetterCase,
    /// What happens to a value that does not match: `raw` leaves it, `ignore` asks the next source (and
    /// drops a group), `clear` leaves nothing, `refuse` ends the login. Default: raw.
    #[serde(default)]
    pub otherwise: Otherwise,
}

/// What becomes of letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterCase {
    /// They stay.
    #[default]
    Keep,
    /// `alice`.
    Lower,
    /// `ALICE`.
    Upper,
}

/// What happens to a value that a transform does not match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// It stays as it is.
    #[default]
    Raw,
    /// The next source is asked.
    Ignore,
    /// There is none.
    Clear,
    /// Nobody logs in with it.
    Refuse,
}

/// Words, and what has to become of them.
#[derive(Clone, Debug, Deserialize)]
pub struct ExampleConfig {
    /// Attributes with their values; `name_id` is the `NameID`.
    pub given: BTreeMap<String, Vec<String>>,
    /// The username that has to come out; empty if the login has to be refused.
    pub username: String,
    /// The email address that has to come out. Default: not looked at.
    pub email: Option<String>,
    /// The display name that has to come out. Default: not looked at.
    pub display_name: Option<String>,
    /// The attributes that have to come out. Default: not looked at.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The groups that have to come out, in any order. Default: not looked at.
    pub groups: Option<Vec<String>>,
}

/// How much of a name is the username.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsernamePart {
    /// All of it.
    #[default]
    Whole,
    /// What is before the `@`.
    Local,
}

impl Default for ClaimsConfig {
    fn default() -> Self {
        Self {
            subject: Vec::new(),
            username: vec!["name_id".to_owned()],
            username_part: UsernamePart::default(),
            email: Vec::new(),
            display_name: Vec::new(),
            first_name: Vec::new(),
            last_name: Vec::new(),
            attributes: BTreeMap::new(),
            groups: Vec::new(),
            group_names: BTreeMap::new(),
            match_by: Vec::new(),
            transform: Vec::new(),
            example: Vec::new(),
        }
    }
}

impl ClaimsConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        if self.username.is_empty() {
            problems.add(format!("{key}.username"), "name at least one attribute, or name_id");
        }
        for (index, transform) in self.transform.iter().enumerate() {
            if let Claim::Attribute(name) = &transform.claim
                && !self.attributes.contains_key(name)
            {
                let problem = format!("{key}.attributes has no {name:?}");
                problems.add(format!("{key}.transform[{index}].claim"), problem);
            }
        }
        for name in self.attributes.keys().filter(|name| !is_attribute_name(name)) {
            let problem = "must be 1 to 64 letters, digits, '-', '_' and '.'";
            problems.add(format!("{key}.attributes.{name:?}"), problem);
        }
    }
}

/// Whether something can be called so in a list's column, a header and a template.
#[must_use]
pub fn is_attribute_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

fn everything() -> String {
    "(?s)^.*$".to_owned()
}

fn unchanged() -> String {
    "$0".to_owned()
}
