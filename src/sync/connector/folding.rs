//! Folds what a round said into the mirror.
//!
//! Users are sorted by their ids and go past the mirror, which is in the same order: of a round of everything all of it,
//! of changes only those who are named. Then groups; who is in them is sorted by the group's number, so that each set is
//! read and written once. All of it can be done again from the staged pages, and comes to the same.

mod edges;
mod group_table;
mod groups;
mod hearing;
mod member_sets;
mod said_users;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use self::{groups::fold_groups, users::fold_users};
use super::{progress::Meter, sets::Bits};
use crate::{
    clock::Clock,
    cloud::Extent,
    store::{Lease, RunId, Store, StoreError},
};

/// What sorting keeps in memory.
const MEMORY: usize = 48 << 20;

/// What is folded, and whereto.
pub(super) struct Folding<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
    pub(super) lease: Lease,
    pub(super) run: RunId,
    pub(super) users: Extent,
    pub(super) groups: Extent,
    pub(super) members: Extent,
    pub(super) meter: &'a Meter,
}

/// Whom a round says something else of than was known.
#[derive(Clone, Debug, Default)]
pub(super) struct Touched {
    /// Users, or what they are in.
    pub(super) users: Bits,
    /// Groups: everybody in them, and in the groups in them.
    pub(super) groups: Bits,
    /// Whether it is about everybody.
    pub(super) everybody: bool,
}

/// What a round came to.
#[derive(Debug, Default)]
pub(super) struct FoldedRound {
    pub(super) touched: Touched,
    /// Ids of users who are not there any more, and have no number either.
    pub(super) gone: BTreeSet<String>,
    /// Where the next round of changes begins.
    pub(super) marks: BTreeMap<String, String>,
    /// Groups whose members could not be read, and why.
    pub(super) failed: BTreeMap<String, String>,
}

/// Why a round is not folded.
#[derive(Debug, thiserror::Error)]
pub(super) enum FoldError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("temporary files cannot be used: {0}; let there be room in the temporary directory")]
    Sort(#[from] std::io::Error),
    /// That is never true.
    #[error(
        "the cloud named no users at all: that is not believed, and nothing changes; look whether the \
         connector may still read users"
    )]
    Nobody,
}

impl Folding<'_> {
    /// Folds all of it. That it has been, whoever calls this has to say.
    pub(super) async fn run(self) -> Result<FoldedRound, FoldError> {
        let state = self.store.find_connector(self.lease.connector).await?;
        let users = fold_users(&self, state.next_user).await?;
        fold_groups(&self, users, state.next_group).await
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }
}
