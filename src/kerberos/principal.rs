//! Kerberos principal names.

use std::{fmt, str::FromStr};

/// A user's Kerberos name: `alice@EXAMPLE.COM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    name: String,
    realm: String,
}

/// Why a text is not the name of a user principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// There is no realm, so it does not say whose user it is.
    #[error("principal {0:?} has no realm")]
    NoRealm(String),
    /// A host or service, as in `HTTP/jira.example.com@EXAMPLE.COM`.
    #[error("principal {0:?} is not a user")]
    NotAUser(String),
    /// It cannot be shown or compared.
    #[error("principal {0:?} has control characters, or ends in the middle of one")]
    Unreadable(String),
}

impl Principal {
    /// The name without the realm, and without what protected its characters.
    ///
    /// Of an enterprise name (`alice\@example.com@AD.EXAMPLE.COM`, RFC 6806 section 5) it is what is
    /// before the first `@`, so that it is the same name however the user typed it at login.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The realm, as in the ticket; realms are case-sensitive (RFC 4120, 6.1).
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Parsed { name, realm, is_service } =
            parse(text).ok_or_else(|| PrincipalError::Unreadable(text.to_owned()))?;
        let Some(realm) = realm.filter(|realm| !realm.is_empty()) else {
            return Err(PrincipalError::NoRealm(text.to_owned()));
        };
        let name = name.split_once('@').map_or(name.as_str(), |(user, _)| user).to_owned();
        if is_service || name.is_empty() {
            return Err(PrincipalError::NotAUser(text.to_owned()));
        }
        Ok(Self { name, realm })
    }
}

struct Parsed {
    name: String,
    realm: Option<String>,
    is_service: bool,
}

/// Splits at the first `@` that no backslash protects (MIT's display form of names).
fn parse(text: &str) -> Option<Parsed> {
    let mut parsed = Parsed { name: String::new(), realm: None, is_service: false };
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let (c, protected) = if c == '\\' { (characters.next()?, true) } else { (c, false) };
        if c.is_control() || (protected && matches!(c, 'n' | 't' | 'b' | '0')) {
            return None;
        }
        match (&mut parsed.realm, c, protected) {
            (None, '@', false) => parsed.realm = Some(String::new()),
            (None, '/', false) => {
                parsed.is_service = true;
                parsed.name.push(c);
            }
            (None, c, _) => parsed.name.push(c),
            (Some(_), '@', false) => return None,
            (Some(realm), c, _) => realm.push(c),
        }
    }
    Some(parsed)
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.realm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_user_principals_only() {
        for (text, name, realm) in [
            ("alice@EXAMPLE.COM", "alice", "EXAMPLE.COM"),
            ("ALICE@EXAMPLE.COM", "ALICE", "EXAMPLE.COM"),
            (r"alice\@ad.example.com@AD.EXAMPLE.COM", "alice", "AD.EXAMPLE.COM"),
            (r"a\/b@EXAMPLE.COM", "a/b", "EXAMPLE.COM"),
        ] {
            let principal: Principal = text.parse().unwrap();
            assert_eq!((principal.name(), principal.realm()), (name, realm), "{text}");
        }
        for not_a_user in [
            "",
            "alice",
            "@EXAMPLE.COM",
            "alice@",
            "HTTP/jira@EXAMPLE.COM",
            "a@b@C",
            r"alice@A\",
            "a\u{0}@A",
            r"a\n@A",
            r"\@x@A",
        ] {
            assert!(not_a_user.parse::<Principal>().is_err(), "{not_a_user}");
        }
    }
}
