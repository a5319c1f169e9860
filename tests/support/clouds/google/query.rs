//! `query`: clauses with blanks between them, all of which hold.

use serde_json::Value;

/// One clause: a name, how to compare, and a value. `email:adm*` begins with it, `orgUnitPath='/Sales'` is it.
pub struct Clause {
    pub name: String,
    pub exact: bool,
    pub value: String,
}

/// Reads clauses, or not.
pub fn parse(text: &str) -> Option<Vec<Clause>> {
    let mut clauses = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let sign = rest.find([':', '='])?;
        let (name, exact) = (rest[..sign].trim().to_owned(), rest[sign..].starts_with('='));
        let after = rest[sign + 1..].trim_start_matches(':');
        let (value, more) = match after.strip_prefix(['\'', '"']) {
            Some(quoted) => quoted.split_once(after.chars().next()?)?,
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        if name.is_empty() || name.contains(' ') {
            return None;
        }
        clauses.push(Clause { name, exact, value: value.to_owned() });
        rest = more.trim_start();
    }
    Some(clauses)
}

impl Clause {
    /// Whether one of some texts is so. A star is at the end, or nowhere.
    pub fn holds(&self, texts: &[&str]) -> bool {
        let value = self.value.to_lowercase();
        let is_so = |text: &&str| {
            let text = text.to_lowercase();
            match value.strip_suffix('*') {
                Some(prefix) => text.starts_with(prefix),
                None if self.exact => text == value,
                None => text.contains(&value),
            }
        };
        texts.iter().any(is_so)
    }

    pub fn is(&self, found: &Value) -> bool {
        found.as_bool().is_some_and(|found| found.to_string() == self.value.to_lowercase())
    }
}
