//! JSON: an array of objects, or one object after the other.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt,
    io::{self, BufReader, Read},
};

use serde::{
    Deserialize, Deserializer as _,
    de::{SeqAccess, Visitor},
};

use super::{RawRow, RowError, Take, Verdict};

/// A person.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Object {
    username: Option<String>,
    email: Option<String>,
    display_name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    attributes: BTreeMap<String, String>,
    active: Option<bool>,
    groups: Option<Vec<String>>,
}

/// Counts lines on the way: rows of a JSON file are named by the line that they end on.
struct Counting<'a, R> {
    from: R,
    lines: &'a Cell<u64>,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        let lines = memchr::memchr_iter(b'\n', &buffer[..read]).count();
        self.lines.set(self.lines.get() + lines as u64);
        Ok(read)
    }
}

/// Reads a list.
pub(super) fn read(from: impl Read, take: &mut Take<'_>) -> Result<(), RowError> {
    let lines = Cell::new(1);
    let mut from = Skipping::new(BufReader::with_capacity(1 << 16, from));
    let is_array = from.peek().map_err(|error| RowError::new(1, "", error.to_string()))?;
    let counting = Counting { from, lines: &lines };
    let mut deserializer = serde_json::Deserializer::from_reader(counting);
    let read = if is_array == Some(b'[') {
        deserializer.deserialize_seq(Rows { take, lines: &lines }).and_then(|()| deserializer.end())
    } else {
        let mut objects = deserializer.into_iter::<serde_json::Value>();
        loop {
            match objects.next() {
                None => break Ok(()),
                Some(Err(error)) => break Err(error),
                Some(Ok(value)) => {
                    if offer(&value, lines.get(), take).is_err() {
                        return Ok(());
                    }
                }
            }
        }
    };
    match read {
        Err(error) if error.is_data() && error.to_string().starts_with(STOPPED) => Ok(()),
        Err(error) => {
            let line = error.line().max(1) as u64;
            Err(RowError::new(line, "", format!("is no JSON: {error}")))
        }
        Ok(()) => Ok(()),
    }
}

/// What the parser says when nothing more is wanted.
const STOPPED: &str = "nothing more is wanted";

struct Rows<'a, 'b> {
    take: &'a mut Take<'b>,
    lines: &'a Cell<u64>,
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of people")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut people: A) -> Result<(), A::Error> {
        while let Some(value) = people.next_element::<serde_json::Value>()? {
            if offer(&value, self.lines.get(), self.take).is_err() {
                return Err(serde::de::Error::custom(STOPPED));
            }
        }
        Ok(())
    }
}

fn offer(value: &serde_json::Value, line: u64, take: &mut Take<'_>) -> Verdict {
    let row = Object::deserialize(value)
        .map_err(|error| RowError::new(line, "", error.to_string()))
        .and_then(|object| row(object, line));
    take(row, &|| value.to_string())
}

fn row(object: Object, line: u64) -> Result<RawRow, RowError> {
    let missing = || RowError::new(line, "username", "the key is missing");
    let username = object.username.ok_or_else(missing)?;
    let clean = |text: Option<String>| {
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let texts = [object.email, object.display_name, object.first_name, object.last_name];
    let texts = texts.map(clean);
    let attributes = object.attributes.into_iter();
    let attributes =
        attributes.filter_map(|(name, value)| Some((name, clean(Some(value))?))).collect();
    let (active, groups) = (object.active, object.groups);
    Ok(RawRow { line, username, texts, attributes, active, groups })
}

/// Looks at the first byte that is not space.
struct Skipping<R> {
    from: R,
    first: Option<u8>,
}

impl<R: Read> Skipping<R> {
    fn new(from: R) -> Self {
        Self { from, first: None }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let mut seen = 0;
        while self.from.read(&mut byte)? == 1 {
            seen += 1;
            // A byte order mark is no part of the text.
            let is_mark = seen <= 3 && matches!(byte[0], 0xef | 0xbb | 0xbf);
            if !byte[0].is_ascii_whitespace() && !is_mark {
                self.first = Some(byte[0]);
                break;
            }
        }
        Ok(self.first)
    }
}

impl<R: Read> Read for Skipping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.first.take(), buffer.first_mut()) {
            (Some(first), Some(place)) => {
                *place = first;
                Ok(1)
            }
            (first, _) => {
                self.first = first;
                self.from.read(buffer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::formats::Stop;

    fn rows(text: &str) -> Result<Vec<Result<RawRow, String>>, String> {
        let mut rows = Vec::new();
        let read = read(text.as_bytes(), &mut |row, _| {
            rows.push(row.map_err(|error| error.to_string()));
            Ok::<(), Stop>(())
        });
        read.map(|()| rows).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_an_array_and_one_object_after_the_other() {
        let people = r#"{"username":"ada","groups":["a","b"],"active":false}"#;
        for text in [format!("\u{feff} [{people},\n{people}]\n"), format!("{people}\n{people}\n")] {
            let rows = rows(&text).unwrap();
            assert_eq!(rows.len(), 2, "{text}");
            let ada = rows[1].as_ref().unwrap();
            assert_eq!((ada.username.as_str(), ada.active), ("ada", Some(false)));
            assert_eq!(ada.groups.as_deref().unwrap(), ["a", "b"]);
        }
    }

    #[test]
    fn names_line_and_rule() {
        assert!(
            rows("[{\"username\":\"a\"},\n nonsense]")
                .unwrap_err()
                .starts_with("line 2: is no JSON")
        );
        assert!(rows("{\"username\":\"a\"").unwrap_err().contains("is no JSON"));
        let rows = rows("[{\"mail\":\"x\"},{\"email\":\"x\"},{\"username\":7}]").unwrap();
        let problems: Vec<_> = rows.into_iter().map(Result::unwrap_err).collect();
        assert!(problems[0].contains("unknown field `mail`"), "{}", problems[0]);
        assert_eq!(problems[1], "line 1, username: the key is missing");
        assert!(problems[2].contains("invalid type"));
    }
}
