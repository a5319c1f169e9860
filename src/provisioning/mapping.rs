//! From an issuer's words to claims.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Claims, GroupClaim,
    source::{Source, TemplateError},
    transform::{TransformError, Transformed, Transforms},
};
use crate::{
    config::{Claim, ClaimsConfig, ExampleConfig, UsernamePart},
    directory::{Identity, Issuer, MatchKey, Profile, Subject, SubjectKind},
};

/// Longer names fit into no application's database.
const MAX_NAME_LENGTH: usize = 255;

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
    subject: Vec<Source>,
    username: Vec<Source>,
    username_part: UsernamePart,
    email: Vec<Source>,
    display_name: Vec<Source>,
    first_name: Vec<Source>,
    last_name: Vec<Source>,
    match_by: Vec<Source>,
    groups: Vec<String>,
    group_names: BTreeMap<String, String>,
    transforms: Transforms,
}

/// A mapping that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingConfigError {
    /// A source is no template.
    #[error("{0}: {1}")]
    Template(&'static str, TemplateError),
    /// Groups come one a value, which a template has not.
    #[error("groups: {0:?} must be the name of an attribute")]
    Groups(String),
    /// A transform.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// An example does not come out as it says.
    #[error("example[{0}]: {1}")]
    Example(usize, String),
}

/// Why a login cannot be made into claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Nothing that was said gives the username.
    #[error(
        "none of {0} gives a username: correct claims.username, or have the identity provider send one"
    )]
    NoUsername(String),
    /// Nothing that was said gives what never changes about the person.
    #[error(
        "none of {0} gives the subject: correct claims.subject, or have the identity provider send one"
    )]
    NoSubject(String),
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
    /// A value that a transform lets nobody log in with.
    #[error("{value:?} is refused by a transform of {claim}")]
    Transform {
        /// Of which claim.
        claim: &'static str,
        /// The value.
        value: String,
    },
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
            Self::Transform { .. } => "transform-refused",
            Self::UnknownRealm(_) => "realm-unknown",
        }
    }
}

impl Mapping {
    /// The mapping of the identity provider that the configuration calls `name`. Its examples are tried.
    pub fn new(
        name: &str,
        domains: &[String],
        config: &ClaimsConfig,
    ) -> Result<Self, MappingConfigError> {
        let sources = |key: &'static str, texts: &[String]| {
            let compiled = texts.iter().map(|text| Source::compile(text));
            let compiled = compiled.collect::<Result<Vec<_>, _>>();
            compiled.map_err(|error| MappingConfigError::Template(key, error))
        };
        if let Some(template) = config.groups.iter().find(|name| name.contains(['{', '}'])) {
            return Err(MappingConfigError::Groups(template.clone()));
        }
        let mapping = Self {
            issuer: saml_issuer(name),
            domains: domains.to_vec(),
            subject: sources("subject", &config.subject)?,
            username: sources("username", &config.username)?,
            username_part: config.username_part,
            email: sources("email", &config.email)?,
            display_name: sources("display_name", &config.display_name)?,
            first_name: sources("first_name", &config.first_name)?,
            last_name: sources("last_name", &config.last_name)?,
            match_by: sources("match", &config.match_by)?,
            groups: config.groups.clone(),
            group_names: config.group_names.clone(),
            transforms: Transforms::compile(&config.transform)?,
        };
        for (index, example) in config.example.iter().enumerate() {
            mapping
                .try_example(example)
                .map_err(|problem| MappingConfigError::Example(index, problem))?;
        }
        Ok(mapping)
    }

    /// Who vouches for what this mapping reads.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What the statement means.
    pub fn claims(&self, statement: &Statement) -> Result<Claims, MappingError> {
        let read = |claim, sources: &[Source]| self.read(claim, sources, statement);
        let username = read(Claim::Username, &self.username)?
            .ok_or_else(|| MappingError::NoUsername(names(&self.username)))?;
        let match_by = self.match_by.iter().find_map(|source| source.read(statement));
        let match_key = match_by.and_then(|key| MatchKey::in_domains(&key, &self.domains));
        Ok(Claims {
            identity: Identity {
                issuer: self.issuer.clone(),
                subject: self.subject(statement)?,
                match_key,
            },
            profile: Profile {
                username: checked_username(part(&username, self.username_part))?,
                email: read(Claim::Email, &self.email)?,
                display_name: read(Claim::DisplayName, &self.display_name)?,
                first_name: read(Claim::FirstName, &self.first_name)?,
                last_name: read(Claim::LastName, &self.last_name)?,
            },
            groups: self.groups(statement)?,
        })
    }

    /// What the first source says that says something, after its transforms.
    fn read(
        &self,
        claim: Claim,
        sources: &[Source],
        statement: &Statement,
    ) -> Result<Option<String>, MappingError> {
        for said in sources.iter().filter_map(|source| source.read(statement)) {
            match self.transforms.apply(claim, said)? {
                Transformed::Value(value) => return Ok(Some(value)),
                Transformed::Cleared => return Ok(None),
                Transformed::Ignored => {}
            }
        }
        Ok(None)
    }

    fn subject(&self, statement: &Statement) -> Result<Subject, MappingError> {
        if !self.subject.is_empty() {
            let value = self.subject.iter().find_map(|source| source.read(statement));
            let value = value.ok_or_else(|| MappingError::NoSubject(names(&self.subject)))?;
            return Ok(Subject { kind: SubjectKind::Attribute, value });
        }
        let format = statement.name_id_format.as_deref().unwrap_or_default();
        if format.ends_with(":nameid-format:transient") {
            return Err(MappingError::TransientSubject);
        }
        let persistent = format.ends_with(":nameid-format:persistent");
        let kind = if persistent { SubjectKind::NameidPersistent } else { SubjectKind::Nameid };
        Ok(Subject { kind, value: statement.name_id.clone() })
    }

    fn groups(&self, statement: &Statement) -> Result<GroupClaim, MappingError> {
        if self.groups.is_empty() {
            return Ok(GroupClaim::NotAsked);
        }
        let said = self.groups.iter().find_map(|name| statement.attributes.get(name));
        let Some(values) = said else {
            let overage = OVERAGE_ATTRIBUTES.iter().any(|a| statement.attributes.contains_key(*a));
            return Ok(if overage { GroupClaim::Overage } else { GroupClaim::Absent });
        };
        let mut groups = BTreeSet::new();
        for value in values.iter().map(|value| value.trim()).filter(|value| is_plain(value)) {
            let name = self.group_names.get(value).map_or(value, String::as_str);
            if let Transformed::Value(name) =
                self.transforms.apply(Claim::Groups, name.to_owned())?
                && is_plain(&name)
            {
                groups.insert(name);
            }
        }
        Ok(if groups.is_empty() { GroupClaim::Empty } else { GroupClaim::Present(groups) })
    }

    /// Whether an example comes out as it says.
    fn try_example(&self, example: &ExampleConfig) -> Result<(), String> {
        let mut attributes = example.given.clone();
        let name_id = attributes.remove("name_id").and_then(|values| values.into_iter().next());
        let name_id = name_id.unwrap_or_else(|| "example".to_owned());
        let claims = match self.claims(&Statement { name_id, name_id_format: None, attributes }) {
            Err(_) if example.username.is_empty() => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(claims) => claims,
        };
        let profile = &claims.profile;
        let expect = |claim: &str, wanted: Option<&String>, found: Option<&String>| match wanted {
            Some(wanted) if found != Some(wanted) => {
                let found = found.map_or("nothing".to_owned(), |found| format!("{found:?}"));
                Err(format!("{claim} is {found}, and not {wanted:?}"))
            }
            _ => Ok(()),
        };
        expect("username", Some(&example.username), Some(&profile.username))?;
        expect("email", example.email.as_ref(), profile.email.as_ref())?;
        expect("display_name", example.display_name.as_ref(), profile.display_name.as_ref())?;
        if let Some(wanted) = &example.groups {
            let wanted: BTreeSet<_> = wanted.iter().collect();
            let found = match &claims.groups {
                GroupClaim::Present(groups) => groups.iter().collect(),
                _ => BTreeSet::new(),
            };
            if found != wanted {
                return Err(format!("groups are {found:?}, and not {wanted:?}"));
            }
        }
        Ok(())
    }
}

/// Who vouches by the identity provider that the configuration calls so.
#[must_use]
pub fn saml_issuer(name: &str) -> Issuer {
    Issuer(format!("saml:{name}"))
}

/// The names of sources, for people.
fn names(sources: &[Source]) -> String {
    let names: Vec<_> = sources.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn part(name: &str, part: UsernamePart) -> &str {
    match part {
        UsernamePart::Whole => name,
        UsernamePart::Local => name.split_once('@').map_or(name, |(local, _)| local),
    }
}

/// A name that can be stored, shown and sent in a header without changing its meaning.
pub(super) fn checked_username(name: &str) -> Result<String, MappingError> {
    if is_plain(name) {
        Ok(name.to_owned())
    } else {
        Err(MappingError::BadUsername(name.to_owned()))
    }
}

/// Whether a name can be stored, shown and sent in a header without changing its meaning.
#[must_use]
pub fn is_plain(name: &str) -> bool {
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
    use crate::config::{LetterCase, Otherwise, TransformConfig};

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    fn mapping(change: impl FnOnce(&mut ClaimsConfig)) -> Mapping {
        let mut claims = ClaimsConfig { groups: strings(&["groups"]), ..ClaimsConfig::default() };
        change(&mut claims);
        Mapping::new("corp", &strings(&["example.com"]), &claims).unwrap()
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
    fn templates_transforms_and_group_names_are_used() {
        let transform = |claim, pattern: &str, replace: &str, otherwise| TransformConfig {
            claim,
            pattern: pattern.to_owned(),
            replace: replace.to_owned(),
            case: LetterCase::Lower,
            otherwise,
        };
        let mapping = mapping(|claims| {
            claims.username = strings(&["upn", "{given}.{sn}"]);
            claims.display_name = strings(&["{given} {sn}"]);
            claims.group_names = BTreeMap::from([("id-1".to_owned(), "app-jira".to_owned())]);
            claims.transform = vec![
                transform(Claim::Username, r"^([^@]+)@corp\.example$", "$1", Otherwise::Ignore),
                transform(Claim::Groups, "^app-(.+)$", "$1-users", Otherwise::Ignore),
            ];
        });
        // The second source is asked, but its value does not match either.
        let said = statement(&[("upn", &["x@other"]), ("given", &["Ada"]), ("sn", &["L"])]);
        assert_eq!(mapping.claims(&said).unwrap_err().code(), "username-missing");
        let said = statement(&[
            ("upn", &["Ada@corp.example"]),
            ("given", &["Ada"]),
            ("sn", &["L"]),
            ("groups", &["id-1", "app-Wiki", "other"]),
        ]);
        let claims = mapping.claims(&said).unwrap();
        assert_eq!(claims.profile.username, "ada");
        assert_eq!(claims.profile.display_name.as_deref(), Some("Ada L"));
        let groups = ["jira-users", "wiki-users"].map(str::to_owned);
        assert_eq!(claims.groups, GroupClaim::Present(groups.into()));
    }

    #[test]
    fn examples_are_tried() {
        let example = |username: &str, groups: Option<&[&str]>| ExampleConfig {
            given: BTreeMap::from([
                ("uid".to_owned(), strings(&["Ada"])),
                ("groups".to_owned(), strings(&["a", "b"])),
            ]),
            username: username.to_owned(),
            email: None,
            display_name: None,
            groups: groups.map(strings),
        };
        let outcome = |example| {
            let claims = ClaimsConfig {
                username: strings(&["uid"]),
                groups: strings(&["groups"]),
                example: vec![example],
                ..ClaimsConfig::default()
            };
            Mapping::new("corp", &[], &claims).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(outcome(example("Ada", Some(&["b", "a"]))), Ok(()));
        let wrong = outcome(example("ada", None)).unwrap_err();
        assert_eq!(wrong, r#"example[0]: username is "Ada", and not "ada""#);
        assert!(outcome(example("Ada", Some(&["a"]))).unwrap_err().contains("groups are"));
        assert!(outcome(example("", None)).unwrap_err().contains("username is"));
    }
}
