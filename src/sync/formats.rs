//! Lists of people as files: CSV and JSON.

mod csv_rows;
mod json_rows;

use std::{collections::BTreeMap, io::Read, str::FromStr};

use serde::{Deserialize, Serialize};

pub(super) use self::csv_rows::{csv_header, csv_line};

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header, then a line for each person.
    Csv,
    /// An array of objects, or one object after the other.
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(format!("{text:?} is no format: say csv or json")),
        }
    }
}

/// What a row says, not looked at yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawRow {
    pub(super) line: u64,
    pub(super) username: String,
    /// Email, display name, first and last name.
    pub(super) texts: [Option<String>; 4],
    /// What else is said.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) active: Option<bool>,
    pub(super) groups: Option<Vec<String>>,
}

/// A row that cannot be used: where, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("line {line}{}: {problem}", column.as_ref().map(|column| format!(", {column}")).unwrap_or_default())]
pub struct RowError {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// The column or key.
    pub column: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// The row itself, as far as it could be read.
    pub row: String,
}

impl RowError {
    pub(super) fn new(line: u64, column: &str, problem: impl Into<String>) -> Self {
        let column = (!column.is_empty()).then(|| column.to_owned());
        Self { line, column, problem: problem.into(), row: String::new() }
    }

    /// With the row itself.
    pub(super) fn with_row(self, row: impl Into<String>) -> Self {
        Self { row: row.into(), ..self }
    }
}

/// Whether to read on.
pub(super) type Verdict = Result<(), Stop>;

/// Nothing more is wanted.
pub(super) struct Stop;

/// What is done with each row, or with what should be one. The text of the row is made only if it is asked for.
pub(super) type Take<'a> = dyn FnMut(Result<RawRow, RowError>, &dyn Fn() -> String) -> Verdict + 'a;

/// Reads a list to its end, or until nothing more is wanted. Gives an error for what is no list at all.
pub(super) fn read_rows(
    format: Format,
    from: impl Read,
    take: &mut Take<'_>,
) -> Result<(), RowError> {
    match format {
        Format::Csv => csv_rows::read(from, take),
        Format::Json => json_rows::read(from, take),
    }
}
