//! The report that a person looks at, corrects and applies.
//!
//! A table for spreadsheets. It begins with the mark that tells them that it is UTF-8: without, some read
//! names as another encoding, and save them broken.

use super::{
    AdoptionError, AliasRow, BrokenRows, MatchClass, Proposal, RowError, RowProblem,
    aliases::problems_of,
    csv_rows::csv_rows,
    rows::{Column, Row, text},
};

const HEADER: [&str; 7] =
    ["subject", "said_username", "said_email", "said_name", "match", "username", "why"];

const fn column(name: &'static str, names: &'static [&'static str]) -> Column {
    Column { what: name, names, shown: name }
}

/// What applying needs; the other columns are for people.
const NEEDED: [Column; 3] = [
    column("subject", &["subject"]),
    column("match", &["match"]),
    column("username", &["username"]),
];

/// What makes a spreadsheet take a value for a formula, which can call programs and send data away.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// What one program or another takes for the end of a cell.
const ENDS: [char; 4] = [';', '\t', '\r', '\n'];

/// Writes a report: a row for everybody who is said, in their order.
pub fn write_report(proposals: &[Proposal]) -> Result<Vec<u8>, AdoptionError> {
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    let written = (|| {
        writer.write_record(HEADER)?;
        for Proposal { said, class, username, why } in proposals {
            let text =
                |value: &Option<String>| for_spreadsheets(value.as_deref().unwrap_or_default());
            writer.write_record([
                for_spreadsheets(&said.subject),
                text(&said.username),
                text(&said.email),
                text(&said.display_name),
                class.as_str().to_owned(),
                text(username),
                for_spreadsheets(why),
            ])?;
        }
        writer.flush()
    })();
    let broken = |problem: String| AdoptionError::Csv {
        place: super::Place { file: "the report".to_owned(), line: 1, column: None },
        problem,
    };
    written.map_err(|error| broken(error.to_string()))?;
    writer.into_inner().map_err(|error| broken(error.to_string()))
}

/// Reads who gets which username, once a person has decided. Rows without a username decide nothing.
///
/// `file` is what errors call the file. All rows that cannot be applied are named at once.
pub fn read_report(file: &str, bytes: &[u8]) -> Result<Vec<AliasRow>, AdoptionError> {
    let rows = csv_rows(file, text(file, bytes)?, &NEEDED)?;
    let mut problems = Vec::new();
    for row in &rows {
        let word = cell(row, "match");
        if MatchClass::from_word(&word).is_none() {
            let (line, error) = (row.place.line, RowError::UnknownMatch(word));
            problems.push(RowProblem { line, error });
        }
    }
    let alias = |row: &Row| AliasRow {
        line: row.place.line,
        subject: cell(row, "subject"),
        username: cell(row, "username"),
    };
    let mut aliases: Vec<AliasRow> = rows.iter().map(alias).collect();
    problems.extend(problems_of(&aliases, true));
    if problems.is_empty() {
        aliases.retain(|row| !row.username.is_empty());
        return Ok(aliases);
    }
    problems.sort_by_key(|problem| problem.line);
    Err(AdoptionError::Report { file: file.to_owned(), rows: BrokenRows(problems) })
}

/// A value for spreadsheets: what they would execute gets an apostrophe before it, and so does what begins with an
/// apostrophe, so that [`read_report`] takes away exactly what was put there.
///
/// Some read semicolons, tabs and lines as the ends of cells, whatever else they should be: so what comes behind these is
/// looked at as well.
#[must_use]
pub fn for_spreadsheets(value: &str) -> String {
    let (mut safe, mut begins) = (String::with_capacity(value.len()), true);
    for letter in value.chars() {
        if begins && (FORMULAS.contains(&letter) || letter == '\'') {
            safe.push('\'');
        }
        safe.push(letter);
        begins = ENDS.contains(&letter);
    }
    safe
}

/// The value that [`for_spreadsheets`] wrote. What a person has typed stays, such as `'t Hooft`.
fn unguarded(value: &str) -> String {
    let (mut plain, mut begins) = (String::with_capacity(value.len()), true);
    let mut letters = value.chars().peekable();
    while let Some(mut letter) = letters.next() {
        if begins && letter == '\'' {
            let guarded = letters.next_if(|next| FORMULAS.contains(next) || *next == '\'');
            letter = guarded.unwrap_or(letter);
        }
        plain.push(letter);
        begins = ENDS.contains(&letter);
    }
    plain
}

fn cell(row: &Row, name: &str) -> String {
    row.cells.get(name).map_or(String::new(), |value| unguarded(value))
}
