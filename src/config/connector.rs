//! The `[[connector]]` tables: clouds whose users and groups the gateway keeps in step with.

mod entra;
mod google;
mod okta;

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::{Problems, urls};

pub use self::{
    entra::{EntraCertificate, EntraConfig, NationalCloud},
    google::GoogleConfig,
    okta::OktaConfig,
};

/// A cloud that is read.
#[derive(Clone, Debug, Deserialize)]
pub struct ConnectorConfig {
    /// What logs and the command line call it.
    pub name: String,

    /// Entra ID, by Microsoft Graph. One of `entra`, `okta` and `google` has to be there.
    pub entra: Option<EntraConfig>,

    /// Okta.
    pub okta: Option<OktaConfig>,

    /// Google Workspace.
    pub google: Option<GoogleConfig>,

    /// The proxy that leads there, such as `http://proxy.example.com:3128`. Default: none.
    pub proxy: Option<Url>,

    /// A file with certificates (PEM) that are trusted there, beside the system's; for a proxy that looks inside.
    pub ca: Option<PathBuf>,

    /// How much of what the cloud lets anybody ask the connector uses at most, in percent. Default: 50.
    #[serde(default = "half")]
    pub quota_percent: u32,

    /// How long an answer may take. Default: 60.
    #[serde(default = "a_minute")]
    pub timeout_seconds: u32,
}

/// Which cloud a connector reads.
#[derive(Clone, Copy, Debug)]
pub enum CloudConfig<'a> {
    /// Entra ID.
    Entra(&'a EntraConfig),
    /// Okta.
    Okta(&'a OktaConfig),
    /// Google Workspace.
    Google(&'a GoogleConfig),
}

impl ConnectorConfig {
    /// Which cloud it reads: of a checked configuration, always one.
    #[must_use]
    pub fn cloud(&self) -> Option<CloudConfig<'_>> {
        match (&self.entra, &self.okta, &self.google) {
            (Some(entra), None, None) => Some(CloudConfig::Entra(entra)),
            (None, Some(okta), None) => Some(CloudConfig::Okta(okta)),
            (None, None, Some(google)) => Some(CloudConfig::Google(google)),
            _ => None,
        }
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        super::check_name(&format!("{key}.name"), &self.name, problems);
        match self.cloud() {
            Some(CloudConfig::Entra(entra)) => entra.check(&format!("{key}.entra"), problems),
            Some(CloudConfig::Okta(okta)) => okta.check(&format!("{key}.okta"), problems),
            Some(CloudConfig::Google(google)) => google.check(&format!("{key}.google"), problems),
            None => {
                let problem = "say one of entra, okta and google: a connector reads one cloud";
                problems.add(key, problem);
            }
        }
        if let Some(proxy) = &self.proxy {
            if !matches!(proxy.scheme(), "http" | "https") || proxy.host().is_none() {
                problems.add(format!("{key}.proxy"), "must begin with http:// or https://");
            }
            if proxy.password().is_some() {
                let problem =
                    "must not have a password in it: let the proxy know the gateway by its address";
                problems.add(format!("{key}.proxy"), problem);
            }
        }
        if !(1..=100).contains(&self.quota_percent) {
            problems.add(format!("{key}.quota_percent"), "must be between 1 and 100");
        }
        if !(5..=600).contains(&self.timeout_seconds) {
            problems.add(format!("{key}.timeout_seconds"), "must be between 5 and 600");
        }
    }
}

/// Credentials go there: in clear only to this machine.
fn check_url(key: &str, url: &Url, problems: &mut Problems) {
    problems.check(key, urls::check_origin(url));
}

fn half() -> u32 {
    50
}

fn a_minute() -> u32 {
    60
}
