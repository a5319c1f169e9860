//! The `[[app.crowd]]` tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

use super::Problems;

/// One that is in use, and one that will be or was.
const MOST_CREDENTIALS: usize = 2;

/// In seconds.
const LONGEST_WAIT: u32 = 600;

/// What a credential begins with: how it is hashed.
const SHA_256: &str = "sha256:";

/// An application in Crowd's sense: how the app, or a part of it, asks for people over Crowd's REST interface.
#[derive(Clone, Debug, Deserialize)]
pub struct CrowdConfig {
    /// What it calls itself: `application.name` in `crowd.properties`. Default: the app's name.
    pub application: Option<String>,

    /// The hashes of its passwords, at most two, so that they can be changed one after the other.
    #[serde(default)]
    pub credentials: Vec<CredentialHash>,

    /// The directories whose users it sees, in order. Default: those of the app.
    pub directories: Option<Vec<String>>,

    /// Where it may ask from. Default: this machine.
    #[serde(default = "this_machine")]
    pub networks: Vec<IpNet>,

    /// Whether the gateway signs people in at the app with Crowd's cookie; one of an app's at most. Default:
    /// false.
    #[serde(default)]
    pub single_sign_on: bool,

    /// What that cookie is called: `cookie.tokenkey` in `crowd.properties`. Default: `crowd.token_key`.
    #[serde(default = "token_key")]
    pub cookie: String,

    /// Whether it may begin sessions of people without their password. Default: false.
    #[serde(default)]
    pub sessions_without_password: bool,

    /// Whether it may change users and groups of directories that are the gateway's own. Default: false.
    #[serde(default)]
    pub writable: bool,

    /// How it learns of accounts that are new. Default: `notify` for an app that the gateway signs people in at
    /// with Crowd's cookie, else `sync`.
    pub new_accounts: Option<NewAccounts>,

    /// How long the first request of a new account waits for the app to know it, at most. Default: 60.
    #[serde(default = "a_minute")]
    pub account_wait_seconds: u32,
}

/// How an application learns of accounts that are new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NewAccounts {
    /// It asks for each when it comes.
    Notify,
    /// From what it reads now and then: until then it knows nobody who is new.
    Sync,
}

/// The SHA-256 of a password that `gatehouse app credential` has made: too random to be guessed, so that no
/// slower hash is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CredentialHash(pub [u8; 32]);

impl std::fmt::Debug for CredentialHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialHash")
    }
}

impl<'de> Deserialize<'de> for CredentialHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Whatever it is, it may be a password, and is not repeated.
        let problem = "a credential is sha256: and 64 hexadecimal digits: make one with `gatehouse \
                       app credential`";
        Self::parse(&text).ok_or_else(|| de::Error::custom(problem))
    }
}

impl CredentialHash {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(SHA_256)?.as_bytes();
        let (pairs, []) = digits.as_chunks::<2>() else {
            return None;
        };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes?.try_into().ok().map(Self)
    }

    /// As the configuration has it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = SHA_256.to_owned();
        for byte in self.0 {
            for half in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(half.into(), 16));
            }
        }
        text
    }
}

impl CrowdConfig {
    /// What it calls itself.
    #[must_use]
    pub fn application<'a>(&'a self, app: &'a str) -> &'a str {
        self.application.as_deref().unwrap_or(app)
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        if self.application.as_ref().is_some_and(|name| name.is_empty() || name.contains(':')) {
            problems.add(format!("{key}.application"), "must not be empty, or have a colon in it");
        }
        if !(1..=MOST_CREDENTIALS).contains(&self.credentials.len()) {
            let problem = format!(
                "must be 1 to {MOST_CREDENTIALS}: make one with `gatehouse app credential`"
            );
            problems.add(format!("{key}.credentials"), problem);
        }
        if self.directories.as_ref().is_some_and(Vec::is_empty) {
            problems.add(format!("{key}.directories"), "name at least one directory");
        }
        if self.account_wait_seconds > LONGEST_WAIT {
            let problem = format!("must be at most {LONGEST_WAIT}: nobody waits longer");
            problems.add(format!("{key}.account_wait_seconds"), problem);
        }
        if self.networks.is_empty() {
            problems.add(format!("{key}.networks"), "nobody could ask: name at least one network");
        }
        if !is_cookie_name(&self.cookie) {
            problems.add(format!("{key}.cookie"), format!("{:?} is no cookie's name", self.cookie));
        }
    }
}

/// Whether a cookie can be called so (RFC 6265 section 4.1.1).
pub(super) fn is_cookie_name(name: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_token)
}

fn this_machine() -> Vec<IpNet> {
    let addresses = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    addresses.map(IpNet::from).into()
}

fn a_minute() -> u32 {
    60
}

fn token_key() -> String {
    "crowd.token_key".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_its_hash() {
        let text = format!("sha256:{}", "0f".repeat(32));
        let hash = CredentialHash::parse(&text).unwrap();
        assert_eq!(hash.0, [0x0f; 32]);
        assert_eq!(hash.text(), text);
        for malformed in ["", "sha256:", "secret", &text[7..], &text[..70], &format!("{text}00")] {
            assert!(CredentialHash::parse(malformed).is_none(), "{malformed}");
        }
        assert!(CredentialHash::parse(&text.replace('f', "g")).is_none());
    }
}
