//! A row of a list, on its way through the sorter.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use super::sorter::{Spill, read_or_end};
use crate::directory::Profile;

/// What a row says, in short: whoever says the same says it again.
pub(super) type Digest = [u8; 16];

/// What a row says of somebody. Ordered by the bytes of the name's key, then by line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListedRow {
    pub(super) key: String,
    pub(super) line: u64,
    pub(super) username: String,
    /// Email, display name, first and last name.
    pub(super) texts: [Option<String>; 4],
    /// What else is said.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) active: Option<bool>,
    /// Places in the table of group names, in order and each once.
    pub(super) groups: Option<Vec<u32>>,
    /// Of all but the line, and of the names of the groups rather than their places.
    pub(super) digest: Digest,
}

impl ListedRow {
    pub(super) fn profile(&mut self) -> Profile {
        let [email, display_name, first_name, last_name] = std::mem::take(&mut self.texts);
        let username = std::mem::take(&mut self.username);
        let attributes = std::mem::take(&mut self.attributes);
        Profile { username, email, display_name, first_name, last_name, attributes }
    }
}

impl Spill for ListedRow {
    fn weight(&self) -> usize {
        const FIXED: usize = size_of::<ListedRow>();
        let texts: usize = self.texts.iter().flatten().map(String::len).sum();
        let pairs = self.attributes.iter().map(|(name, value)| name.len() + value.len() + 100);
        let texts = texts + pairs.sum::<usize>();
        let groups = self.groups.as_ref().map_or(0, |groups| groups.len() * 4);
        // Each text is an allocation of its own.
        FIXED + self.key.len() + self.username.len() + texts + groups + 7 * 16
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        write_text(to, Some(&self.key))?;
        to.write_all(&self.line.to_le_bytes())?;
        write_text(to, Some(&self.username))?;
        for text in &self.texts {
            write_text(to, text.as_deref())?;
        }
        to.write_all(&length(self.attributes.len()).to_le_bytes())?;
        for (name, value) in &self.attributes {
            write_text(to, Some(name))?;
            write_text(to, Some(value))?;
        }
        to.write_all(&[self.active.map_or(2, u8::from)])?;
        let count = self.groups.as_ref().map_or(u32::MAX, |groups| length(groups.len()));
        to.write_all(&count.to_le_bytes())?;
        for group in self.groups.iter().flatten() {
            to.write_all(&group.to_le_bytes())?;
        }
        to.write_all(&self.digest)
    }

    fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = [0; 4];
        if !read_or_end(from, &mut bytes)? {
            return Ok(None);
        }
        let key = read_rest(from, u32::from_le_bytes(bytes))?.unwrap_or_default();
        let mut line = [0; 8];
        from.read_exact(&mut line)?;
        let username = read_text(from)?.unwrap_or_default();
        let mut texts = [None, None, None, None];
        for text in &mut texts {
            *text = read_text(from)?;
        }
        from.read_exact(&mut bytes)?;
        let mut attributes = BTreeMap::new();
        for _ in 0..u32::from_le_bytes(bytes) {
            let name = read_text(from)?.unwrap_or_default();
            attributes.insert(name, read_text(from)?.unwrap_or_default());
        }
        let mut active = [0];
        from.read_exact(&mut active)?;
        let mut groups = None;
        from.read_exact(&mut bytes)?;
        let count = u32::from_le_bytes(bytes);
        if count != u32::MAX {
            let mut found = Vec::with_capacity(count as usize);
            for _ in 0..count {
                from.read_exact(&mut bytes)?;
                found.push(u32::from_le_bytes(bytes));
            }
            groups = Some(found);
        }
        let mut digest = Digest::default();
        from.read_exact(&mut digest)?;
        let active = match active {
            [2] => None,
            [active] => Some(active == 1),
        };
        let line = u64::from_le_bytes(line);
        Ok(Some(Self { key, line, username, texts, attributes, active, groups, digest }))
    }
}

/// Rows are shorter than this by far.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX - 1)
}

fn write_text(to: &mut impl Write, text: Option<&str>) -> io::Result<()> {
    let Some(text) = text else {
        return to.write_all(&u32::MAX.to_le_bytes());
    };
    to.write_all(&length(text.len()).to_le_bytes())?;
    to.write_all(text.as_bytes())
}

fn read_text(from: &mut impl Read) -> io::Result<Option<String>> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    read_rest(from, u32::from_le_bytes(bytes))
}

fn read_rest(from: &mut impl Read, length: u32) -> io::Result<Option<String>> {
    if length == u32::MAX {
        return Ok(None);
    }
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_written() {
        let text = |text: &str| Some(text.to_owned());
        let row = ListedRow {
            key: "ada".to_owned(),
            line: 7,
            username: "Ada".to_owned(),
            texts: [text("ada@example.com"), None, text(""), text("Lovelace")],
            attributes: BTreeMap::from([("room".to_owned(), "7".to_owned())]),
            active: Some(false),
            groups: Some(vec![1, 5]),
            digest: [7; 16],
        };
        let other = ListedRow { active: None, groups: None, ..row.clone() };
        let mut bytes = Vec::new();
        row.write(&mut bytes).unwrap();
        other.write(&mut bytes).unwrap();
        let mut from = bytes.as_slice();
        assert_eq!(ListedRow::read(&mut from).unwrap(), Some(row));
        assert_eq!(ListedRow::read(&mut from).unwrap(), Some(other));
        assert_eq!(ListedRow::read(&mut from).unwrap(), None);
    }
}
