//! What a list said of each account, as digests: kept for the next list, and read beside it.
//!
//! An entry is the length of the key (two bytes) and the key, which is the name as it is compared or an external id, a
//! byte of marks, a digest if the list named the account, and groups that only the directory knew of. Entries follow
//! one another in the order of the keys; where a page ends means nothing.

mod keeping;

use tokio::sync::mpsc;

pub(super) use self::keeping::{Keeper, KeptFor};
use super::{import::ImportError, listed_row::Digest};
use crate::{
    directory::GroupId,
    store::{PlanId, Store, StoreError},
};

const LISTED: u8 = 1;
const ACTIVE: u8 = 2;
const GROUPS: u8 = 4;

const DIGEST: usize = size_of::<Digest>();

/// Pages that are read at once.
const AT_ONCE: i64 = 16;

/// What is known of an account once a list has come true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// What the account is told apart by.
    pub(super) key: &'a str,
    /// What the list said, if it named the account.
    pub(super) digest: Option<Digest>,
    /// Whether it may be used.
    pub(super) active: bool,
    /// The groups that it is in by the word of the list's source and that the list did not name.
    groups: &'a [u8],
}

impl Entry<'_> {
    /// See the field.
    pub(super) fn groups(&self) -> impl Iterator<Item = GroupId> {
        let (groups, _) = self.groups.as_chunks();
        groups.iter().map(|bytes| GroupId(i64::from_le_bytes(*bytes)))
    }
}

/// Writes an entry behind others.
pub(super) fn write_entry(
    to: &mut Vec<u8>,
    key: &str,
    digest: Option<Digest>,
    active: bool,
    groups: &[GroupId],
) {
    let mark = |is: bool, mark| if is { mark } else { 0 };
    let marks =
        mark(digest.is_some(), LISTED) | mark(active, ACTIVE) | mark(!groups.is_empty(), GROUPS);
    // Names and external ids have 255 characters at most.
    to.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
    to.extend(key.as_bytes());
    to.push(marks);
    to.extend(digest.iter().flatten());
    if !groups.is_empty() {
        to.extend(u32::try_from(groups.len()).unwrap_or(u32::MAX).to_le_bytes());
        to.extend(groups.iter().flat_map(|group| group.0.to_le_bytes()));
    }
}

/// The first entry of some bytes, and how long it is; nothing if the bytes end within it.
fn read_entry(bytes: &[u8]) -> Result<Option<(Entry<'_>, usize)>, std::str::Utf8Error> {
    let mut rest = bytes;
    let mut take = |count: usize| rest.split_off(..count);
    let parts = (|| {
        let length = u16::from_le_bytes(*take(2)?.as_array()?);
        let key = take(length.into())?;
        let [marks] = *take(1)?.as_array()?;
        let digest = if marks & LISTED == 0 { None } else { Some(*take(DIGEST)?.as_array()?) };
        let groups = if marks & GROUPS == 0 {
            &[]
        } else {
            let count = u32::from_le_bytes(*take(4)?.as_array()?);
            take(usize::try_from(count).ok()?.checked_mul(8)?)?
        };
        Some((key, marks, digest, groups))
    })();
    let Some((key, marks, digest, groups)) = parts else {
        return Ok(None);
    };
    let key = str::from_utf8(key)?;
    let entry = Entry { key, digest, active: marks & ACTIVE != 0, groups };
    Ok(Some((entry, bytes.len() - rest.len())))
}

/// Reads what the last list said, entry by entry.
pub(super) struct LastListReader {
    pages: mpsc::Receiver<Result<Vec<Vec<u8>>, StoreError>>,
    bytes: Vec<u8>,
    /// Where the entry that was looked at begins.
    from: usize,
    /// And how long it is.
    length: usize,
}

impl LastListReader {
    /// There was none.
    pub(super) fn of_nothing() -> Self {
        let (_, pages) = mpsc::channel(1);
        Self { pages, bytes: Vec::new(), from: 0, length: 0 }
    }

    pub(super) fn open(store: &Store, list: PlanId) -> Self {
        let (sender, pages) = mpsc::channel(2);
        let store = store.clone();
        tokio::spawn(async move {
            let mut first = 0;
            loop {
                let some = store.read_last_list(list, first, AT_ONCE).await;
                let is_end = some.as_ref().map_or(true, Vec::is_empty);
                if sender.send(some).await.is_err() || is_end {
                    return;
                }
                first += AT_ONCE;
            }
        });
        Self { pages, bytes: Vec::new(), from: 0, length: 0 }
    }

    /// Goes to the next entry, or to the first; says whether there is one.
    pub(super) async fn advance(&mut self) -> Result<bool, ImportError> {
        self.from += self.length;
        self.length = 0;
        loop {
            if let Some((_, length)) = read_entry(&self.bytes[self.from..]).map_err(unreadable)? {
                self.length = length;
                return Ok(true);
            }
            match self.pages.recv().await.transpose()? {
                Some(pages) if !pages.is_empty() => {
                    self.bytes.drain(..self.from);
                    self.from = 0;
                    self.bytes.extend(pages.iter().flatten());
                }
                _ if self.from == self.bytes.len() => return Ok(false),
                _ => return Err(unreadable("the end of an entry is missing").into()),
            }
        }
    }

    /// The entry that is looked at, with its bytes.
    pub(super) fn entry(&self) -> Result<Option<(Entry<'_>, &[u8])>, ImportError> {
        let bytes = &self.bytes[self.from..self.from + self.length];
        let entry = read_entry(bytes).map_err(unreadable)?;
        Ok(entry.map(|(entry, _)| (entry, bytes)))
    }
}

fn unreadable(problem: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable { what: "what the last list said", value: format!("{problem}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_are_read_as_they_were_written(
            entries in prop::collection::vec(
                ("\\PC{1,40}", prop::option::of(any::<Digest>()), any::<bool>(), prop::collection::vec(any::<i64>(), 0..4)),
                0..20,
            ),
        ) {
            let mut bytes = Vec::new();
            for (key, digest, active, groups) in &entries {
                let groups: Vec<_> = groups.iter().copied().map(GroupId).collect();
                write_entry(&mut bytes, key, *digest, *active, &groups);
            }
            for end in 0..bytes.len() {
                // However little of it is there, nothing is made up.
                let _ = read_entry(&bytes[..end]);
            }
            let mut rest = bytes.as_slice();
            for (key, digest, active, groups) in &entries {
                let (entry, length) = read_entry(rest).unwrap().unwrap();
                prop_assert_eq!((entry.key, entry.digest, entry.active), (key.as_str(), *digest, *active));
                prop_assert_eq!(entry.groups().map(|group| group.0).collect::<Vec<_>>(), groups.clone());
                rest = &rest[length..];
            }
            prop_assert!(rest.is_empty());
        }
    }
}
