//! How an issuer knows a person.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::NameKey;

/// Who vouches for people: `saml:<name>` for an identity provider, `kerberos:<REALM>` for a realm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Issuer(pub String);

/// What the names of applications begin with that vouch for people.
const APPLICATION: &str = "crowd:";

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Issuer {
    /// How people sign in who are vouched for so, as rules name it: `kerberos`, or an identity provider's
    /// name.
    #[must_use]
    pub fn way_to_sign_in(&self) -> &str {
        match self.0.split_once(':') {
            Some(("saml", name)) => name,
            Some((kind, _)) => kind,
            None => &self.0,
        }
    }

    /// An application that begins sessions of people itself, over Crowd's REST interface.
    #[must_use]
    pub fn application(name: &str) -> Self {
        Self(format!("{APPLICATION}{name}"))
    }

    /// Whether it is an application.
    #[must_use]
    pub fn is_application(&self) -> bool {
        self.0.starts_with(APPLICATION)
    }
}

/// What an issuer knows a person by. It should be something that never changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// What sort of name it is.
    pub kind: SubjectKind,
    /// The name itself, byte for byte as the issuer gave it.
    pub value: String,
}

/// The sorts of names that issuers know people by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// An attribute that the configuration says never changes, such as Entra's object identifier.
    Attribute,
    /// A persistent SAML `NameID` (SAML core 8.3.7).
    NameidPersistent,
    /// Any other SAML `NameID`: an email address or a username, which may change.
    Nameid,
    /// A Kerberos principal, which may change.
    Principal,
}

impl SubjectKind {
    /// The word for it in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::NameidPersistent => "nameid_persistent",
            Self::Nameid => "nameid",
            Self::Principal => "principal",
        }
    }

    /// Reads what [`SubjectKind::as_str`] wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Attribute, Self::NameidPersistent, Self::Nameid, Self::Principal];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A name in a domain that issuers share (`alice@example.com`): what makes two identities one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MatchKey(String);

impl MatchKey {
    /// The key for `address`, if it lies in one of the domains that its issuer is bound to.
    ///
    /// No issuer can speak for a domain that is not bound to it. An address with two `@` is refused:
    /// two readers could see two domains in it.
    #[must_use]
    pub fn in_domains(address: &str, domains: &[String]) -> Option<Self> {
        let (local, domain) = address.split_once('@')?;
        let bound = domains.iter().any(|bound| bound.eq_ignore_ascii_case(domain));
        let plain = !local.is_empty() && !local.contains(char::is_whitespace);
        (bound && plain).then(|| Self(NameKey::of(address).as_str().to_owned()))
    }

    /// The key that [`MatchKey::as_str`] gave to the store.
    #[must_use]
    pub fn stored(key: String) -> Self {
        Self(key)
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How an issuer knows a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Who vouches.
    pub issuer: Issuer,
    /// For whom.
    pub subject: Subject,
    /// Under which name other issuers of the domain know the same person.
    pub match_key: Option<MatchKey>,
}

/// As people read it.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.issuer, self.subject.kind.as_str(), self.subject.value)?;
        match &self.match_key {
            Some(key) => write!(f, " ({})", key.as_str()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_key_needs_a_domain_of_the_issuer() {
        let domains = ["example.com".to_owned()];
        let key = |address: &str| MatchKey::in_domains(address, &domains);
        assert_eq!(key("Alice@EXAMPLE.com").unwrap().as_str(), "alice@example.com");
        for refused in
            ["alice", "alice@other.com", "@example.com", "a@x@example.com", "a b@example.com"]
        {
            assert_eq!(key(refused), None, "{refused}");
        }
    }
}
