//! The `[app.identity_headers]` tables.

use serde::Deserialize;

use super::{AppKind, Problems};

/// Room for a name, an address and an assertion.
const LEAST_BYTES: usize = 1024;

/// Nobody has a server that takes more.
const MOST_BYTES: usize = 64 * 1024;

/// What the assertion is called unless the configuration says otherwise.
const ASSERTION: &str = "X-Gatehouse-Assertion";

/// The headers that tell the app who the user is. An empty name leaves one out.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct IdentityHeadersConfig {
    /// Carries the username. Default: X-Forwarded-User.
    pub user: String,
    /// Carries the email address. Default: X-Forwarded-Email.
    pub email: String,
    /// Carries the display name. Default: X-Forwarded-Name.
    pub name: String,
    /// Carries the names of the groups. Default: X-Forwarded-Groups.
    pub groups: String,
    /// Carries all of it, signed. Default: X-Gatehouse-Assertion for generic apps, none for others.
    pub assertion: Option<String>,
    /// How what is not ASCII is written. Default: utf8.
    pub encoding: HeaderEncoding,
    /// What stands between two groups. Default: a comma.
    pub groups_separator: String,
    /// The groups that the app is told of; `jira-*` stands for every group that begins so. Default: all.
    pub group_filter: Vec<String>,
    /// What all of it may take together. Default: 4096.
    pub max_bytes: usize,
}

/// How a value is written that is not ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderEncoding {
    /// As it is.
    #[default]
    Utf8,
    /// Bytes beyond ASCII, and `%`, as `%C3`.
    Percent,
    /// In encoded words, as in mail (RFC 2047).
    Rfc2047,
}

impl Default for IdentityHeadersConfig {
    fn default() -> Self {
        Self {
            user: "X-Forwarded-User".to_owned(),
            email: "X-Forwarded-Email".to_owned(),
            name: "X-Forwarded-Name".to_owned(),
            groups: "X-Forwarded-Groups".to_owned(),
            assertion: None,
            encoding: HeaderEncoding::Utf8,
            groups_separator: ",".to_owned(),
            group_filter: Vec::new(),
            max_bytes: 4096,
        }
    }
}

impl IdentityHeadersConfig {
    /// The assertion's header, for an app of a kind. The stock Atlassian applications would not look at it, and
    /// have little room.
    #[must_use]
    pub fn assertion(&self, kind: AppKind) -> &str {
        let default = if kind == AppKind::Generic { ASSERTION } else { "" };
        self.assertion.as_deref().unwrap_or(default)
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let plain = [&self.user, &self.email, &self.name, &self.groups].map(String::as_str);
        plain.into_iter().chain(self.assertion.as_deref()).filter(|name| !name.is_empty())
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        // Never a letter, a digit or `%`: those are what groups are written with.
        let fits = |c: char| c == ' ' || (c.is_ascii_punctuation() && !"%\"\\".contains(c));
        let separator = &self.groups_separator;
        if !(1..=3).contains(&separator.len())
            || !separator.chars().all(fits)
            || separator.starts_with(' ')
        {
            let problem = "must be up to three signs such as \",\", \", \" or \"|\"";
            problems.add(format!("{key}.groups_separator"), problem);
        }
        if !(LEAST_BYTES..=MOST_BYTES).contains(&self.max_bytes) {
            let problem = format!("must be between {LEAST_BYTES} and {MOST_BYTES}");
            problems.add(format!("{key}.max_bytes"), problem);
        }
        let mut names: Vec<_> = self.names().map(str::to_ascii_lowercase).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            problems.add(key, "two of the headers have one name");
        }
    }
}
