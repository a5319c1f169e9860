//! Users of a round beside those of the mirror.

use std::collections::HashMap;

use super::{FoldError, Folding, Touched, said_users};
use crate::{
    cloud::Extent,
    store::{MirrorUser, StoreError, UserWrites},
    sync::connector::{progress::RunPhase, staged::staged_pages},
};

/// Rows that are written in one transaction: a login does not wait long for them.
const AT_ONCE: usize = 1500;

/// Rows that are read at once.
const PAGE: i64 = 2000;

/// Numbers of users by the cloud's ids for them.
pub(super) type Ids = HashMap<Box<str>, u32>;

/// What users came to.
pub(super) struct FoldedUsers {
    pub(super) touched: Touched,
    /// The numbers of all users, if the round named them all.
    pub(super) ids: Option<Ids>,
    /// Who was not named in a round of everything.
    pub(super) unnamed: Vec<MirrorUser>,
    /// The number of the next new one.
    pub(super) next: u32,
}

struct Users<'a> {
    folding: &'a Folding<'a>,
    folded: FoldedUsers,
    writes: UserWrites,
    done: u64,
}

/// Folds what was said of users.
pub(super) async fn fold_users(folding: &Folding<'_>, next: i64) -> Result<FoldedUsers, FoldError> {
    let pages = staged_pages(folding.store, folding.run, true).await?;
    let sorted = tokio::task::spawn_blocking(move || said_users::sort(pages)).await;
    let said = sorted.map_err(|_| StoreError::NotWritten)??;
    let is_everything = folding.users == Extent::Everything;
    if is_everything && said.named == 0 {
        return Err(FoldError::Nobody);
    }
    let folded = FoldedUsers {
        touched: Touched::default(),
        ids: is_everything.then(Ids::new),
        unnamed: Vec::new(),
        next: u32::try_from(next).unwrap_or(u32::MAX),
    };
    let mut users = Users { folding, folded, writes: UserWrites::default(), done: 0 };
    let (mut batches, mut after) = (said_users::batches(said.sorted), String::new());
    while let Some(batch) = batches.recv().await {
        let batch = batch?;
        users.done += batch.len() as u64;
        folding.meter.set(RunPhase::Folding, users.done, Some(said.named));
        let last = batch.last().map(|last| last.id.clone()).unwrap_or_default();
        let known = if is_everything {
            users.between(&after, Some(&last), Some(&batch)).await?
        } else {
            users.named(&batch).await?
        };
        users.hear(batch, known).await?;
        after = last;
    }
    if is_everything {
        users.between(&after, None, None).await?;
    }
    users.write().await?;
    Ok(users.folded)
}

type Held = HashMap<String, (u32, Option<Vec<u8>>)>;

impl Users<'_> {
    /// What the mirror knows of those who are named.
    async fn named(&self, batch: &[said_users::SaidOf]) -> Result<Held, StoreError> {
        let ids: Vec<_> = batch.iter().map(|said| said.id.clone()).collect();
        let connector = self.folding.lease.connector;
        let found = self.folding.store.find_mirror_users(connector, &ids).await?;
        Ok(found.into_iter().map(held).collect())
    }

    /// The same; whoever is between two ids, and is not named, is not there any more.
    async fn between(
        &mut self,
        after: &str,
        to: Option<&str>,
        batch: Option<&[said_users::SaidOf]>,
    ) -> Result<Held, StoreError> {
        let named = batch.unwrap_or_default();
        let is_named = |id: &str| named.binary_search_by(|said| said.id.as_str().cmp(id)).is_ok();
        let (mut known, mut after) = (Held::new(), after.to_owned());
        let connector = self.folding.lease.connector;
        loop {
            let store = self.folding.store;
            let page = store.list_mirror_users_between(connector, &after, to, PAGE).await?;
            let is_last = page.len() < usize::try_from(PAGE).unwrap_or_default();
            after = page.last().map(|last| last.external_id.clone()).unwrap_or(after);
            for user in page {
                if is_named(&user.external_id) {
                    known.extend([held(user)]);
                } else {
                    self.miss(user);
                }
            }
            if is_last {
                return Ok(known);
            }
        }
    }

    fn miss(&mut self, user: MirrorUser) {
        if user.known.is_some() {
            self.folded.touched.users.insert(user.number);
        }
        self.learn(&user.external_id, user.number);
        self.folded.unnamed.push(user);
    }

    fn learn(&mut self, id: &str, number: u32) {
        if let Some(ids) = &mut self.folded.ids {
            ids.insert(id.into(), number);
        }
    }

    async fn hear(
        &mut self,
        batch: Vec<said_users::SaidOf>,
        mut known: Held,
    ) -> Result<(), FoldError> {
        for said in batch {
            let id = said.id.clone();
            let held = known.remove(&id);
            let before = held.as_ref().and_then(|(_, known)| known.clone());
            let after = said.heard_by(before.clone())?;
            let number = match held {
                Some((number, _)) => number,
                // Somebody who has come and gone was never there.
                None if after.is_none() => continue,
                None => {
                    let number = self.folded.next;
                    self.folded.next += 1;
                    number
                }
            };
            self.learn(&id, number);
            if after != before {
                self.folded.touched.users.insert(number);
                self.writes.known.push(MirrorUser { number, external_id: id, known: after });
            }
        }
        if self.writes.known.len() >= AT_ONCE { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), FoldError> {
        let mut writes = std::mem::take(&mut self.writes);
        if !writes.is_empty() {
            writes.next = self.folded.next;
            let Folding { store, lease, .. } = *self.folding;
            store.write_mirror_users(lease, writes, self.folding.now()).await?;
        }
        Ok(())
    }
}

fn held(user: MirrorUser) -> (String, (u32, Option<Vec<u8>>)) {
    (user.external_id, (user.number, user.known))
}
