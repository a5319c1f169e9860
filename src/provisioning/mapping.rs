//! From an issuer's words to claims.

mod examples;
mod trace;

pub use self::trace::Traced;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Claims, GroupClaim,
    source::{Source, TemplateError},
    transform::{TransformError, Transformed, Transforms},
};
use crate::{
    config::{Claim, ClaimsConfig, UsernamePart},
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
    attributes: BTreeMap<String, Vec<Source>>,
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
    Template(String, TemplateError),
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
        claim: Claim,
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
        Self::of_issuer(saml_issuer(name), domains, config)
    }

    /// The mapping of whoever vouches. Its examples are tried.
    pub fn of_issuer(
        issuer: Issuer,
        domains: &[String],
        config: &ClaimsConfig,
    ) -> Result<Self, MappingConfigError> {
        let sources = |key: &str, texts: &[String]| {
            let compiled = texts.iter().map(|text| Source::compile(text));
            let compiled = compiled.collect::<Result<Vec<_>, _>>();
            compiled.map_err(|error| MappingConfigError::Template(key.to_owned(), error))
        };
        if let Some(template) = config.groups.iter().find(|name| name.contains(['{', '}'])) {
            return Err(MappingConfigError::Groups(template.clone()));
        }
        let attribute = |(name, texts): (&String, &Vec<String>)| {
            let key = format!("attributes.{name}");
            Ok::<_, MappingConfigError>((name.clone(), sources(&key, texts)?))
        };
        let mapping = Self {
            attributes: config.attributes.iter().map(attribute).collect::<Result<_, _>>()?,
            issuer,
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
        let read = |claim, sources: &[Source]| self.read(&claim, sources, statement);
        let mut attributes = BTreeMap::new();
        for (name, sources) in &self.attributes {
            let said = read(Claim::Attribute(name.clone()), sources)?;
            // What could not be shown in one line is not believed.
            let said = said.filter(|value| is_plain(value));
            attributes.extend(said.map(|value| (name.clone(), value)));
        }
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
                attributes,
            },
            groups: self.groups(statement)?,
        })
    }

    /// Every username that the statement gives, the first choice first: of people who would have the same, all but
    /// one have to take another.
    pub fn usernames(&self, statement: &Statement) -> Result<Vec<String>, MappingError> {
        let mut usernames = Vec::new();
        for source in &self.username {
            let said = self.read(&Claim::Username, std::slice::from_ref(source), statement)?;
            let name = said.map(|said| checked_username(part(&said, self.username_part)));
            usernames.extend(name.transpose()?.filter(|name| !usernames.contains(name)));
        }
        Ok(usernames)
    }

    /// What a group is called here that the issuer knows by an id and a name; nothing if transforms drop it.
    pub fn group_name(&self, id: &str, name: &str) -> Result<Option<String>, MappingError> {
        let renamed = self.group_names.get(id).or_else(|| self.group_names.get(name));
        let name = renamed.map_or(name, String::as_str).trim().to_owned();
        Ok(match self.transforms.apply(&Claim::Groups, name)? {
            Transformed::Value(name) => Some(name).filter(|name| is_plain(name)),
            Transformed::Cleared | Transformed::Ignored => None,
        })
    }

    /// What the first source says that says something, after its transforms.
    fn read(
        &self,
        claim: &Claim,
        sources: &[Source],
        statement: &Statement,
    ) -> Result<Option<String>, MappingError> {
        Ok(self.read_by(claim, sources, statement)?.map(|(value, _)| value))
    }

    /// The same, with the source that has said it.
    fn read_by<'s>(
        &self,
        claim: &Claim,
        sources: &'s [Source],
        statement: &Statement,
    ) -> Result<Option<(String, &'s Source)>, MappingError> {
        let said = |source: &'s Source| Some((source, source.read(statement)?));
        for (source, said) in sources.iter().filter_map(said) {
            match self.transforms.apply(claim, said)? {
                Transformed::Value(value) => return Ok(Some((value, source))),
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
        self.name_groups(values.iter().map(|value| (value.trim(), value.trim())))
    }

    /// What groups mean that somebody is in by the word of a cloud: each with its id there and its name there. What the
    /// configuration calls either of them comes first.
    pub fn name_groups<'a>(
        &self,
        said: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<GroupClaim, MappingError> {
        let mut groups = BTreeSet::new();
        for (id, name) in said.filter(|(_, name)| is_plain(name)) {
            let called = self.group_names.get(id).or_else(|| self.group_names.get(name));
            let name = called.map_or(name, String::as_str);
            if let Transformed::Value(name) =
                self.transforms.apply(&Claim::Groups, name.to_owned())?
                && is_plain(&name)
            {
                groups.insert(name);
            }
        }
        Ok(if groups.is_empty() { GroupClaim::Empty } else { GroupClaim::Present(groups) })
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
mod tests;
