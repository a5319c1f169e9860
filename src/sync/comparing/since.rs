//! A list beside what the last one said, both in the order of what people are told apart by: only accounts of which
//! something else is said, or that others have touched since, are read.

use std::{
    collections::{BTreeSet, HashMap, btree_set},
    iter::Peekable,
};

use super::{Rows, deciding::Deciding};
use crate::{
    provisioning::Unlisted,
    store::LastList,
    sync::{import::ImportError, last_list::LastListReader, listed_row::ListedRow},
};

/// Accounts that are read at once.
const AT_ONCE: usize = 500;

/// So many bytes of settled entries wait for an account before them that has to be read.
const MOST_WAITING: usize = 256 * 1024;

/// An account that has to be read.
struct Doubt {
    key: String,
    /// What the list says.
    row: Option<ListedRow>,
    /// What was kept of it.
    entry: Vec<u8>,
    /// Its place among the entries that are settled.
    place: usize,
}

/// The accounts in order.
struct Since<'d, 'a> {
    deciding: &'d mut Deciding<'a>,
    last: LastListReader,
    /// The keys of accounts that others have touched.
    touched: Peekable<btree_set::Iter<'d, String>>,
    /// Whether accounts that are in neither list are as this one wants them.
    unlisted_are_settled: bool,
    settled: Vec<u8>,
    doubts: Vec<Doubt>,
    /// Whether all that is kept was kept before.
    same: bool,
}

/// Decides about every account that is named or was. Says whether the list says the same as the last one of all of them.
pub(super) async fn compare(
    deciding: &mut Deciding<'_>,
    mut rows: Rows<'_>,
    mut reader: LastListReader,
    last: Option<&LastList>,
) -> Result<bool, ImportError> {
    reader.advance().await?;
    let (unlisted, nobody) = (deciding.comparison.unlisted, BTreeSet::new());
    let is_same = last.is_some_and(|last| last.unlisted == unlisted.as_str());
    let mut since = Since {
        deciding,
        last: reader,
        touched: last.map_or(&nobody, |last| &last.touched).iter().peekable(),
        unlisted_are_settled: unlisted == Unlisted::Keep || is_same,
        settled: Vec::new(),
        doubts: Vec::new(),
        same: true,
    };
    while let Some(batch) = rows.next().await? {
        for row in batch {
            since.pass(Some(&row.key)).await?;
            if since.deciding.is_first(&row).await? {
                since.listed(row).await?;
            }
        }
    }
    since.pass(None).await?;
    since.settle().await?;
    Ok(since.same)
}

impl Since<'_, '_> {
    /// Somebody who is in the list.
    async fn listed(&mut self, row: ListedRow) -> Result<(), ImportError> {
        let touched = self.take_touched(&row.key);
        let before = self.last.entry()?.filter(|(entry, _)| entry.key == row.key);
        let (is_there, place) = (before.is_some(), self.settled.len());
        match before {
            Some((entry, bytes)) if !touched && entry.digest == Some(row.digest) => {
                self.deciding.same(Some(&row), &entry);
                self.settled.extend(bytes);
            }
            before => {
                let entry = before.map_or_else(Vec::new, |(_, bytes)| bytes.to_vec());
                self.doubts.push(Doubt { key: row.key.clone(), row: Some(row), entry, place });
            }
        }
        if is_there {
            self.last.advance().await?;
        }
        self.settle_if_many().await
    }

    /// Everybody whose key comes before, and who is not in the list.
    async fn pass(&mut self, before: Option<&str>) -> Result<(), ImportError> {
        while let Some(key) = self.next_key(before)? {
            let touched = self.take_touched(&key);
            let kept = self.last.entry()?.filter(|(entry, _)| entry.key == key);
            let (is_there, place) = (kept.is_some(), self.settled.len());
            match kept {
                Some((entry, bytes))
                    if !touched && entry.digest.is_none() && self.unlisted_are_settled =>
                {
                    self.deciding.same(None, &entry);
                    self.settled.extend(bytes);
                }
                kept => {
                    let entry = kept.map_or_else(Vec::new, |(_, bytes)| bytes.to_vec());
                    self.doubts.push(Doubt { key, row: None, entry, place });
                }
            }
            if is_there {
                self.last.advance().await?;
            }
            self.settle_if_many().await?;
        }
        Ok(())
    }

    /// The next key that is known of before, by the last list or by whoever has touched it.
    fn next_key(&mut self, before: Option<&str>) -> Result<Option<String>, ImportError> {
        let kept = self.last.entry()?.map(|(entry, _)| entry.key);
        let touched = self.touched.peek().map(|key| key.as_str());
        let next = kept.into_iter().chain(touched).min();
        let next = next.filter(|key| before.is_none_or(|before| *key < before));
        Ok(next.map(str::to_owned))
    }

    fn take_touched(&mut self, key: &str) -> bool {
        self.touched.next_if(|touched| touched.as_str() == key).is_some()
    }

    async fn settle_if_many(&mut self) -> Result<(), ImportError> {
        let many = self.doubts.len() >= AT_ONCE || self.settled.len() >= MOST_WAITING;
        if many { self.settle().await } else { Ok(()) }
    }

    /// Reads the accounts that are in doubt, and keeps what is known then.
    async fn settle(&mut self) -> Result<(), ImportError> {
        let (doubts, settled) = (std::mem::take(&mut self.doubts), &self.settled);
        let comparison = self.deciding.comparison;
        let keys: Vec<_> = doubts.iter().map(|doubt| doubt.key.as_str()).collect();
        let mut found = HashMap::new();
        if !keys.is_empty() {
            let (store, directory) = (comparison.store, comparison.directory);
            let (source, by) = (comparison.source, comparison.key());
            found.extend(store.find_held_users(directory, source, &by, &keys).await?);
        }
        let mut from = 0;
        for Doubt { key, row, entry, place } in doubts {
            self.deciding.keep(&settled[from..place]).await?;
            from = place;
            let kept = match (row, found.remove(&key)) {
                (Some(row), held) => self.deciding.listed(row, held).await?,
                (None, Some(held)) => self.deciding.unlisted(&key, &held).await?,
                (None, None) => &[],
            };
            let kept = kept.to_vec();
            // An account that has gone, or that says something else.
            if kept != entry {
                self.same = false;
                self.deciding.differs().await?;
            }
            self.deciding.keep(&kept).await?;
        }
        self.deciding.keep(&settled[from..]).await?;
        self.settled.clear();
        Ok(())
    }
}
