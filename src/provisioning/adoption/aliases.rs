//! Usernames that subjects keep.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    hash::Hash,
};

use serde::{Deserialize, Serialize};

use super::super::mapping::checked_username;
use crate::directory::{Issuer, NameKey};

/// Longer subjects are none: they would fit into no index.
const MAX_SUBJECT_LENGTH: usize = 1024;

/// So many problems are shown; the others are counted.
const SHOWN: usize = 20;

/// A username for a subject, and where it was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasRow {
    /// The line of the report.
    #[serde(default)]
    pub line: u64,
    /// Whose it is, byte for byte as logins say it.
    pub subject: String,
    /// The username.
    pub username: String,
}

/// A row that cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// Its line in the report.
    pub line: u64,
    /// What is wrong with it.
    pub error: RowError,
}

/// What can be wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A word that no report has.
    #[error("{0:?} is no match: it is exact, probable, ambiguous or none")]
    UnknownMatch(String),
    /// A row about nobody.
    #[error("there is no subject")]
    NoSubject,
    /// A subject that no login can say.
    #[error(
        "the subject {0:?} has control characters, or more than {MAX_SUBJECT_LENGTH} characters"
    )]
    BadSubject(String),
    /// A long number, rounded by a spreadsheet.
    #[error(
        "the subject {0:?} has been rounded by a spreadsheet: take the report as it was, and import the column as text"
    )]
    Rounded(String),
    /// A username that cannot be one.
    #[error("{0}")]
    BadUsername(String),
    /// Two people would have one name.
    #[error("the username {username:?} is given in line {first} too")]
    UsernameTwice {
        /// The name.
        username: String,
        /// The line before.
        first: u64,
    },
    /// One person would have two names.
    #[error("the subject {subject:?} is in line {first} too")]
    SubjectTwice {
        /// The subject.
        subject: String,
        /// The line before.
        first: u64,
    },
    /// Somebody whom the report does not name has it since an earlier one.
    #[error("the username {username:?} is the alias of {subject:?}: remove that one first")]
    AliasOfAnother {
        /// The name.
        username: String,
        /// Who has it.
        subject: String,
    },
}

/// Every row that cannot be applied; then none is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenRows(pub Vec<RowProblem>);

impl fmt::Display for BrokenRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was applied")?;
        for RowProblem { line, error } in self.0.iter().take(SHOWN) {
            write!(f, "\n  line {line}: {error}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// A subject as logins by the issuer say it: principals come in lower case, everything else byte for byte.
#[must_use]
pub fn subject_of(issuer: &Issuer, subject: &str) -> String {
    if issuer.0.starts_with("kerberos:") { subject.to_lowercase() } else { subject.to_owned() }
}

/// Refuses rows that cannot be aliases, or contradict each other; all of them at once.
pub fn check_aliases(rows: &[AliasRow]) -> Result<(), BrokenRows> {
    let problems = problems_of(rows, false);
    if problems.is_empty() { Ok(()) } else { Err(BrokenRows(problems)) }
}

/// What is wrong with rows. Where nothing may be decided yet, a username may be empty.
pub(super) fn problems_of(rows: &[AliasRow], undecided: bool) -> Vec<RowProblem> {
    let mut problems = Vec::new();
    let mut names: HashMap<NameKey, u64> = HashMap::with_capacity(rows.len());
    let mut subjects: HashMap<&str, u64> = HashMap::with_capacity(rows.len());
    for AliasRow { line, subject, username } in rows {
        let mut refuse = |error| problems.push(RowProblem { line: *line, error });
        if let Err(error) = check_subject(subject) {
            refuse(error);
        } else if let Some(first) = seen_before(&mut subjects, subject, *line) {
            refuse(RowError::SubjectTwice { subject: subject.clone(), first });
        }
        if undecided && username.is_empty() {
            continue;
        }
        if let Err(error) = checked_username(username) {
            refuse(RowError::BadUsername(error.to_string()));
        } else if let Some(first) = seen_before(&mut names, NameKey::of(username), *line) {
            refuse(RowError::UsernameTwice { username: username.clone(), first });
        }
    }
    problems
}

/// The line that had it first, if one before had it.
fn seen_before<K: Eq + Hash>(seen: &mut HashMap<K, u64>, key: K, line: u64) -> Option<u64> {
    match seen.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(line);
            None
        }
        Entry::Occupied(entry) => Some(*entry.get()),
    }
}

pub(super) fn check_subject(subject: &str) -> Result<(), RowError> {
    if subject.is_empty() {
        return Err(RowError::NoSubject);
    }
    if subject.contains(char::is_control) || subject.chars().count() > MAX_SUBJECT_LENGTH {
        return Err(RowError::BadSubject(subject.to_owned()));
    }
    if is_rounded(subject) {
        return Err(RowError::Rounded(subject.to_owned()));
    }
    Ok(())
}

/// Whether it is what spreadsheets make of long numbers: `1.05E+20`.
fn is_rounded(subject: &str) -> bool {
    let Some((mantissa, exponent)) = subject.split_once("E+") else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(exponent) && mantissa.len() > 1 && digits(&mantissa.replacen(['.', ','], "", 1))
}

/// What applying rows does to the aliases of an issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AliasPlan {
    /// Subjects that had none.
    pub added: Vec<AliasRow>,
    /// Subjects that had another one, and which.
    pub changed: Vec<(AliasRow, String)>,
    /// How many have it already.
    pub unchanged: usize,
}

/// Compares rows with the aliases that an issuer's subjects have. Who is in no row keeps theirs.
pub fn plan_aliases(
    current: &[(String, String)],
    rows: Vec<AliasRow>,
) -> Result<AliasPlan, BrokenRows> {
    check_aliases(&rows)?;
    let named: HashMap<&str, &str> =
        rows.iter().map(|row| (row.subject.as_str(), row.username.as_str())).collect();
    let kept = current.iter().filter(|(subject, _)| !named.contains_key(subject.as_str()));
    let kept: HashMap<NameKey, &str> =
        kept.map(|(subject, username)| (NameKey::of(username), subject.as_str())).collect();
    let taken = rows.iter().filter_map(|AliasRow { line, username, .. }| {
        let subject = (*kept.get(&NameKey::of(username))?).to_owned();
        let error = RowError::AliasOfAnother { username: username.clone(), subject };
        Some(RowProblem { line: *line, error })
    });
    let taken: Vec<_> = taken.collect();
    if !taken.is_empty() {
        return Err(BrokenRows(taken));
    }
    let before: HashMap<&str, &str> =
        current.iter().map(|(subject, username)| (subject.as_str(), username.as_str())).collect();
    let mut plan = AliasPlan::default();
    for row in rows {
        match before.get(row.subject.as_str()) {
            None => plan.added.push(row),
            Some(username) if *username == row.username => plan.unchanged += 1,
            Some(username) => plan.changed.push((row, (*username).to_owned())),
        }
    }
    Ok(plan)
}
