//! CSV with a header (RFC 4180), separated by commas or semicolons. Groups share a cell, separated by `|`.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read},
};

use super::{RawRow, RowError, Take};

/// The columns that are known, in the order in which they are written.
const COLUMNS: [&str; 7] =
    ["username", "email", "display_name", "first_name", "last_name", "active", "groups"];

/// What columns of attributes begin with.
pub(in crate::sync) const ATTRIBUTE: &str = "attributes.";

/// A header is looked for within the first bytes.
const LOOK_AHEAD: usize = 1 << 16;

/// Which column is where.
struct Header {
    places: [Option<usize>; 7],
    /// Names of attributes, and the columns that give them.
    attributes: Vec<(String, usize)>,
    width: usize,
}

/// Reads a list.
pub(super) fn read(from: impl Read, take: &mut Take<'_>) -> Result<(), RowError> {
    let from = Newlines { from, held: None, ended: true };
    let mut from = BufReader::with_capacity(LOOK_AHEAD, from);
    let delimiter = look_ahead(&mut from)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(from);
    let mut record = csv::ByteRecord::new();
    if !reader.read_byte_record(&mut record).map_err(|error| unreadable(&error))? {
        return Err(RowError::new(
            1,
            "",
            "the file is empty: it needs a header such as username,email,groups",
        ));
    }
    let header = Header::read(&record)?;
    while reader.read_byte_record(&mut record).map_err(|error| unreadable(&error))? {
        // The reader is behind the row now. Where it began, the reader does not say: empty lines may come
        // before it.
        let inside = memchr::memchr_iter(b'\n', record.as_slice()).count() as u64;
        let line = reader.position().line().saturating_sub(inside + 1);
        let row = header.row(line, &record);
        if take(row, &|| text_of(&record, char::from(delimiter))).is_err() {
            break;
        }
    }
    Ok(())
}

/// Every line ends with a line feed alone, the last one too, so that lines can be counted.
struct Newlines<R> {
    from: R,
    /// A byte that was read and does not fit yet.
    held: Option<u8>,
    /// Whether the last line has ended.
    ended: bool,
}

impl<R: Read> Read for Newlines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let begin = usize::from(self.held.is_some()).min(buffer.len());
            let read = self.from.read(buffer.get_mut(begin..).unwrap_or_default())?;
            let held = self.held.take();
            // At the end of the file it ends the last line.
            let end = if read == 0 { 0 } else { begin + read };
            if let (Some(held), Some(place)) = (held, buffer.first_mut()) {
                *place = held;
            }
            if end == 0 {
                return match buffer.first_mut() {
                    Some(place) if !self.ended => {
                        self.ended = true;
                        *place = b'\n';
                        Ok(1)
                    }
                    _ => Ok(0),
                };
            }
            let kept = drop_carriage_returns(&mut buffer[..end]);
            let kept = if read > 0 && buffer[kept - 1] == b'\r' {
                // What comes next decides about it.
                self.held = Some(b'\r');
                kept - 1
            } else {
                kept
            };
            if kept > 0 {
                self.ended = buffer[kept - 1] == b'\n';
                return Ok(kept);
            }
        }
    }
}

/// Drops those that a line feed follows, and says how many bytes are left.
fn drop_carriage_returns(bytes: &mut [u8]) -> usize {
    let mut kept = 0;
    for index in 0..bytes.len() {
        if bytes[index] == b'\r' && bytes.get(index + 1) == Some(&b'\n') {
            continue;
        }
        bytes[kept] = bytes[index];
        kept += 1;
    }
    kept
}

/// Skips a byte order mark, refuses what is not UTF-8 at first sight, and says what separates columns.
fn look_ahead(from: &mut BufReader<impl Read>) -> Result<u8, RowError> {
    let ahead = from.fill_buf().map_err(|error| RowError::new(1, "", error.to_string()))?;
    if ahead.starts_with(&[0xff, 0xfe]) || ahead.starts_with(&[0xfe, 0xff]) || ahead.contains(&0) {
        return Err(RowError::new(1, "", "the file is UTF-16: save it as UTF-8 (\"CSV UTF-8\")"));
    }
    let mark = if ahead.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let end = ahead.iter().position(|byte| *byte == b'\n').unwrap_or(ahead.len());
    let header = ahead.get(mark..end).unwrap_or_default();
    let count = |byte| memchr::memchr_iter(byte, header).count();
    let delimiter = if count(b';') > count(b',') { b';' } else { b',' };
    from.consume(mark);
    Ok(delimiter)
}

fn unreadable(error: &csv::Error) -> RowError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            RowError::new(line, "", error.to_string())
        }
        _ => RowError::new(line, "", format!("cannot be read: {error}")),
    }
}

/// The row again, for people to correct it.
fn text_of(record: &csv::ByteRecord, delimiter: char) -> String {
    let fields = record.iter().map(String::from_utf8_lossy);
    join(&fields.collect::<Vec<_>>(), delimiter)
}

impl Header {
    fn read(record: &csv::ByteRecord) -> Result<Self, RowError> {
        let (mut places, mut attributes) = ([None; 7], Vec::<(String, usize)>::new());
        for (place, name) in record.iter().enumerate() {
            let name = std::str::from_utf8(name).map_err(|_| {
                RowError::new(1, "", "the header is not UTF-8: save the file as UTF-8")
            })?;
            if let Some(name) = name.trim().strip_prefix(ATTRIBUTE) {
                if attributes.iter().any(|(known, _)| known == name) {
                    return Err(RowError::new(1, name, "the column is there twice"));
                }
                attributes.push((name.to_owned(), place));
                continue;
            }
            let name = name.trim().to_lowercase();
            let known = COLUMNS.iter().position(|column| *column == name);
            let known = known.ok_or_else(|| {
                let problem = format!(
                    "there is no such column: known are {}, {ATTRIBUTE}NAME",
                    COLUMNS.join(", ")
                );
                RowError::new(1, &format!("column {name:?}"), problem)
            })?;
            if places[known].replace(place).is_some() {
                return Err(RowError::new(1, &name, "the column is there twice"));
            }
        }
        if places[0].is_none() {
            return Err(RowError::new(1, "username", "the column is missing"));
        }
        Ok(Self { places, attributes, width: record.len() })
    }

    fn row(&self, line: u64, record: &csv::ByteRecord) -> Result<RawRow, RowError> {
        if record.len() != self.width {
            let problem =
                format!("has {} columns, and the header has {}", record.len(), self.width);
            return Err(RowError::new(line, "", problem));
        }
        let cell = |place: Option<usize>, name: &str| -> Result<Option<&str>, RowError> {
            let Some(bytes) = place.and_then(|place| record.get(place)) else {
                return Ok(None);
            };
            let problem = "is not UTF-8: save the file as UTF-8";
            let text = std::str::from_utf8(bytes);
            text.map(Some).map_err(|_| RowError::new(line, name, problem))
        };
        let text = |column: usize| cell(self.places[column], COLUMNS[column]);
        let mut attributes = BTreeMap::new();
        for (name, place) in &self.attributes {
            let value = cell(Some(*place), name)?.map(str::trim).unwrap_or_default();
            if !value.is_empty() {
                attributes.insert(name.clone(), value.to_owned());
            }
        }
        let owned = |column| -> Result<Option<String>, RowError> {
            Ok(text(column)?.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned))
        };
        Ok(RawRow {
            line,
            username: text(0)?.unwrap_or_default().to_owned(),
            texts: [owned(1)?, owned(2)?, owned(3)?, owned(4)?],
            attributes,
            active: read_active(line, text(5)?)?,
            groups: text(6)?.map(split_groups),
        })
    }
}

fn read_active(line: u64, cell: Option<&str>) -> Result<Option<bool>, RowError> {
    let word = cell.unwrap_or_default().trim().to_lowercase();
    match word.as_str() {
        "" => Ok(None),
        "true" | "yes" | "1" => Ok(Some(true)),
        "false" | "no" | "0" => Ok(Some(false)),
        _ => Err(RowError::new(line, "active", format!("{word:?} is neither true nor false"))),
    }
}

/// The names in a cell: `a|b`, with `\|` and `\\` for the characters themselves.
fn split_groups(cell: &str) -> Vec<String> {
    if !cell.contains('\\') {
        let names = cell.split('|').map(str::trim).filter(|name| !name.is_empty());
        return names.map(str::to_owned).collect();
    }
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut characters = cell.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => name.extend(characters.next()),
            '|' => names.push(std::mem::take(&mut name)),
            character => name.push(character),
        }
    }
    names.push(name);
    let names = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// The header that is written.
pub(in crate::sync) fn csv_header(attributes: &[String]) -> String {
    let columns = COLUMNS.iter().map(ToString::to_string);
    let attributes = attributes.iter().map(|name| format!("{ATTRIBUTE}{name}"));
    csv_line(&columns.chain(attributes).collect::<Vec<_>>())
}

/// A line of CSV, without its end.
pub(in crate::sync) fn csv_line<T: AsRef<str>>(cells: &[T]) -> String {
    join(cells, ',')
}

/// Cells are quoted where they must be.
fn join<T: AsRef<str>>(cells: &[T], delimiter: char) -> String {
    let cell = |cell: &T| {
        let text = cell.as_ref();
        if text.contains([',', ';', '"', '\n', '\r']) || text.trim() != text {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(&delimiter.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::formats::Stop;

    fn rows(text: &[u8]) -> Result<Vec<Result<RawRow, String>>, String> {
        let mut rows = Vec::new();
        let read = read(text, &mut |row, _| {
            rows.push(row.map_err(|error| error.to_string()));
            Ok::<(), Stop>(())
        });
        read.map(|()| rows).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_what_spreadsheets_write() {
        let text = "\u{feff}Username;Groups;active;email\r\n\
            ada; jira-users|wiki;yes;\"a;da@example.com\"\r\n\
            bob;;;\r\n";
        let rows = rows(text.as_bytes()).unwrap();
        let ada = rows[0].as_ref().unwrap();
        assert_eq!((ada.line, ada.username.as_str(), ada.active), (2, "ada", Some(true)));
        assert_eq!(ada.groups.as_deref().unwrap(), ["jira-users", "wiki"]);
        assert_eq!(ada.texts[0].as_deref(), Some("a;da@example.com"));
        let bob = rows[1].as_ref().unwrap();
        assert_eq!((bob.groups.as_deref(), bob.active), (Some(&[][..]), None));
    }

    #[test]
    fn names_line_column_and_rule() {
        let problem = |text: &[u8]| rows(text).unwrap_err();
        assert!(problem(b"").contains("the file is empty"));
        assert!(problem(b"\xff\xfeu\0s\0").contains("UTF-16"));
        assert_eq!(problem(b"email\n"), "line 1, username: the column is missing");
        assert!(
            problem(b"username,mail\n")
                .starts_with("line 1, column \"mail\": there is no such column")
        );
        assert!(problem(b"username,username\n").contains("twice"));
        let rows = rows(b"username,active\na,b,c\nb,maybe\n\xe9,\nc,1\n").unwrap();
        let problems: Vec<_> = rows.iter().filter_map(|row| row.as_ref().err()).collect();
        assert_eq!(problems[0], "line 2: has 3 columns, and the header has 2");
        assert_eq!(problems[1], "line 3, active: \"maybe\" is neither true nor false");
        assert_eq!(problems[2], "line 4, username: is not UTF-8: save the file as UTF-8");
        assert!(rows[3].is_ok(), "a bad line does not hide the next");
    }

    #[test]
    fn lines_are_counted_however_they_end() {
        for text in [
            "username,groups\r\n\r\na,\r\n\"b\r\nb\",\r\nc,",
            "username,groups\n\na,\n\"b\nb\",\nc,\n",
            "username,groups\n\na,\r\n\"b\nb\",\r\nc,\r",
        ] {
            let rows = rows(text.as_bytes()).unwrap();
            let lines: Vec<_> = rows.iter().map(|row| row.as_ref().unwrap().line).collect();
            assert_eq!(lines, [3, 4, 6], "{text:?}");
        }
        // Byte by byte, a line's end falls between two reads.
        let mut bytes = Vec::new();
        let slow = Newlines { from: Slow(b"a\r\nb\rc"), held: None, ended: true };
        BufReader::with_capacity(2, slow).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"a\nb\rc\n");
    }

    struct Slow(&'static [u8]);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match (self.0.split_first(), buffer.first_mut()) {
                (Some((first, rest)), Some(place)) => {
                    *place = *first;
                    self.0 = rest;
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }

    #[test]
    fn groups_are_split_as_they_were_joined() {
        assert_eq!(split_groups(r"a\|b| c |d\\"), ["a|b", "c", r"d\"]);
    }
}
