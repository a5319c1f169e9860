//! Kerberos principal names.

use std::{fmt, str::FromStr};

/// A user's Kerberos name: `alice@EXAMPLE.COM`.
///
/// The name is as the user typed it at login, so compare it without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    name: String,
    realm: String,
}

/// Why a text is not the name of a user principal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// There is no name or no realm, so it does not say whose user it is.
    #[error("principal {0:?} has no name or no realm")]
    NoRealm(String),
    /// A host or service, as in `HTTP/jira.example.com@EXAMPLE.COM`, or nobody, as in
    /// `WELLKNOWN/ANONYMOUS`.
    #[error("principal {0:?} is not a user")]
    NotAUser(String),
    /// An enterprise name (RFC 6806, 5), such as `alice\@example.com@EXAMPLE.COM`. It is a user principal
    /// name of Active Directory, which says nothing of who has the account called `alice`.
    #[error(
        "principal {0:?} is an enterprise name: the client must ask for the canonical one (kinit -C)"
    )]
    Enterprise(String),
    /// Control characters or a wrong escape: not from a directory that means well.
    #[error("principal {0:?} is malformed")]
    Malformed(String),
}

impl Principal {
    /// The name without the realm and without escapes.
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

/// A character of a name as MIT's `krb5_unparse_name` writes it, and whether it was escaped.
type Escaped = (char, bool);

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |reason: fn(String) -> PrincipalError| reason(text.to_owned());

        let characters = unescape(text).ok_or_else(|| refused(PrincipalError::Malformed))?;
        let at = characters.iter().rposition(|character| *character == ('@', false));
        let (name, realm) = match at {
            Some(at) if at > 0 && at + 1 < characters.len() => characters.split_at(at),
            _ => return Err(refused(PrincipalError::NoRealm)),
        };
        let realm = &realm[1..];
        // An escaped slash is no separator, but whoever reads the name next could think so.
        if name.iter().any(|(character, _)| *character == '/') {
            return Err(refused(PrincipalError::NotAUser));
        }
        if name.contains(&('@', false)) || realm.iter().any(|(_, escaped)| *escaped) {
            return Err(refused(PrincipalError::Malformed));
        }
        if name.contains(&('@', true)) {
            return Err(refused(PrincipalError::Enterprise));
        }
        Ok(Self { name: plain(name), realm: plain(realm) })
    }
}

fn unescape(text: &str) -> Option<Vec<Escaped>> {
    let mut characters = Vec::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        characters.push(match character {
            // Its other escapes (`\n`, `\t`, `\b`, `\0`) stand for control characters.
            '\\' => (rest.next().filter(|next| "@/\\ ".contains(*next))?, true),
            control if control.is_control() => return None,
            plain => (plain, false),
        });
    }
    Some(characters)
}

fn plain(characters: &[Escaped]) -> String {
    characters.iter().map(|(character, _)| character).collect()
}

/// Escaped where it has to be, so that it can be parsed again.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.name.chars() {
            if matches!(character, '@' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        write!(f, "@{}", self.realm)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_user_principals() {
        for (text, name, realm) in [
            ("alice@EXAMPLE.COM", "alice", "EXAMPLE.COM"),
            ("ALICE@AD.EXAMPLE.TEST", "ALICE", "AD.EXAMPLE.TEST"),
            (r"DOMAIN\\bob@R", r"DOMAIN\bob", "R"),
            ("jörg@R", "jörg", "R"),
        ] {
            let principal: Principal = text.parse().unwrap();
            assert_eq!((principal.name(), principal.realm()), (name, realm), "{text}");
            assert_eq!(principal.to_string().parse(), Ok(principal), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for not_a_user in [
            "",
            "alice",
            "@EXAMPLE.COM",
            "alice@",
            r"alice\@EXAMPLE.COM",
            r"alice\@ad.example.test@AD.EXAMPLE.TEST",
            r"bob\@partner.example@AD.EXAMPLE.TEST",
            "HTTP/jira@EXAMPLE.COM",
            r"HTTP\/jira@EXAMPLE.COM",
            "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS",
            "a@b@C",
            r"alice@A\@B",
            "alice@A\\",
            "a\u{0}@A",
            r"a\n@A",
            "a@A\n",
            "<name can't be decoded>",
        ] {
            assert!(not_a_user.parse::<Principal>().is_err(), "{not_a_user}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_the_same_principal(text in r"[a-zA-Z@/\\ ]{0,20}@[A-Z.]{1,5}") {
            if let Ok(principal) = text.parse::<Principal>() {
                let again: Principal = principal.to_string().parse().unwrap();
                prop_assert_eq!(again.realm(), principal.realm());
            }
        }
    }
}
