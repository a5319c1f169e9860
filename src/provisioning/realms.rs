//! From a ticket's principal to claims. A ticket says nothing but a name.

use super::{
    Claims, GroupClaim, MappingError,
    mapping::checked_username,
    transform::{TransformError, Transformed, Transforms},
};
use crate::{
    config::{Claim, PrincipalPart, RealmConfig},
    directory::{Identity, Issuer, MatchKey, Profile, Subject, SubjectKind},
};

/// The realms whose users may log in, and how their names become usernames.
#[derive(Clone, Debug)]
pub struct Realms(Vec<(RealmConfig, Transforms)>);

impl Realms {
    /// From the configuration; of a realm that cannot be used, its number and what is wrong.
    pub fn new(realms: &[RealmConfig]) -> Result<Self, (usize, TransformError)> {
        let compiled = realms.iter().enumerate().map(|(index, realm)| {
            let transforms = Transforms::compile(&realm.transform);
            Ok((realm.clone(), transforms.map_err(|error| (index, error))?))
        });
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// What a ticket means. `name` and `realm` are the two halves of the principal.
    pub fn claims(&self, name: &str, realm: &str) -> Result<Claims, MappingError> {
        let (config, transforms) = self
            .0
            .iter()
            .find(|(known, _)| known.name == realm)
            .ok_or_else(|| MappingError::UnknownRealm(realm.to_owned()))?;
        let principal = format!("{name}@{realm}");
        if name.ends_with('$') {
            return Err(MappingError::Computer(principal));
        }
        let said = match config.username {
            PrincipalPart::Name => name.to_owned(),
            PrincipalPart::Principal => principal.clone(),
        };
        let username = match transforms.apply(&Claim::Username, said)? {
            Transformed::Value(username) => checked_username(&username)?,
            Transformed::Ignored | Transformed::Cleared => {
                return Err(MappingError::NoUsername(principal));
            }
        };
        let match_key = config.domain.as_ref().and_then(|domain| {
            MatchKey::in_domains(&format!("{name}@{domain}"), std::slice::from_ref(domain))
        });
        let subject = Subject {
            kind: SubjectKind::Principal,
            // The KDC of Active Directory takes `ALICE` for `alice`, and puts into the ticket what was
            // typed.
            value: principal.to_lowercase(),
        };
        let identity = Identity { issuer: kerberos_issuer(realm), subject, match_key };
        let profile = Profile { username, ..Profile::default() };
        Ok(Claims { identity, profile, groups: GroupClaim::NotAsked })
    }
}

/// Who vouches for the users of a realm.
#[must_use]
pub fn kerberos_issuer(realm: &str) -> Issuer {
    Issuer(format!("kerberos:{realm}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_becomes_a_name_of_its_realms_domain() {
        let realm = |username| RealmConfig {
            directory: None,
            default_groups: Vec::new(),
            name: "EXAMPLE.COM".to_owned(),
            domain: Some("example.com".to_owned()),
            username,
            transform: Vec::new(),
        };
        let claims = |name: &str, of: &str, realm: RealmConfig| {
            Realms::new(&[realm]).unwrap().claims(name, of)
        };
        let alice = claims("ALICE", "EXAMPLE.COM", realm(PrincipalPart::Name)).unwrap();
        assert_eq!(alice.profile.username, "ALICE");
        assert_eq!(alice.identity.match_key.unwrap().as_str(), "alice@example.com");
        assert_eq!(alice.identity.subject.value, "alice@example.com");

        let whole = claims("a", "EXAMPLE.COM", realm(PrincipalPart::Principal));
        assert_eq!(whole.unwrap().profile.username, "a@EXAMPLE.COM");
        let computer = claims("PC1$", "EXAMPLE.COM", realm(PrincipalPart::Name));
        assert_eq!(computer.unwrap_err().code(), "computer-account");
        for unknown in ["OTHER.COM", "example.com"] {
            let refused = claims("a", unknown, realm(PrincipalPart::Name));
            assert_eq!(refused.unwrap_err().code(), "realm-unknown");
        }
    }
}
