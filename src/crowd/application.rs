//! Who may ask, and what they may see.

use std::{net::IpAddr, sync::Arc};

use chrono::TimeDelta;
use ipnet::IpNet;

use crate::{
    config::{CredentialHash, NewAccounts, SignOutConfig},
    directory::DirectoryId,
    secrets::{is_equal, sha256},
};

/// An application in Crowd's sense, compiled from an `[[app.crowd]]` table.
#[derive(Debug)]
pub struct Application {
    /// What it calls itself, as configured; told apart in whichever case.
    pub name: Arc<str>,
    /// Which of the configuration's apps it is, or is a part of.
    pub app: usize,
    /// Whose users it sees: the first that is enabled and has a username wins.
    pub directories: Arc<[DirectoryId]>,
    /// The hashes of its passwords.
    pub credentials: Vec<CredentialHash>,
    /// Where it may ask from.
    pub networks: Vec<IpNet>,
    /// Whether the gateway signs people in there with Crowd's cookie.
    pub single_sign_on: bool,
    /// That cookie.
    pub cookie: CookieSettings,
    /// Whether it may begin sessions of people without their password.
    pub sessions_without_password: bool,
    /// What somebody signs out of who signs out of it.
    pub sign_out: SignOutConfig,
    /// Whether it may change users and groups.
    pub writable: bool,
    /// How it learns of accounts that are new.
    pub new_accounts: NewAccounts,
    /// How long somebody new waits until it has, at most.
    pub account_wait: TimeDelta,
}

/// What `/config/cookie` tells an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieSettings {
    /// What it is called.
    pub name: String,
    /// The host that browsers send it to.
    pub domain: String,
    /// Whether it goes over TLS only.
    pub secure: bool,
}

impl Application {
    /// Whether anybody new waits until it has copied their account.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.new_accounts == NewAccounts::Sync && !self.account_wait.is_zero()
    }

    /// Whether it may ask from an address.
    #[must_use]
    pub fn may_ask_from(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether a password is one of its own; takes as long whatever is wrong with it.
    fn has_password(&self, password: &[u8]) -> bool {
        let hash = sha256(password);
        self.credentials.iter().fold(false, |found, known| found | is_equal(&hash, &known.0))
    }
}

/// Every application.
#[derive(Clone, Debug, Default)]
pub struct Applications(Vec<Arc<Application>>);

impl Applications {
    /// All of the configuration.
    #[must_use]
    pub fn new(applications: Vec<Application>) -> Self {
        Self(applications.into_iter().map(Arc::new).collect())
    }

    /// Every application, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Application>> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The application of that name, in whichever case. There are few, and looking along them is quicker
    /// than making a key.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Application>> {
        let is_it = |application: &&Arc<Application>| {
            application.name.eq_ignore_ascii_case(name)
                || (!name.is_ascii() && application.name.to_lowercase() == name.to_lowercase())
        };
        self.0.iter().find(is_it)
    }

    /// The application that these credentials are for, if the address is one of its own and then the
    /// password is.
    pub(super) fn admit(
        &self,
        name: &str,
        password: &[u8],
        address: IpAddr,
    ) -> Result<&Arc<Application>, Refusal> {
        let application = self.find(name).ok_or(Refusal::NotAuthenticated)?;
        if !application.may_ask_from(address) {
            return Err(Refusal::NotFromThere);
        }
        let right = application.has_password(password);
        right.then_some(application).ok_or(Refusal::NotAuthenticated)
    }
}

/// Why nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No application has this name and password.
    NotAuthenticated,
    /// It may not ask from this address.
    NotFromThere,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applications() -> Applications {
        let application = |name: &str, networks: &[&str]| Application {
            name: name.into(),
            app: 0,
            directories: Vec::new().into(),
            credentials: ["old", "new"].map(|text| CredentialHash(sha256(text.as_bytes()))).into(),
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
            single_sign_on: false,
            cookie: CookieSettings {
                name: "crowd.token_key".to_owned(),
                domain: String::new(),
                secure: true,
            },
            sessions_without_password: false,
            sign_out: SignOutConfig::Everywhere,
            writable: false,
            new_accounts: NewAccounts::Notify,
            account_wait: TimeDelta::zero(),
        };
        Applications::new(vec![
            application("Jira", &["10.0.0.0/8"]),
            application("Käse", &["127.0.0.1/32", "::1/128"]),
        ])
    }

    #[test]
    fn the_address_is_looked_at_before_the_password() {
        let applications = applications();
        let admit = |name: &str, password: &str, address: &str| {
            let address = address.parse().unwrap();
            let admitted = applications.admit(name, password.as_bytes(), address);
            admitted.map(|application| application.name.to_string())
        };
        assert_eq!(admit("jIRA", "old", "10.0.0.1"), Ok("Jira".to_owned()));
        assert_eq!(admit("jira", "new", "::ffff:10.0.0.1"), Ok("Jira".to_owned()));
        assert_eq!(admit("KÄSE", "new", "::1"), Ok("Käse".to_owned()));
        assert_eq!(admit("jira", "wrong", "10.0.0.1"), Err(Refusal::NotAuthenticated));
        assert_eq!(admit("jira", "old", "127.0.0.1"), Err(Refusal::NotFromThere));
        assert_eq!(admit("jira", "wrong", "127.0.0.1"), Err(Refusal::NotFromThere));
        assert_eq!(admit("", "old", "127.0.0.1"), Err(Refusal::NotAuthenticated));
    }
}
