//! `[connector.okta]`.

use serde::Deserialize;
use url::Url;

use super::{Problems, check_url};
use crate::config::SecretSource;

/// An organisation of Okta, and the service app that the gateway is there. `client_id` with `key`, or `token`.
#[derive(Clone, Debug, Deserialize)]
pub struct OktaConfig {
    /// Where it is: `https://example.okta.com`.
    pub org: Url,
    /// The service app's client id.
    pub client_id: Option<String>,
    /// The service app's private key: a JWK, or PEM (PKCS#8).
    pub key: Option<SecretSource>,
    /// The id that Okta gave the key. Default: the JWK's `kid`.
    pub key_id: Option<String>,
    /// A token of an administrator's instead; it may do all that the administrator may.
    pub token: Option<SecretSource>,
    /// Only who is assigned to this application. Default: everybody.
    pub application: Option<String>,
    /// Which attributes of people's profiles are read, beside `login`, `email`, `firstName`, `lastName` and `displayName`.
    /// Default: all.
    pub attributes: Option<Vec<String>>,
}

impl OktaConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        check_url(&format!("{key}.org"), &self.org, problems);
        let host = self.org.host_str().unwrap_or_default();
        if host.split('.').next().is_some_and(|first| first.ends_with("-admin")) {
            problems
                .add(format!("{key}.org"), "is the address of the admin pages: leave out -admin");
        }
        match (&self.client_id, &self.key, &self.token) {
            (Some(_), Some(_), None) | (None, None, Some(_)) => {}
            _ => problems.add(key, "say client_id and key, or else token"),
        }
        if self.key_id.is_some() && self.key.is_none() {
            problems.add(format!("{key}.key_id"), "says nothing without key");
        }
        if self
            .application
            .as_ref()
            .is_some_and(|id| !id.chars().all(|c| c.is_ascii_alphanumeric()))
        {
            problems.add(
                format!("{key}.application"),
                "must be the application's id, such as 0oa1b2c3",
            );
        }
        let is_name = |name: &String| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !self.attributes.iter().flatten().all(is_name) {
            let problem = "must be names of attributes, such as department, without profile.";
            problems.add(format!("{key}.attributes"), problem);
        }
    }
}
