//! What can be wrong with an export or a report.

use std::fmt;

use super::BrokenRows;

/// Where something is in a file, for people. Lines and columns begin with 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u64,
    /// The character within the line; `None` where a whole row is meant.
    pub column: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// Why a file cannot be used, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdoptionError {
    /// Bytes that are no text.
    #[error(
        "{0}: this is not UTF-8: save the file once more as UTF-8 (spreadsheets say \"CSV UTF-8\")"
    )]
    NotUtf8(Place),
    /// A file without anybody is more likely a failed export than an empty application.
    #[error("{0}: there is nobody in it: export the users once more")]
    Nobody(String),
    /// The rows are no table.
    #[error("{place}: {problem}: put values with separators, quotes or line ends in double quotes")]
    Csv {
        /// Where.
        place: Place,
        /// What.
        problem: String,
    },
    /// The header lacks a column.
    #[error("{place}: the header has no column for the {what}: call one of them {names}")]
    NoColumn {
        /// Where.
        place: Place,
        /// What it would hold.
        what: &'static str,
        /// What it may be called.
        names: String,
    },
    /// The header has a column twice.
    #[error("{place}: the header has the column {name:?} twice: remove or rename one")]
    ColumnTwice {
        /// Where.
        place: Place,
        /// Which.
        name: String,
    },
    /// The text is no JSON.
    #[error("{place}: {problem}: take the answers of the application's REST API as they are")]
    Json {
        /// Where.
        place: Place,
        /// What.
        problem: String,
    },
    /// Something stands where a user should.
    #[error(
        "{0}: here should be a user, an object with fields such as \"name\" and \"displayName\""
    )]
    NotAUser(Place),
    /// A user without what names them.
    #[error("{place}: there is no {what}: add it ({names}), or remove the user from the file")]
    Missing {
        /// Where.
        place: Place,
        /// What is missing.
        what: &'static str,
        /// What it may be called.
        names: String,
    },
    /// A value with characters that nobody sees, such as the rest of a file after an open quote.
    #[error("{place}: {name:?} has control characters: correct the value; is a double quote open?")]
    ControlCharacter {
        /// Where.
        place: Place,
        /// Which column or field.
        name: String,
    },
    /// What should name one person names two.
    #[error(
        "{place}: the subject {subject:?} is that of line {first} too, and they differ: remove one"
    )]
    SubjectTwice {
        /// Where.
        place: Place,
        /// The subject.
        subject: String,
        /// The line that has it too.
        first: u64,
    },
    /// A report is about one issuer.
    #[error("{file}: several issuers speak here: choose one with --issuer: {}", .issuers.join(", "))]
    SeveralIssuers {
        /// The file.
        file: String,
        /// Who speaks.
        issuers: Vec<String>,
    },
    /// A report that cannot be applied.
    #[error("{file}: {rows}")]
    Report {
        /// The file.
        file: String,
        /// The rows, and what is wrong with them.
        rows: BrokenRows,
    },
}
