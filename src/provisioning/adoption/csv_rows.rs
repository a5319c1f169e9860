//! Tables with a header, as spreadsheets and exports write them (RFC 4180).

use std::collections::BTreeSet;

use csv::{ErrorKind, ReaderBuilder, StringRecord};

use super::{
    AdoptionError, Place,
    rows::{Column, Row, plain},
};

/// What stands between values; which one depends on the country that a spreadsheet is set to.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Reads every row that is not empty. The header has to have these columns.
pub(super) fn csv_rows(
    file: &str,
    text: &str,
    columns: &[Column],
) -> Result<Vec<Row>, AdoptionError> {
    let mut reader = ReaderBuilder::new().delimiter(separator(text)).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| broken(file, text, &error))?;
    let names: Vec<String> = header.iter().map(plain).collect();
    refuse_twins(file, header, &names)?;
    require_columns(file, &names, columns)?;
    let mut rows = Vec::new();
    let mut lines = Lines { text, offset: 0, line: 1 };
    for record in reader.records() {
        let record = record.map_err(|error| broken(file, text, &error))?;
        if record.iter().all(|value| value.trim().is_empty()) {
            continue;
        }
        let line = lines.of(record.position());
        let cells = names.iter().zip(record.iter());
        rows.push(Row {
            place: row_place(file, line),
            cells: cells.map(|(name, value)| (name.clone(), value.to_owned())).collect(),
        });
    }
    Ok(rows)
}

fn require_columns(file: &str, names: &[String], columns: &[Column]) -> Result<(), AdoptionError> {
    let is_there = |column: &&Column| names.iter().any(|n| column.names.contains(&n.as_str()));
    match columns.iter().find(|column| !is_there(column)) {
        None => Ok(()),
        Some(Column { what, shown, .. }) => Err(AdoptionError::NoColumn {
            place: row_place(file, 1),
            what,
            names: (*shown).to_owned(),
        }),
    }
}

fn row_place(file: &str, line: u64) -> Place {
    Place { file: file.to_owned(), line, column: None }
}

/// The separator that the header has most of, outside quotes.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut quoted = false;
    let mut counts = [0_usize; SEPARATORS.len()];
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        if let Some(index) = SEPARATORS.iter().position(|s| *s == byte && !quoted) {
            counts[index] += 1;
        }
    }
    // Of several as frequent the first: a header of one column has none at all.
    let most = counts.iter().max().copied().unwrap_or_default();
    let index = counts.iter().position(|count| *count == most).unwrap_or_default();
    SEPARATORS[index]
}

fn refuse_twins(file: &str, header: &StringRecord, names: &[String]) -> Result<(), AdoptionError> {
    let mut seen = BTreeSet::new();
    for (name, shown) in names.iter().zip(header.iter()) {
        if !name.is_empty() && !seen.insert(name) {
            let (place, name) = (row_place(file, 1), shown.to_owned());
            return Err(AdoptionError::ColumnTwice { place, name });
        }
    }
    Ok(())
}

fn broken(file: &str, text: &str, error: &csv::Error) -> AdoptionError {
    let line = Lines { text, offset: 0, line: 1 }.of(error.position());
    let problem = match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} values, and the header {expected_len}")
        }
        _ => error.to_string(),
    };
    AdoptionError::Csv { place: row_place(file, line), problem }
}

/// Counts the lines up to places that come one after the other. The reader's own count is that of the end
/// of the row before: one too few after `\r\n`, and more after empty lines.
struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let bytes = self.text.as_bytes();
        let start = position.and_then(|position| usize::try_from(position.byte()).ok());
        let start = start.unwrap_or_default().clamp(self.offset, bytes.len());
        let ends = bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = self.text.get(self.offset..start + ends).unwrap_or_default();
        self.line += passed.matches('\n').count() as u64;
        self.offset = start + ends;
        self.line
    }
}
