//! Compares a sorted list with a sorted directory, or with what the last list said, one account after the
//! other.

mod accounts;
mod all;
mod deciding;
mod since;

use std::collections::HashMap;

use tokio::sync::mpsc;

use self::{accounts::Accounts, deciding::Deciding};
use super::{
    import::ImportError,
    last_list::{Keeper, LastListReader},
    listed_row::ListedRow,
    plan_writer::{Held, PlanWriter, new_group},
    progress::{Events, Phase},
    sorter::Sorted,
};
use crate::{
    directory::{DirectoryId, GroupId, NameKey},
    provisioning::Unlisted,
    store::{Ids, LastList, Store},
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
}

/// What a list is compared with.
pub(super) struct Before(Known);

enum Known {
    /// The directory, account by account.
    All(Accounts),
    /// What the last list said, and the accounts that it does not settle.
    Last(LastListReader, LastList),
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) held: Held,
    pub(super) unchanged: u64,
    pub(super) rejected: u64,
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
        last: Option<LastList>,
    ) -> std::io::Result<Self> {
        Ok(Self(match last {
            Some(last) => Known::Last(LastListReader::open(store, last.id), last),
            None => Known::All(Accounts::read(store, directory, source)?),
        }))
    }
}

impl Comparison<'_> {
    /// Writes into the plan what the list changes, and keeps what it says.
    pub(super) async fn run(
        &self,
        rows: Sorted<ListedRow>,
        before: Before,
        count: u64,
        groups: &[GroupId],
        plan: &mut PlanWriter,
        keeper: &mut Keeper,
    ) -> Result<Compared, ImportError> {
        let mut deciding = Deciding::begin(self, groups, plan, keeper).await?;
        let rows = Rows { batches: batches(rows), done: 0, count, events: self.events };
        match before.0 {
            Known::All(accounts) => {
                all::compare(&mut deciding, rows, accounts).await?;
                Ok(deciding.finish(None))
            }
            Known::Last(reader, last) => {
                let same = since::compare(&mut deciding, rows, reader, &last).await?;
                Ok(deciding.finish(same.then_some(last)))
            }
        }
    }
}

/// The rows of a list, batch by batch.
struct Rows<'a> {
    batches: mpsc::Receiver<Result<Vec<ListedRow>, std::io::Error>>,
    done: u64,
    count: u64,
    events: &'a Events,
}

impl Rows<'_> {
    async fn next(&mut self) -> Result<Option<Vec<ListedRow>>, ImportError> {
        if self.done > 0 {
            self.events.progress(Phase::Comparing, self.done, Some(self.count));
        }
        let batch = self.batches.recv().await.transpose()?;
        self.done += batch.as_ref().map_or(0, |batch| batch.len() as u64);
        Ok(batch)
    }
}

/// The groups that a list names: their numbers, those that are new included.
pub(super) async fn number_groups(
    store: &Store,
    directory: DirectoryId,
    names: &[String],
    plan: &mut PlanWriter,
) -> Result<Vec<GroupId>, ImportError> {
    let known = store.list_groups_in(directory).await?;
    let known: HashMap<_, _> =
        known.into_iter().map(|(group, _)| (group.key(), group.id)).collect();
    let found: Vec<_> = names.iter().map(|name| known.get(&NameKey::of(name)).copied()).collect();
    let missing = found.iter().filter(|id| id.is_none()).count();
    let mut next = match i64::try_from(missing).unwrap_or_default() {
        0 => 0,
        count => store.take_ids(Ids::Groups, count).await?,
    };
    let (mut numbers, mut new) = (Vec::with_capacity(names.len()), Vec::new());
    for (name, found) in names.iter().zip(found) {
        numbers.push(found.unwrap_or(GroupId(next)));
        if found.is_none() {
            new.push(new_group(next, name));
            next += 1;
        }
    }
    plan.create_groups(new).await?;
    Ok(numbers)
}

/// Rows come from files, which may block.
fn batches(mut rows: Sorted<ListedRow>) -> mpsc::Receiver<Result<Vec<ListedRow>, std::io::Error>> {
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
