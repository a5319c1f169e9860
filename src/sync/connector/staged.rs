//! What a run has been told, as it is kept until all has been said: JSON, deflated, and lists of members behind it.

mod members;

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::{
    cloud::Item,
    store::{RunId, Store, StoreError},
};

/// A page unpacks to no more than this, whatever is in the database.
const MAX_UNPACKED: u64 = 256 << 20;

/// What a page begins with. One that begins otherwise was kept by a gateway that had members in its JSON, too.
const WITH_MEMBERS: u8 = 1;

/// The byte, and the length.
const HEAD: usize = 1 + size_of::<u64>();

/// Pages that are read and unpacked ahead.
const AHEAD: usize = 3;

/// The answer to a task, and what the run has decided about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StagedPage {
    /// What was said.
    pub(super) items: Vec<Item>,
    /// What the next round begins with.
    pub(super) marks: BTreeMap<String, String>,
    /// The group whose members it is about, with its fingerprint.
    pub(super) group: Option<(String, Option<String>)>,
    /// Groups whose members were not asked for, since they are as before.
    pub(super) kept: Vec<String>,
    /// Why the members of the group could not be read.
    pub(super) failed: Option<String>,
}

impl StagedPage {
    /// Whether it says something of users, and of groups or their members.
    pub(super) fn is_about(&self) -> [bool; 2] {
        let is_user = |item: &Item| matches!(item, Item::User(_) | Item::UserGone(_));
        let users = self.items.iter().any(is_user);
        let groups = self.items.iter().any(|item| !is_user(item));
        [users, groups || self.group.is_some() || !self.kept.is_empty() || !self.marks.is_empty()]
    }

    /// As it is stored: one byte, the length of the JSON, it, and lists of members in their order.
    pub(super) fn pack(mut self) -> Result<Vec<u8>, StoreError> {
        let mut lists = Vec::new();
        for item in &mut self.items {
            if let Item::Members(members) = item {
                members::write(members, &mut lists);
                members.joined = Vec::new();
                members.left = Vec::new();
            }
        }
        let text = serde_json::to_vec(&self).map_err(|error| unreadable(&error))?;
        let mut packed = Vec::with_capacity(HEAD + text.len() / 3 + lists.len());
        packed.extend([0; HEAD]);
        let mut deflated = ZlibEncoder::new(packed, Compression::fast());
        let written = deflated.write_all(&text).and_then(|()| deflated.finish());
        let mut packed = written.map_err(|error| unreadable(&error))?;
        let length = (packed.len() - HEAD) as u64;
        packed[0] = WITH_MEMBERS;
        packed[1..HEAD].copy_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&lists);
        Ok(packed)
    }

    fn unpack(bytes: &[u8]) -> Result<Self, StoreError> {
        let Some((&[WITH_MEMBERS, ref length @ ..], rest)) = bytes.split_first_chunk::<HEAD>()
        else {
            return inflate(bytes);
        };
        let length = usize::try_from(u64::from_le_bytes(*length)).ok();
        let parts = length.and_then(|length| rest.split_at_checked(length));
        let (deflated, mut lists) = parts.ok_or_else(|| unreadable(&"it is cut off"))?;
        let mut page: Self = inflate(deflated)?;
        for item in &mut page.items {
            if let Item::Members(members) = item {
                lists = members::read(members, lists)?;
            }
        }
        Ok(page)
    }
}

fn inflate(bytes: &[u8]) -> Result<StagedPage, StoreError> {
    let mut text = Vec::new();
    let inflated = ZlibDecoder::new(bytes).take(MAX_UNPACKED).read_to_end(&mut text);
    inflated.map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unreadable { what: "a staged page", value: error.to_string() }
}

/// Everything that a run was told of users, or else of groups and members, in the order in which it was said.
pub(super) async fn staged_pages(
    store: &Store,
    run: RunId,
    about_users: bool,
) -> Result<mpsc::Receiver<Result<StagedPage, StoreError>>, StoreError> {
    let numbers = store.list_staged(run, about_users).await?;
    let (sender, pages) = mpsc::channel(1);
    let store = store.clone();
    tokio::spawn(async move {
        let read = |number| {
            let store = store.clone();
            tokio::spawn(async move {
                let packed = store.find_staged(run, number).await?;
                let unpacked = tokio::task::spawn_blocking(move || StagedPage::unpack(&packed));
                unpacked.await.map_err(|_| StoreError::NotWritten)?
            })
        };
        let mut read = stream::iter(numbers).map(read).buffered(AHEAD);
        while let Some(page) = read.next().await {
            let page = page.unwrap_or(Err(StoreError::NotWritten));
            if sender.send(page).await.is_err() {
                return;
            }
        }
    });
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::{Member, Members};

    #[test]
    fn is_unpacked_as_it_was_packed() {
        let members = Members {
            group: "g".to_owned(),
            afresh: true,
            joined: vec![Member::User("u".to_owned()), Member::Everybody],
            left: vec!["v".to_owned()],
        };
        let page = StagedPage {
            items: vec![Item::UserGone("w".to_owned()), Item::Members(members)],
            kept: vec!["k".to_owned()],
            ..StagedPage::default()
        };
        assert_eq!(page.is_about(), [true, true]);
        let packed = page.clone().pack().unwrap();
        assert_eq!(StagedPage::unpack(&packed).unwrap(), page);
        for end in 0..packed.len() {
            assert!(StagedPage::unpack(&packed[..end]).is_err(), "{end}");
        }
        // As gateways have kept them before.
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
        serde_json::to_writer(&mut deflated, &page).unwrap();
        assert_eq!(StagedPage::unpack(&deflated.finish().unwrap()).unwrap(), page);
        assert_eq!(StagedPage::default().is_about(), [false, false]);
        assert!(StagedPage::unpack(b"{}").is_err());
    }
}
