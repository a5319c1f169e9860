//! `[connector.entra]`.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::{Problems, check_url};
use crate::config::SecretSource;

/// A tenant of Entra ID, and the application that the gateway is there. One of `secret`, `certificate` and
/// `federated_token` has to be there.
#[derive(Clone, Debug, Deserialize)]
pub struct EntraConfig {
    /// The tenant's id, or one of its domains.
    pub tenant: String,
    /// The application's (client) id.
    pub client_id: String,
    /// The application's client secret.
    pub secret: Option<SecretSource>,
    /// Better than a secret: a certificate of the application.
    pub certificate: Option<EntraCertificate>,
    /// Best in Kubernetes: the file that the cluster puts a service account's token into; nothing is kept, and nothing
    /// expires.
    pub federated_token: Option<PathBuf>,
    /// Which of Microsoft's clouds. Default: global.
    #[serde(default)]
    pub cloud: NationalCloud,
    /// Only who is assigned to this enterprise application, by themselves or as a direct member of a group that is: its
    /// application (client) id, or its object id. Default: everybody.
    pub application: Option<String>,
    /// Where tokens are asked for, instead of where the cloud has it.
    pub authority: Option<Url>,
    /// Where Graph is, instead of where the cloud has it.
    pub graph: Option<Url>,
}

/// A certificate that the application has, and its key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntraCertificate {
    /// A file with the certificate (PEM).
    pub certificate: PathBuf,
    /// Its RSA key (PEM, PKCS#8 or PKCS#1).
    pub key: SecretSource,
}

/// Microsoft's clouds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NationalCloud {
    /// For everybody, and for GCC.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5 (`DoD`).
    UsDod,
    /// China, operated by 21Vianet.
    China,
}

impl EntraConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        let is_plain = |text: &str| {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
        };
        if !is_plain(&self.tenant)
            || matches!(self.tenant.as_str(), "common" | "organizations" | "consumers")
        {
            problems.add(format!("{key}.tenant"), "must be the tenant's id, or one of its domains");
        }
        if !is_plain(&self.client_id) {
            problems.add(format!("{key}.client_id"), "must be the application's (client) id");
        }
        let is_id =
            |id: &String| id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if !self.application.as_ref().is_none_or(is_id) {
            let problem = "must be the enterprise application's application id or object id";
            problems.add(format!("{key}.application"), problem);
        }
        let ways =
            [self.secret.is_some(), self.certificate.is_some(), self.federated_token.is_some()];
        if ways.iter().filter(|way| **way).count() != 1 {
            problems.add(key, "say one of secret, certificate and federated_token");
        }
        for (name, url) in [("authority", &self.authority), ("graph", &self.graph)] {
            if let Some(url) = url {
                check_url(&format!("{key}.{name}"), url, problems);
            }
        }
    }
}
