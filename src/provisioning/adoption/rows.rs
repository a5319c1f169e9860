//! Rows of an export, whatever it was written in.

use std::collections::BTreeMap;

use super::{AdoptionError, Place, csv_rows::csv_rows, json_rows::json_rows};

/// A user of an export: values by the names of their columns, as [`plain`] writes those.
#[derive(Debug)]
pub(super) struct Row {
    /// Where it begins.
    pub(super) place: Place,
    /// The values, as they are in the file.
    pub(super) cells: BTreeMap<String, String>,
}

/// A column and all that it may be called, as [`plain`] writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) what: &'static str,
    pub(super) names: &'static [&'static str],
    /// As people should write them.
    pub(super) shown: &'static str,
}

/// How names of columns are compared: `displayName`, `display_name` and `Display name` are one.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Reads a file: JSON if it begins so, else a CSV whose header has to have the columns.
pub(super) fn rows(
    file: &str,
    bytes: &[u8],
    columns: &[Column],
) -> Result<Vec<Row>, AdoptionError> {
    let text = text(file, bytes)?;
    let rows = if text.trim_start().starts_with(['[', '{']) {
        json_rows(file, text)?
    } else {
        csv_rows(file, text, columns)?
    };
    if rows.is_empty() {
        return Err(AdoptionError::Nobody(file.to_owned()));
    }
    Ok(rows)
}

/// The text of a file, without the mark that some programs begin UTF-8 with.
pub(super) fn text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, AdoptionError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        AdoptionError::NotUtf8(place(file, &good, good.len()))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Where in a text an offset is.
pub(super) fn place(file: &str, text: &str, offset: usize) -> Place {
    let before = &text[..offset];
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
    Place { file: file.to_owned(), line, column: Some(column) }
}

impl Row {
    /// The value of the first of these names that has one, without spaces around it.
    pub(super) fn find(&self, names: &[&str]) -> Option<&str> {
        let values = names.iter().filter_map(|name| self.cells.get(*name));
        values.map(|value| value.trim()).find(|value| !value.is_empty())
    }

    /// The value of a column, which has to have one.
    pub(super) fn require(&self, column: Column) -> Result<&str, AdoptionError> {
        self.find(column.names).ok_or_else(|| AdoptionError::Missing {
            place: self.place.clone(),
            what: column.what,
            names: column.shown.to_owned(),
        })
    }

    /// Refuses characters that nobody sees, which hide what a value is.
    pub(super) fn refuse_control_characters(&self) -> Result<(), AdoptionError> {
        let bad = |(_, value): &(&String, &String)| value.trim().contains(char::is_control);
        match self.cells.iter().find(bad) {
            None => Ok(()),
            Some((name, _)) => Err(AdoptionError::ControlCharacter {
                place: self.place.clone(),
                name: name.clone(),
            }),
        }
    }
}
