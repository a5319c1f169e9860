//! The `[[saml]]` tables.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;
use url::Url;

use super::{Problems, urls};

/// Beyond this, a replayed assertion stays useful for too long.
const MAX_CLOCK_SKEW_SECONDS: u32 = 300;

/// An identity provider that people log in with.
#[derive(Clone, Debug, Deserialize)]
pub struct SamlConfig {
    /// What logs and the command line call it.
    pub name: String,

    /// What the login page calls it. Default: the name.
    pub title: Option<String>,

    /// The identity provider's entity ID, as its metadata says it.
    pub entity_id: String,

    /// Where its metadata is.
    pub metadata: MetadataSource,

    /// The domains that it speaks for. Issuers bound to one domain speak for the same people.
    #[serde(default)]
    pub domains: Vec<String>,

    /// Which attributes say what.
    #[serde(default)]
    pub claims: ClaimsConfig,

    /// How far its clock may be off. Default: 60.
    #[serde(default = "default_clock_skew")]
    pub clock_skew_seconds: u32,

    /// Whether signatures with SHA-1 are believed. Default: no.
    #[serde(default)]
    pub allow_sha1: bool,
}

/// Where metadata is read from.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataSource {
    /// A file.
    File(PathBuf),
    /// A URL, asked at start.
    Url(Url),
}

/// Which attributes say what. Of several names, the first that is there decides; `name_id` is the
/// assertion's `NameID`.
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
    /// The groups. Default: the identity provider says nothing of groups.
    pub groups: Vec<String>,
    /// What groups are called here whose names the identity provider says otherwise, such as the object
    /// ids that Entra ID sends: `{ "0f2c…" = "jira-users" }`.
    pub group_names: BTreeMap<String, String>,
    /// The address that other issuers of the domain know the person by.
    #[serde(rename = "match")]
    pub match_by: Vec<String>,
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
            groups: Vec::new(),
            group_names: BTreeMap::new(),
            match_by: Vec::new(),
        }
    }
}

impl SamlConfig {
    /// What the login page calls it.
    #[must_use]
    pub fn title(&self) -> &str {
        self.title.as_ref().unwrap_or(&self.name)
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        super::check_name(&format!("{key}.name"), &self.name, problems);
        if self.entity_id.is_empty() {
            problems.add(format!("{key}.entity_id"), "must not be empty");
        }
        let skew = self.clock_skew_seconds;
        if skew > MAX_CLOCK_SKEW_SECONDS {
            let problem = format!("{skew} is more than the allowed {MAX_CLOCK_SKEW_SECONDS}");
            problems.add(format!("{key}.clock_skew_seconds"), problem);
        }
        if let MetadataSource::Url(url) = &self.metadata
            && url.scheme() != "https"
            && !urls::is_loopback(url)
        {
            let problem =
                "must begin with https://: whoever changes the metadata logs in as anybody";
            problems.add(format!("{key}.metadata.url"), problem);
        }
        if self.claims.username.is_empty() {
            problems
                .add(format!("{key}.claims.username"), "name at least one attribute, or name_id");
        }
        if !self.claims.match_by.is_empty() && self.domains.is_empty() {
            let problem = "matches nobody while domains is empty: name the domains it speaks for";
            problems.add(format!("{key}.claims.match"), problem);
        }
    }
}

fn default_clock_skew() -> u32 {
    60
}
