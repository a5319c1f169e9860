//! The two sides of an adoption: users that an application has, and users that are said.

use std::collections::{BTreeSet, HashMap, hash_map::Entry};

use super::{
    AdoptionError,
    rows::{Column, Row, rows},
};

/// A user whom the application has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExistingUser {
    /// The name they log in under.
    pub username: String,
    /// Their email address.
    pub email: Option<String>,
    /// The name that people read.
    pub display_name: Option<String>,
    /// What the application, or the directory it reads, knows them by: Jira's `key`, Confluence's
    /// `userKey`, the id of another directory.
    pub id: Option<String>,
}

/// A user of whom an identity provider, or an export of it, speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SaidUser {
    /// Who speaks, if the export says so.
    pub issuer: Option<String>,
    /// What never changes about them, byte for byte as a login will say it.
    pub subject: String,
    /// The username that is said.
    pub username: Option<String>,
    /// Their email address.
    pub email: Option<String>,
    /// The name that people read.
    pub display_name: Option<String>,
}

const USERNAME: Column = Column {
    what: "username",
    names: &["username", "name", "key"],
    shown: "username, name or key",
};
const SUBJECT: Column = Column { what: "subject", names: &["subject"], shown: "subject" };
const ID: [&str; 4] = ["id", "externalid", "userkey", "key"];
const EMAIL: [&str; 4] = ["email", "emailaddress", "mail", "useremail"];
const DISPLAY_NAME: [&str; 2] = ["displayname", "fullname"];

/// Reads the users of an application: a CSV with a header, or answers of its REST API.
///
/// `file` is what errors call the file.
pub fn read_existing(file: &str, bytes: &[u8]) -> Result<Vec<ExistingUser>, AdoptionError> {
    let rows = rows(file, bytes, &[USERNAME])?;
    rows.iter().map(existing).collect()
}

/// Reads the users of whom `issuer` speaks, with the same shapes and a column `subject`. Without an issuer,
/// everybody: but then no more than one may speak.
///
/// The same user twice, as where pages overlap, is one.
pub fn read_said(
    file: &str,
    bytes: &[u8],
    issuer: Option<&str>,
) -> Result<Vec<SaidUser>, AdoptionError> {
    let rows = rows(file, bytes, &[SUBJECT])?;
    let mut said = Vec::with_capacity(rows.len());
    let mut seen: HashMap<String, (usize, u64)> = HashMap::with_capacity(rows.len());
    let mut issuers = BTreeSet::new();
    for row in &rows {
        let user = said_user(row)?;
        if user.issuer.is_some() && issuer.is_some() && user.issuer.as_deref() != issuer {
            continue;
        }
        issuers.extend(user.issuer.clone());
        match seen.entry(user.subject.clone()) {
            Entry::Vacant(entry) => {
                entry.insert((said.len(), row.place.line));
                said.push(user);
            }
            Entry::Occupied(entry) if said[entry.get().0] == user => {}
            Entry::Occupied(_) if issuers.len() > 1 => {}
            Entry::Occupied(entry) => {
                let (place, first) = (row.place.clone(), entry.get().1);
                return Err(AdoptionError::SubjectTwice { place, subject: user.subject, first });
            }
        }
    }
    let file = file.to_owned();
    if issuers.len() > 1 {
        return Err(AdoptionError::SeveralIssuers { file, issuers: issuers.into_iter().collect() });
    }
    if said.is_empty() {
        return Err(AdoptionError::Nobody(file));
    }
    Ok(said)
}

fn existing(row: &Row) -> Result<ExistingUser, AdoptionError> {
    row.refuse_control_characters()?;
    let username = row.require(USERNAME)?;
    // What serves as the name says nothing more as an id.
    let named_by_key = row.find(&["username", "name"]).is_none();
    let ids = if named_by_key { &ID[..3] } else { &ID[..] };
    Ok(ExistingUser {
        username: username.to_owned(),
        email: row.find(&EMAIL).map(str::to_owned),
        display_name: display_name(row),
        id: row.find(ids).map(str::to_owned),
    })
}

fn said_user(row: &Row) -> Result<SaidUser, AdoptionError> {
    row.refuse_control_characters()?;
    Ok(SaidUser {
        issuer: row.find(&["issuer"]).map(str::to_owned),
        subject: row.require(SUBJECT)?.to_owned(),
        username: row.find(USERNAME.names).map(str::to_owned),
        email: row.find(&EMAIL).map(str::to_owned),
        display_name: display_name(row),
    })
}

/// Beside a `username`, a plain `name` is the one that people read.
fn display_name(row: &Row) -> Option<String> {
    let beside = row.find(&["username"]).and_then(|_| row.find(&["name"]));
    row.find(&DISPLAY_NAME).or(beside).map(str::to_owned)
}
