//! The `[[saml]]` tables.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::{ClaimsConfig, LookupConfig, Problems, urls};

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

    /// The directory that its logins make accounts in. Default: `provisioning.directory`.
    pub directory: Option<String>,

    /// Groups that everybody is in who logs in by it; made if they are missing. Default: none.
    #[serde(default)]
    pub default_groups: Vec<String>,

    /// Which attributes say what.
    #[serde(default)]
    pub claims: ClaimsConfig,

    /// What a connector's cloud is asked of who signs in. Default: nothing.
    pub lookup: Option<LookupConfig>,

    /// How far its clock may be off. Default: 60.
    #[serde(default = "default_clock_skew")]
    pub clock_skew_seconds: u32,

    /// Whether signatures with SHA-1 are believed. Default: no.
    #[serde(default)]
    pub allow_sha1: bool,
}

/// Where metadata is read from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetadataSource {
    /// A file.
    File(PathBuf),
    /// A URL, asked at start.
    Url(Url),
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
        self.claims.check(&format!("{key}.claims"), problems);
        if let Some(lookup) = &self.lookup {
            lookup.check(&format!("{key}.lookup"), &self.claims.subject, problems);
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
