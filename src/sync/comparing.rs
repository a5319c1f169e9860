//! Compares a sorted list with a sorted directory, one account after the other.

use std::collections::{HashMap, HashSet};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    accounts::Accounts,
    formats::RowError,
    import::ImportError,
    listed_row::ListedRow,
    plan_writer::{Held, PlanWriter, new_group},
    progress::{Events, Phase},
    sorter::Sorted,
};
use crate::{
    directory::{DirectoryId, GroupId, NameKey, PersonId, UserId, UserStep},
    provisioning::{
        HeldUser, ListedUser, NewNumbers, Unlisted, plan_listed, plan_new, plan_unlisted,
    },
    store::{Ids, Store, StoreError},
};

/// Numbers that are taken at once.
const NUMBERS: i64 = 1000;

/// Numbers for new people and accounts.
pub(super) struct Numbers {
    store: Store,
    next: [i64; 2],
    left: i64,
}

impl Numbers {
    pub(super) fn of(store: &Store) -> Self {
        Self { store: store.clone(), next: [0; 2], left: 0 }
    }

    async fn take(&mut self) -> Result<NewNumbers, StoreError> {
        if self.left == 0 {
            let person = self.store.take_ids(Ids::Persons, NUMBERS).await?;
            self.next = [person, self.store.take_ids(Ids::Users, NUMBERS).await?];
            self.left = NUMBERS;
        }
        let [person, user] = self.next;
        self.next = [person + 1, user + 1];
        self.left -= 1;
        Ok(NewNumbers { person: PersonId(person), user: UserId(user), uuid: Uuid::now_v7() })
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

/// What a comparison is about.
pub(super) struct Comparison<'a> {
    pub(super) store: &'a Store,
    pub(super) directory: DirectoryId,
    pub(super) unlisted: Unlisted,
    pub(super) leave_out: bool,
    pub(super) events: &'a Events,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) held: Held,
    pub(super) unchanged: u64,
    pub(super) rejected: u64,
}

impl Comparison<'_> {
    /// Writes into the plan what the list changes.
    pub(super) async fn run(
        &self,
        rows: Sorted<ListedRow>,
        mut accounts: Accounts,
        count: u64,
        groups: &[GroupId],
        plan: &mut PlanWriter,
    ) -> Result<Compared, ImportError> {
        let retired = self.store.list_retired_names(self.directory).await?;
        let retired: HashSet<String> = retired.into_iter().collect();
        let mut numbers = Numbers::of(self.store);
        let mut rows = batches(rows);
        let mut compared = Compared::default();
        let (mut done, mut last_key) = (0, String::new());
        while let Some(batch) = rows.recv().await {
            for row in batch? {
                done += 1;
                while let Some(held) = accounts.next_before(Some(&row.key)).await? {
                    self.end(&held, plan, &mut compared).await?;
                }
                if row.key == last_key {
                    self.refuse(&mut compared, twice(&row)).await?;
                    continue;
                }
                last_key.clone_from(&row.key);
                let held = accounts.next_named(&row.key).await?;
                if held.is_none() && retired.contains(&row.key) {
                    self.refuse(&mut compared, was_somebodys(&row)).await?;
                    continue;
                }
                let step = match held {
                    Some(held) => {
                        compared.held.count(&held);
                        plan_listed(&listed(row, groups), &held)
                    }
                    None => Some(plan_new(&listed(row, groups), numbers.take().await?)),
                };
                self.push(step, plan, &mut compared).await?;
            }
            self.events.progress(Phase::Comparing, done, Some(count));
        }
        while let Some(held) = accounts.next_before(None).await? {
            self.end(&held, plan, &mut compared).await?;
        }
        Ok(compared)
    }

    async fn end(
        &self,
        held: &HeldUser,
        plan: &mut PlanWriter,
        compared: &mut Compared,
    ) -> Result<(), ImportError> {
        compared.held.count(held);
        self.push(plan_unlisted(held, self.unlisted), plan, compared).await
    }

    async fn push(
        &self,
        step: Option<UserStep>,
        plan: &mut PlanWriter,
        compared: &mut Compared,
    ) -> Result<(), ImportError> {
        if let Some(step) = step {
            return Ok(plan.push(step).await?);
        }
        compared.unchanged += 1;
        Ok(())
    }

    async fn refuse(&self, compared: &mut Compared, row: RowError) -> Result<(), ImportError> {
        if !self.leave_out {
            return Err(ImportError::Row(row));
        }
        compared.rejected += 1;
        self.events.reject(row).await;
        Ok(())
    }
}

impl Held {
    fn count(&mut self, held: &HeldUser) {
        self.users += usize::from(held.state.inactive.is_none());
        for group in &held.groups {
            *self.members.entry(*group).or_default() += 1;
        }
    }
}

fn listed(mut row: ListedRow, groups: &[GroupId]) -> ListedUser {
    let numbers = row.groups.take().map(|places| {
        let number = |place: &u32| groups.get(*place as usize).copied();
        let mut numbers: Vec<_> = places.iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers
    });
    ListedUser { active: row.active, groups: numbers, profile: row.profile() }
}

fn twice(row: &ListedRow) -> RowError {
    let problem = format!("{:?} is in the list twice", row.username);
    RowError::new(row.line, "username", problem).with_row(row.username.clone())
}

fn was_somebodys(row: &ListedRow) -> RowError {
    let name = &row.username;
    let problem = format!(
        "{name:?} belonged to an account that was removed: `gatehouse user release` gives the name free"
    );
    RowError::new(row.line, "username", problem).with_row(name.clone())
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
