//! Compares a sorted list with a sorted directory, or with what the last list said, one account after the
//! other.

mod accounts;
mod all;
mod claim;
mod deciding;
mod groups;
mod naming;
mod newcomers;
mod notable;
mod roster_rows;
mod rostering;
mod since;

use std::io;

use tokio::sync::mpsc;

pub(super) use self::groups::{AlignedGroups, align_groups, list_inside_protected, number_groups};
use self::{accounts::Accounts, deciding::Deciding, notable::Notable, roster_rows::RosterRows};
use super::{
    import::ImportError,
    last_list::{Keeper, LastListReader},
    listed_row::ListedRow,
    plan_writer::{Held, PlanWriter},
    progress::{Events, Phase},
    roster::{Conflicts, RosterRequest},
};
use crate::{
    directory::{DirectoryId, GroupId},
    provisioning::Unlisted,
    store::{AccountKey, LastList, Store},
};

/// What a comparison is about.
pub(super) struct Comparison<'a> {
    pub(super) store: &'a Store,
    pub(super) directory: DirectoryId,
    /// By whose word memberships begin and end.
    pub(super) source: &'a str,
    pub(super) unlisted: Unlisted,
    pub(super) leave_out: bool,
    pub(super) events: &'a Events,
    /// Whose people are told apart by external ids; those of other lists are by name.
    pub(super) roster: Option<&'a RosterRequest>,
}

/// What a list is compared with.
pub(super) struct Before(Known);

enum Known {
    /// The directory, account by account.
    All(Box<Accounts>),
    /// What the last list said, and the accounts that it does not settle.
    Last(LastListReader, LastList),
    /// The accounts that are named, and no others.
    Named,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) held: Held,
    pub(super) unchanged: u64,
    pub(super) rejected: u64,
    /// Accounts that get another name.
    pub(super) renamed: u64,
    /// Accounts that may be used again.
    pub(super) reactivated: u64,
    pub(super) conflicts: Conflicts,
    /// What should be told by name.
    pub(super) notable: Notable,
    /// The last list, if this one says just the same.
    pub(super) same_as: Option<LastList>,
}

impl Before {
    /// Begins to read the directory, unless the last list will do.
    ///
    /// Whoever changes an account from now on may do so before or after it is read.
    pub(super) fn read(
        store: &Store,
        directory: DirectoryId,
        source: &str,
        by: &AccountKey,
        last: Option<LastList>,
    ) -> io::Result<Self> {
        Ok(Self(match last {
            Some(last) => Known::Last(LastListReader::open(store, last.id), last),
            None => Known::All(Box::new(Accounts::read(store, directory, source, by)?)),
        }))
    }

    /// Nothing but the accounts that are named.
    pub(super) fn of_the_named() -> Self {
        Self(Known::Named)
    }
}

impl Comparison<'_> {
    /// What accounts are told apart by.
    pub(super) fn key(&self) -> AccountKey {
        let issuer = self.roster.map(|request| request.issuer.clone());
        issuer.map_or(AccountKey::Name, AccountKey::Subject)
    }

    /// Writes into the plan what the list changes, and keeps what it says.
    pub(super) async fn run(
        &self,
        rows: impl Iterator<Item = io::Result<ListedRow>> + Send + 'static,
        before: Before,
        count: u64,
        groups: &[Option<GroupId>],
        plan: &mut PlanWriter,
        keeper: &mut Keeper,
    ) -> Result<Compared, ImportError> {
        let mut deciding = Deciding::begin(self, groups, plan, keeper).await?;
        let mut of_roster = None;
        if let Some(request) = self.roster {
            of_roster = Some(RosterRows::of(self.store, &request.issuer, groups).await?);
        }
        let rows = Rows { batches: batches(rows), done: 0, count, events: self.events, of_roster };
        let same_as = match before.0 {
            Known::All(accounts) => {
                all::compare(&mut deciding, rows, *accounts).await?;
                None
            }
            Known::Last(reader, last) => {
                let same = since::compare(&mut deciding, rows, reader, Some(&last)).await?;
                same.then_some(last)
            }
            Known::Named => {
                since::compare(&mut deciding, rows, LastListReader::of_nothing(), None).await?;
                None
            }
        };
        deciding.conclude().await?;
        Ok(deciding.finish(same_as))
    }
}

/// The rows of a list, batch by batch.
struct Rows<'a> {
    batches: mpsc::Receiver<io::Result<Vec<ListedRow>>>,
    done: u64,
    count: u64,
    events: &'a Events,
    /// What rows of a roster lack yet.
    of_roster: Option<RosterRows<'a>>,
}

impl Rows<'_> {
    async fn next(&mut self) -> Result<Option<Vec<ListedRow>>, ImportError> {
        if self.done > 0 {
            self.events.progress(Phase::Comparing, self.done, Some(self.count));
        }
        let mut batch = self.batches.recv().await.transpose()?;
        if let (Some(rows), Some(of_roster)) = (&mut batch, &self.of_roster) {
            of_roster.complete(rows).await?;
        }
        self.done += batch.as_ref().map_or(0, |batch| batch.len() as u64);
        Ok(batch)
    }
}

/// Rows come from files, which may block.
pub(super) fn batches<T: Send + 'static>(
    mut rows: impl Iterator<Item = io::Result<T>> + Send + 'static,
) -> mpsc::Receiver<io::Result<Vec<T>>> {
    const BATCH: usize = 500;
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        loop {
            let batch: Result<Vec<_>, _> = rows.by_ref().take(BATCH).collect();
            let is_last = batch.as_ref().map_or(true, |batch| batch.len() < BATCH);
            if sender.blocking_send(batch).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}
