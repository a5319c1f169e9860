//! From an issuer's words to claims.

use std::collections::{BTreeMap, BTreeSet};

use super::{Claims, GroupClaim};
use crate::{
    config::{ClaimsConfig, PrincipalPart, RealmConfig, UsernamePart},
    directory::{Identity, Issuer, MatchKey, Profile, Subject, SubjectKind},
};

/// Longer names fit into no application's database.
const MAX_NAME_LENGTH: usize = 255;

/// Stands for the assertion's `NameID` among the names of attributes.
const NAME_ID: &str = "name_id";

/// What Entra ID sends instead of more than 150 groups: where to ask for them.
const OVERAGE_ATTRIBUTES: [&str; 2] = [
    "http://schemas.microsoft.com/claims/groups.link",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups.link",
];

/// What an identity provider said of a person, before anybody decides what it means.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    /// The assertion's `NameID`.
    pub name_id: String,
    /// Its format (SAML core 8.3).
    pub name_id_format: Option<String>,
    /// The attributes with their values. One without values is there, and empty.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// How one identity provider's words become claims.
#[derive(Clone, Debug)]
pub struct Mapping {
    issuer: Issuer,
    domains: Vec<String>,
    claims: ClaimsConfig,
}

/// Why a login cannot be made into claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Nothing that was said gives the username.
    #[error(
        "none of the attributes {0:?} gives a username: correct claims.username, or have the identity provider send one"
    )]
    NoUsername(Vec<String>),
    /// Nothing that was said gives what never changes about the person.
    #[error(
        "none of the attributes {0:?} gives the subject: correct claims.subject, or have the identity provider send one"
    )]
    NoSubject(Vec<String>),
    /// A transient `NameID` is another one at every login (SAML core 8.3.8).
    #[error(
        "the NameID is transient, so it names nobody twice: name an attribute in claims.subject"
    )]
    TransientSubject,
    /// The name could not be told from others, or would break what reads it.
    #[error(
        "{0:?} cannot be a username: it has control characters, outer spaces or more than {MAX_NAME_LENGTH} characters"
    )]
    BadUsername(String),
    /// A machine of Active Directory has an account too, and its name ends so.
    #[error("{0:?} is the account of a computer")]
    Computer(String),
    /// The realm may not log in here.
    #[error("realm {0:?} is not among kerberos.realm")]
    UnknownRealm(String),
}

impl MappingError {
    /// The word for it in logs, metrics and on the error page.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoUsername(_) => "username-missing",
            Self::NoSubject(_) => "subject-missing",
            Self::TransientSubject => "subject-transient",
            Self::BadUsername(_) => "username-unusable",
            Self::Computer(_) => "computer-account",
            Self::UnknownRealm(_) => "realm-unknown",
        }
    }
}

impl Mapping {
    /// The mapping of the identity provider that the configuration calls `name`.
    #[must_use]
    pub fn new(name: &str, domains: &[String], claims: &ClaimsConfig) -> Self {
        let issuer = Issuer(format!("saml:{name}"));
        Self { issuer, domains: domains.to_vec(), claims: claims.clone() }
    }

    /// Who vouches for what this mapping reads.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What the statement means.
    pub fn claims(&self, statement: &Statement) -> Result<Claims, MappingError> {
        let first = |names: &[String]| first_value(statement, names);
        let claims = &self.claims;
        let username = first(&claims.username)
            .ok_or_else(|| MappingError::NoUsername(claims.username.clone()))?;
        let match_key =
            first(&claims.match_by).and_then(|key| MatchKey::in_domains(key, &self.domains));
        Ok(Claims {
            identity: Identity {
                issuer: self.issuer.clone(),
                subject: self.subject(statement)?,
                match_key,
            },
            profile: Profile {
                username: checked_username(part(username, claims.username_part))?,
                email: first(&claims.email).map(str::to_owned),
                display_name: first(&claims.display_name).map(str::to_owned),
                first_name: first(&claims.first_name).map(str::to_owned),
                last_name: first(&claims.last_name).map(str::to_owned),
            },
            groups: self.groups(statement),
        })
    }

    fn subject(&self, statement: &Statement) -> Result<Subject, MappingError> {
        let names = &self.claims.subject;
        if !names.is_empty() {
            let value = first_value(statement, names)
                .ok_or_else(|| MappingError::NoSubject(names.clone()))?;
            return Ok(Subject { kind: SubjectKind::Attribute, value: value.to_owned() });
        }
        let format = statement.name_id_format.as_deref().unwrap_or_default();
        if format.ends_with(":nameid-format:transient") {
            return Err(MappingError::TransientSubject);
        }
        let persistent = format.ends_with(":nameid-format:persistent");
        let kind = if persistent { SubjectKind::NameidPersistent } else { SubjectKind::Nameid };
        Ok(Subject { kind, value: statement.name_id.clone() })
    }

    fn groups(&self, statement: &Statement) -> GroupClaim {
        let names = &self.claims.groups;
        if names.is_empty() {
            return GroupClaim::NotAsked;
        }
        let said = names.iter().find_map(|name| statement.attributes.get(name));
        let Some(values) = said else {
            let overage = OVERAGE_ATTRIBUTES.iter().any(|a| statement.attributes.contains_key(*a));
            return if overage { GroupClaim::Overage } else { GroupClaim::Absent };
        };
        let groups: BTreeSet<String> = values
            .iter()
            .map(|value| value.trim())
            .filter(|v| is_plain(v))
            .map(|value| self.claims.group_names.get(value).map_or(value, String::as_str))
            .map(str::to_owned)
            .collect();
        if groups.is_empty() { GroupClaim::Empty } else { GroupClaim::Present(groups) }
    }
}

/// What a ticket of one of the realms means.
///
/// `name` and `realm` are the two halves of the principal. A ticket says nothing of groups.
pub fn claims_of_principal(
    name: &str,
    realm: &str,
    realms: &[RealmConfig],
) -> Result<Claims, MappingError> {
    let config = realms
        .iter()
        .find(|known| known.name == realm)
        .ok_or_else(|| MappingError::UnknownRealm(realm.to_owned()))?;
    let principal = format!("{name}@{realm}");
    if name.ends_with('$') {
        return Err(MappingError::Computer(principal));
    }
    let username = match config.username {
        PrincipalPart::Name => name,
        PrincipalPart::Principal => &principal,
    };
    let match_key = config.domain.as_ref().and_then(|domain| {
        MatchKey::in_domains(&format!("{name}@{domain}"), std::slice::from_ref(domain))
    });
    let profile = Profile { username: checked_username(username)?, ..Profile::default() };
    let subject = Subject {
        kind: SubjectKind::Principal,
        // The KDC of Active Directory takes `ALICE` for `alice`, and puts into the ticket what was typed.
        value: principal.to_lowercase(),
    };
    let identity = Identity { issuer: kerberos_issuer(realm), subject, match_key };
    Ok(Claims { identity, profile, groups: GroupClaim::NotAsked })
}

/// Who vouches for the users of a realm.
#[must_use]
pub fn kerberos_issuer(realm: &str) -> Issuer {
    Issuer(format!("kerberos:{realm}"))
}

fn first_value<'a>(statement: &'a Statement, names: &[String]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        if name == NAME_ID {
            return Some(statement.name_id.trim()).filter(|value| !value.is_empty());
        }
        let values = statement.attributes.get(name)?;
        values.iter().map(|value| value.trim()).find(|value| !value.is_empty())
    })
}

fn part(name: &str, part: UsernamePart) -> &str {
    match part {
        UsernamePart::Whole => name,
        UsernamePart::Local => name.split_once('@').map_or(name, |(local, _)| local),
    }
}

fn checked_username(name: &str) -> Result<String, MappingError> {
    if is_plain(name) {
        Ok(name.to_owned())
    } else {
        Err(MappingError::BadUsername(name.to_owned()))
    }
}

/// Whether a name can be stored, shown and sent in a header without changing its meaning.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && name.chars().count() <= MAX_NAME_LENGTH
        && !name.chars().any(is_invisible)
}

/// Control characters, and those that change how the text around them is read.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    fn mapping(change: impl FnOnce(&mut ClaimsConfig)) -> Mapping {
        let mut claims = ClaimsConfig { groups: strings(&["groups"]), ..ClaimsConfig::default() };
        change(&mut claims);
        Mapping::new("corp", &strings(&["example.com"]), &claims)
    }

    fn statement(attributes: &[(&str, &[&str])]) -> Statement {
        let attributes =
            attributes.iter().map(|(name, values)| ((*name).to_owned(), strings(values)));
        Statement {
            name_id: "Alice@example.com".to_owned(),
            name_id_format: None,
            attributes: attributes.collect(),
        }
    }

    #[test]
    fn takes_the_first_attribute_that_says_something() {
        let mapping = mapping(|claims| {
            claims.username = strings(&["uid", "name_id"]);
            claims.username_part = UsernamePart::Local;
            claims.email = strings(&["none", "mail"]);
            claims.match_by = strings(&["mail"]);
        });
        let said =
            statement(&[("uid", &["", " "]), ("mail", &[" a@example.com ", "b@example.com"])]);
        let claims = mapping.claims(&said).unwrap();
        assert_eq!(claims.profile.username, "Alice");
        assert_eq!(claims.profile.email.as_deref(), Some("a@example.com"));
        assert_eq!(claims.identity.match_key.unwrap().as_str(), "a@example.com");
    }

    #[test]
    fn an_issuer_speaks_for_no_domain_but_its_own() {
        let mapping = mapping(|claims| claims.match_by = strings(&["mail"]));
        let claims = mapping.claims(&statement(&[("mail", &["root@other.com"])])).unwrap();
        assert_eq!(claims.identity.match_key, None);
    }

    #[test]
    fn tells_the_states_of_the_group_claim_apart() {
        let groups = |attributes: &[(&str, &[&str])]| {
            mapping(|_| {}).claims(&statement(attributes)).unwrap().groups
        };
        let one = BTreeSet::from(["jira-users".to_owned()]);
        assert_eq!(
            groups(&[("groups", &["jira-users", " ", "jira-users"])]),
            GroupClaim::Present(one)
        );
        assert_eq!(groups(&[("groups", &[])]), GroupClaim::Empty);
        assert_eq!(groups(&[("groups", &[""])]), GroupClaim::Empty);
        assert_eq!(groups(&[]), GroupClaim::Absent);
        assert_eq!(groups(&[(OVERAGE_ATTRIBUTES[0], &["https://graph"])]), GroupClaim::Overage);
        let not_asked = mapping(|claims| claims.groups.clear());
        assert_eq!(not_asked.claims(&statement(&[])).unwrap().groups, GroupClaim::NotAsked);
    }

    #[test]
    fn a_transient_name_id_is_nobodys_subject() {
        let transient = Statement {
            name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:transient".to_owned()),
            ..statement(&[("oid", &["42"])])
        };
        assert_eq!(mapping(|_| {}).claims(&transient), Err(MappingError::TransientSubject));
        let by_attribute = mapping(|claims| claims.subject = strings(&["oid"]));
        assert_eq!(by_attribute.claims(&transient).unwrap().identity.subject.value, "42");
    }

    #[test]
    fn refuses_usernames_that_are_not_what_they_look_like() {
        for name in ["a\u{202e}b", "a\nb", "a\u{200b}", &"a".repeat(256)] {
            let said = Statement { name_id: name.to_owned(), ..Statement::default() };
            let refused = mapping(|_| {}).claims(&said).unwrap_err();
            assert_eq!(refused.code(), "username-unusable", "{name:?}");
        }
        let refused = mapping(|_| {}).claims(&Statement::default()).unwrap_err();
        assert_eq!(refused.code(), "username-missing");
    }

    #[test]
    fn a_principal_becomes_a_name_of_its_realms_domain() {
        let realm = |username| RealmConfig {
            name: "EXAMPLE.COM".to_owned(),
            domain: Some("example.com".to_owned()),
            username,
        };
        let claims =
            claims_of_principal("ALICE", "EXAMPLE.COM", &[realm(PrincipalPart::Name)]).unwrap();
        assert_eq!(claims.profile.username, "ALICE");
        assert_eq!(claims.identity.match_key.unwrap().as_str(), "alice@example.com");
        assert_eq!(claims.identity.subject.value, "alice@example.com");

        let whole = claims_of_principal("a", "EXAMPLE.COM", &[realm(PrincipalPart::Principal)]);
        assert_eq!(whole.unwrap().profile.username, "a@EXAMPLE.COM");
        let computer = claims_of_principal("PC1$", "EXAMPLE.COM", &[realm(PrincipalPart::Name)]);
        assert_eq!(computer.unwrap_err().code(), "computer-account");
        for unknown in ["OTHER.COM", "example.com"] {
            let refused = claims_of_principal("a", unknown, &[realm(PrincipalPart::Name)]);
            assert_eq!(refused.unwrap_err().code(), "realm-unknown");
        }
    }
}
