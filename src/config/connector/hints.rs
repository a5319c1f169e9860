//! `[connector.hints]`.

use serde::Deserialize;
use url::Url;

use super::{CloudConfig, ConnectorConfig, Problems};
use crate::config::SecretSource;

/// Below this, on the login host, each connector has the address under which its cloud says that something has happened.
pub const HINTS_PATH: &str = "/_gatehouse/hints/";

/// The cloud says by itself that something has happened to somebody, who is looked at then.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct HintsConfig {
    /// Where the cloud reaches the gateway. Default: `/_gatehouse/hints/` and the connector's name, on the login host.
    pub address: Option<Url>,
    /// What Okta proves itself with: the whole of its `Authorization` header. The other clouds are told another secret each
    /// time they are asked for hints.
    pub secret: Option<SecretSource>,
}

impl ConnectorConfig {
    /// Where the cloud reaches the gateway, if it is to say by itself that something has happened.
    #[must_use]
    pub fn hints_address(&self, login_url: &Url) -> Option<Url> {
        let own = || login_url.join(&format!("{HINTS_PATH}{}", self.name)).ok();
        self.hints.as_ref().and_then(|hints| hints.address.clone().or_else(own))
    }

    pub(super) fn check_hints(&self, key: &str, problems: &mut Problems) {
        let Some(hints) = &self.hints else { return };
        let is_okta = matches!(self.cloud(), Some(CloudConfig::Okta(_)));
        match &hints.secret {
            None if is_okta => {
                let problem = "Okta's event hook has to prove itself: say what its header Authorization will be";
                problems.add(format!("{key}.secret"), problem);
            }
            Some(_) if !is_okta => {
                let problem =
                    "says nothing here: the gateway makes a secret each time it asks for hints";
                problems.add(format!("{key}.secret"), problem);
            }
            _ => {}
        }
        let is_bare = |url: &Url| {
            url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        if hints.address.as_ref().is_some_and(|address| !is_bare(address)) {
            let problem = "must be scheme, host, port and path only";
            problems.add(format!("{key}.address"), problem);
        }
    }

    /// What can only be said beside `[server]`: clouds speak to nobody in clear.
    pub(in crate::config) fn check_hints_beside(
        &self,
        key: &str,
        login_url: &Url,
        problems: &mut Problems,
    ) {
        if self.hints_address(login_url).is_some_and(|address| address.scheme() != "https") {
            let problem = "must begin with https://, for clouds send hints to nobody else: say under which address \
                           the cloud reaches the gateway";
            problems.add(format!("{key}.hints.address"), problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(cloud: &str, hints: &str, login_url: &str) -> String {
        let text = format!("name = \"corp\"\n{cloud}\n[hints]\n{hints}");
        let config: ConnectorConfig = toml::from_str(&text).unwrap();
        let mut problems = Problems::default();
        config.check_hints("hints", &mut problems);
        config.check_hints_beside("connector", &login_url.parse().unwrap(), &mut problems);
        problems.to_string()
    }

    const OKTA: &str = "okta = { org = \"https://example.okta.com\", token = { file = \"t\" } }";
    const GOOGLE: &str = "google = { key = { file = \"k\" }, admin = \"a@example.com\" }";
    const LOGIN: &str = "https://login.example.com";

    #[test]
    fn only_okta_has_a_secret_and_every_address_is_https() {
        let secret = "secret = { file = \"s\" }";
        assert_eq!(problems(OKTA, secret, LOGIN), "");
        assert_eq!(problems(GOOGLE, "", LOGIN), "");
        assert!(problems(OKTA, "", LOGIN).contains("hints.secret"));
        assert!(problems(GOOGLE, secret, LOGIN).contains("hints.secret"));
        assert!(problems(GOOGLE, "", "http://login.localhost").contains("hints.address"));
        let outside = "address = \"https://hints.example.com/corp\"";
        assert_eq!(problems(GOOGLE, outside, "http://login.localhost"), "");
        let odd = "address = \"https://me@hints.example.com/corp?a\"";
        assert!(problems(GOOGLE, odd, LOGIN).contains("hints.address"));
    }

    #[test]
    fn the_address_is_on_the_login_host_unless_another_is_named() {
        let text = format!("name = \"corp\"\n{GOOGLE}\n[hints]");
        let mut config: ConnectorConfig = toml::from_str(&text).unwrap();
        let login = LOGIN.parse().unwrap();
        let address = |config: &ConnectorConfig| config.hints_address(&login).map(String::from);
        let own = "https://login.example.com/_gatehouse/hints/corp";
        assert_eq!(address(&config).as_deref(), Some(own));
        let rules = config.rules();
        config.hints = None;
        assert_eq!(address(&config), None);
        // Whoever turns hints on or off need not look at a dry run.
        assert_eq!(config.rules(), rules);
    }
}
