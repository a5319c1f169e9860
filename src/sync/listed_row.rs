//! A row of a list, on its way through the sorter.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use super::{
    roster::RosterUser,
    sorter::{Spill, read_or_end},
};
use crate::{
    directory::{InactiveReason, MatchKey, Profile},
    provisioning::Standing,
    secrets::sha256,
};

/// What a row says, in short: whoever says the same says it again.
pub(super) type Digest = [u8; 16];

/// What a row says of somebody. Ordered by the bytes of its key, then by line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListedRow {
    /// What people are told apart by: the name as it is compared, or an external id.
    pub(super) key: String,
    pub(super) line: u64,
    pub(super) username: String,
    /// Email, display name, first and last name.
    pub(super) texts: [Option<String>; 4],
    /// What else is said.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) standing: Standing,
    pub(super) match_key: Option<MatchKey>,
    /// Places in the table of group names, in order and each once.
    pub(super) groups: Option<Vec<u32>>,
    /// Of all but the line, and of the names of the groups rather than their places.
    pub(super) digest: Digest,
}

impl ListedRow {
    /// Somebody of a roster, as the `line`th of it.
    pub(super) fn of_roster(user: RosterUser, line: u64) -> Self {
        let RosterUser { external_id, profile, absence, match_key, groups, stays } = user;
        let Profile { username, email, display_name, first_name, last_name, attributes } = profile;
        Self {
            key: external_id,
            line,
            username,
            texts: [email, display_name, first_name, last_name],
            attributes,
            standing: match absence {
                _ if stays => Standing::Unsaid,
                None => Standing::Allowed,
                Some(reason) => Standing::Inactive(reason),
            },
            match_key,
            groups: (!stays).then_some(groups),
            digest: Digest::default(),
        }
    }

    /// What it says, whatever its line, the order of its groups and their spelling. Each group is a digest.
    pub(super) fn say(&self, mut groups: Option<Vec<Digest>>) -> Digest {
        let mut said = Vec::with_capacity(512);
        let mut say = |text: Option<&str>| {
            // With the length before it, so that no two rows run together to the same.
            said.extend(text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
            said.extend(text.unwrap_or_default().as_bytes());
        };
        say(Some(&self.username));
        self.texts.iter().for_each(|text| say(text.as_deref()));
        for (name, value) in &self.attributes {
            say(Some(name));
            say(Some(value));
        }
        say(self.match_key.as_ref().map(MatchKey::as_str));
        // Not to be taken for one more text.
        said.extend(self.attributes.len().to_le_bytes());
        said.push(standing_byte(self.standing));
        if let Some(digests) = &mut groups {
            digests.sort_unstable();
            said.push(1);
            said.extend(digests.iter().flatten());
        }
        shorten(&said)
    }

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
        let texts = texts + self.match_key.as_ref().map_or(0, |key| key.as_str().len());
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
        to.write_all(&[standing_byte(self.standing)])?;
        write_text(to, self.match_key.as_ref().map(MatchKey::as_str))?;
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
        let mut standing = [0];
        from.read_exact(&mut standing)?;
        let match_key = read_text(from)?.map(MatchKey::stored);
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
        let standing = standing_of(standing);
        let line = u64::from_le_bytes(line);
        let row =
            Self { key, line, username, texts, attributes, standing, match_key, groups, digest };
        Ok(Some(row))
    }
}

/// Digests are not compared with those of other people's, so half of one is enough.
pub(super) fn shorten(bytes: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(&sha256(bytes)[..size_of::<Digest>()]);
    digest
}

fn standing_byte(standing: Standing) -> u8 {
    match standing {
        Standing::Unsaid => 0,
        Standing::Active => 1,
        Standing::Allowed => 2,
        Standing::Inactive(reason) => {
            let place = InactiveReason::ALL.iter().position(|other| *other == reason);
            place.and_then(|place| u8::try_from(place + 3).ok()).unwrap_or_default()
        }
    }
}

fn standing_of([byte]: [u8; 1]) -> Standing {
    match byte {
        1 => Standing::Active,
        2 => Standing::Allowed,
        byte => byte
            .checked_sub(3)
            .and_then(|place| InactiveReason::ALL.get(usize::from(place)))
            .map_or(Standing::Unsaid, |reason| Standing::Inactive(*reason)),
    }
}

/// Rows are shorter than this by far.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX - 1)
}

pub(super) fn write_text(to: &mut impl Write, text: Option<&str>) -> io::Result<()> {
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

pub(super) fn read_rest(from: &mut impl Read, length: u32) -> io::Result<Option<String>> {
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
            standing: Standing::Inactive(InactiveReason::Idle),
            match_key: Some(MatchKey::stored("ada@example.com".to_owned())),
            groups: Some(vec![1, 5]),
            digest: [7; 16],
        };
        let mut rows = vec![row.clone()];
        for standing in [Standing::Unsaid, Standing::Active, Standing::Allowed] {
            rows.push(ListedRow { standing, match_key: None, groups: None, ..row.clone() });
        }
        let mut bytes = Vec::new();
        for row in &rows {
            row.write(&mut bytes).unwrap();
        }
        let mut from = bytes.as_slice();
        for row in rows {
            assert_eq!(ListedRow::read(&mut from).unwrap(), Some(row));
        }
        assert_eq!(ListedRow::read(&mut from).unwrap(), None);
    }
}
