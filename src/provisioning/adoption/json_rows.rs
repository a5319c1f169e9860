//! Answers of the applications' REST APIs, one or many after the other.
//!
//! Jira answers `GET /rest/api/2/user/search` with a list of users (`key`, `name`, `emailAddress`,
//! `displayName`, `active`). Confluence answers `GET /rest/api/user/list` and
//! `GET /rest/api/group/{name}/member` with a page, `{"results": [{"username", "userKey",
//! "displayName"}]}`, and `GET /rest/api/search` with one whose results have the user inside as `user`.
//! Bitbucket's pages have `values`.

use std::collections::BTreeMap;

use serde_json::{Deserializer, value::RawValue};

use super::{
    AdoptionError, Place,
    rows::{Row, place, plain},
};

/// What pages call their list.
const LISTS: [&str; 4] = ["results", "values", "users", "value"];

/// An object whose values have not been read yet.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Counts lines up to places that come one after the other.
struct Locator<'a> {
    file: &'a str,
    text: &'a str,
    offset: usize,
    line: u64,
}

/// Reads every user of every page.
pub(super) fn json_rows(file: &str, text: &str) -> Result<Vec<Row>, AdoptionError> {
    let mut locator = Locator { file, text, offset: 0, line: 1 };
    let mut rows = Vec::new();
    for page in Deserializer::from_str(text).into_iter::<&RawValue>() {
        let page = page.map_err(|error| AdoptionError::Json {
            place: Place {
                file: file.to_owned(),
                line: error.line() as u64,
                column: Some(error.column() as u64),
            },
            problem: error.to_string(),
        })?;
        for user in users(page) {
            rows.push(row(user, &mut locator)?);
        }
    }
    Ok(rows)
}

/// The users of a page: a list of them, a list in an object, or just one.
fn users(page: &RawValue) -> Vec<&RawValue> {
    if let Some(users) = list(page) {
        return users;
    }
    let fields: Fields = serde_json::from_str(page.get()).unwrap_or_default();
    LISTS.iter().find_map(|name| list(fields.get(*name)?)).unwrap_or_else(|| vec![page])
}

fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

fn row(user: &RawValue, locator: &mut Locator<'_>) -> Result<Row, AdoptionError> {
    let place = locator.place(user);
    let Ok(mut fields) = serde_json::from_str::<Fields>(user.get()) else {
        return Err(AdoptionError::NotAUser(locator.exact(user)));
    };
    let inner = fields.get("user").and_then(|user| serde_json::from_str::<Fields>(user.get()).ok());
    fields.extend(inner.into_iter().flatten());
    let cells = fields.into_iter().filter_map(|(name, value)| Some((plain(&name), text(value)?)));
    Ok(Row { place, cells: cells.collect() })
}

/// Text, or a number as it is written; everything else says nothing of a user.
fn text(value: &RawValue) -> Option<String> {
    let written = value.get();
    let is_number = written.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    if is_number { Some(written.to_owned()) } else { serde_json::from_str(written).ok() }
}

impl Locator<'_> {
    fn offset(&self, value: &RawValue) -> usize {
        // Read without copying, a value is a part of the text.
        (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    /// The line of a value that lies behind those asked for before.
    fn place(&mut self, value: &RawValue) -> Place {
        let offset = self.offset(value);
        let passed = self.text.get(self.offset..offset).unwrap_or_default();
        self.line += passed.matches('\n').count() as u64;
        self.offset = offset;
        Place { file: self.file.to_owned(), line: self.line, column: None }
    }

    /// The same with the column, which takes longer.
    fn exact(&self, value: &RawValue) -> Place {
        place(self.file, self.text, self.offset(value))
    }
}
