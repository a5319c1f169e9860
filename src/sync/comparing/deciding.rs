//! What becomes of one account after the other, and what is kept of it.

use std::collections::HashSet;

use uuid::Uuid;

use super::{
    Compared, Comparison,
    rostering::{Rostering, is_plain_case},
};
use crate::{
    directory::{GroupId, Identity, PersonId, Subject, SubjectKind, UserId, UserStep},
    provisioning::{HeldUser, ListedUser, NewNumbers, plan_listed, plan_new, plan_unlisted},
    store::{Ids, LastList, Store, StoreError},
    sync::{
        formats::RowError,
        import::ImportError,
        last_list::{Entry, Keeper, write_entry},
        listed_row::ListedRow,
        plan_writer::{Held, PlanWriter},
        roster::{Extent, Why},
    },
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

    pub(super) async fn take(&mut self) -> Result<NewNumbers, StoreError> {
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

/// What decides about accounts, in order.
pub(super) struct Deciding<'a> {
    pub(super) comparison: &'a Comparison<'a>,
    groups: &'a [Option<GroupId>],
    plan: &'a mut PlanWriter,
    /// Names of accounts that were removed, which no import gives to anybody.
    retired: HashSet<String>,
    pub(super) numbers: Numbers,
    pub(super) compared: Compared,
    /// How many accounts are in the groups of the list, beside those that `compared` counts.
    members: Vec<usize>,
    keeper: &'a mut Keeper,
    pub(super) entry: Vec<u8>,
    last_key: String,
    /// What is known of a roster, if the list is one.
    pub(super) roster: Option<Rostering<'a>>,
}

impl<'a> Deciding<'a> {
    pub(super) async fn begin(
        comparison: &'a Comparison<'a>,
        groups: &'a [Option<GroupId>],
        plan: &'a mut PlanWriter,
        keeper: &'a mut Keeper,
    ) -> Result<Self, ImportError> {
        let (mut retired, mut roster) = (Vec::new(), None);
        match comparison.roster {
            Some(request) => {
                plan.of_some = request.extent == Extent::Only;
                roster = Some(Rostering::begin(comparison.store, request).await?);
            }
            None => retired = comparison.store.list_retired_names(comparison.directory).await?,
        }
        Ok(Self {
            comparison,
            groups,
            plan,
            retired: retired.into_iter().collect(),
            numbers: Numbers::of(comparison.store),
            compared: Compared::default(),
            members: vec![0; groups.len()],
            keeper,
            entry: Vec::new(),
            last_key: String::new(),
            roster,
        })
    }

    /// Whether a row comes first of those with its key; else it is refused.
    pub(super) async fn is_first(&mut self, row: &ListedRow) -> Result<bool, ImportError> {
        if row.key == self.last_key {
            if self.roster.is_some() {
                self.compared.conflicts.of(row, Why::Twice);
            } else {
                self.refuse(twice(row)).await?;
            }
            return Ok(false);
        }
        self.last_key.clone_from(&row.key);
        Ok(true)
    }

    /// Somebody who is in the list. Gives what is to be kept of them, if anything is.
    pub(super) async fn listed(
        &mut self,
        row: ListedRow,
        held: Option<HeldUser>,
    ) -> Result<&[u8], ImportError> {
        self.entry.clear();
        if self.roster.is_some() && !is_plain_case(&row, held.as_ref()) {
            self.defer(row, held).await?;
            return Ok(&self.entry);
        }
        if held.is_none() && self.retired.contains(&row.key) {
            self.refuse(was_somebodys(&row)).await?;
            return Ok(&self.entry);
        }
        let (key, digest) = (row.key.clone(), row.digest);
        let unsaid = row.groups.is_none();
        let step = match &held {
            Some(held) => {
                self.compared.held.count(held);
                plan_listed(&self.said(row), held)
            }
            None => Some(plan_new(&self.said(row), self.numbers.take().await?)),
        };
        let groups = held.as_ref().filter(|_| unsaid).map_or(&[][..], |held| &held.groups);
        let active = is_active(step.as_ref(), held.as_ref());
        write_entry(&mut self.entry, &key, Some(digest), active, groups);
        self.push(step).await?;
        Ok(&self.entry)
    }

    /// Somebody who is not. Gives what is to be kept of them.
    pub(super) async fn unlisted(
        &mut self,
        key: &str,
        held: &HeldUser,
    ) -> Result<&[u8], ImportError> {
        self.entry.clear();
        if self.defer_double(key, held) {
            return Ok(&self.entry);
        }
        self.compared.held.count(held);
        let step = plan_unlisted(held, self.comparison.unlisted);
        let left = step.as_ref().map_or(&[][..], |step| &step.leaves);
        let groups: Vec<_> = held.groups.iter().filter(|id| !left.contains(id)).copied().collect();
        let active = is_active(step.as_ref(), Some(held));
        write_entry(&mut self.entry, key, None, active, &groups);
        self.push(step).await?;
        Ok(&self.entry)
    }

    /// Somebody who is as the last list said and as this one says.
    pub(super) fn same(&mut self, row: Option<&ListedRow>, entry: &Entry<'_>) {
        self.compared.unchanged += 1;
        let held = &mut self.compared.held;
        held.users += usize::from(entry.active);
        for group in entry.groups() {
            *held.members.entry(group).or_default() += 1;
        }
        for place in row.iter().flat_map(|row| row.groups.iter().flatten()) {
            self.members[*place as usize] += 1;
        }
    }

    /// Keeps entries, behind those before.
    pub(super) async fn keep(&mut self, entries: &[u8]) -> Result<(), ImportError> {
        self.keeper.push(entries).await
    }

    /// What is kept is not what was kept before.
    pub(super) async fn differs(&mut self) -> Result<(), ImportError> {
        self.keeper.differs().await
    }

    pub(super) async fn push(&mut self, step: Option<UserStep>) -> Result<(), ImportError> {
        if let Some(step) = step {
            return self.push_together(vec![step]).await;
        }
        self.compared.unchanged += 1;
        Ok(())
    }

    /// Steps that come true together or not at all.
    pub(super) async fn push_together(&mut self, steps: Vec<UserStep>) -> Result<(), ImportError> {
        // The last list was true of all that this one is of only once the plan is applied.
        self.differs().await?;
        let is_back = |step: &&UserStep| {
            let inactive = step.before.as_ref().and_then(|before| before.inactive);
            inactive.is_some() && step.after.as_ref().is_some_and(|after| after.inactive.is_none())
        };
        for step in &steps {
            self.compared.notable.note(step);
        }
        self.compared.reactivated += steps.iter().filter(is_back).count() as u64;
        Ok(self.plan.push_together(steps).await?)
    }

    /// What a row says, in the directory's words.
    pub(super) fn said(&self, mut row: ListedRow) -> ListedUser {
        let numbers = row.groups.take().map(|places| {
            let number = |place: &u32| self.groups.get(*place as usize).copied().flatten();
            let mut numbers: Vec<_> = places.iter().filter_map(number).collect();
            numbers.sort_unstable();
            // Two ids of a roster can be one group.
            numbers.dedup();
            numbers
        });
        let identity = self.roster.as_ref().map(|roster| Identity {
            issuer: roster.request.issuer.clone(),
            subject: Subject { kind: SubjectKind::Attribute, value: row.key.clone() },
            match_key: row.match_key.take(),
        });
        let standing = row.standing;
        ListedUser { standing, groups: numbers, profile: row.profile(), identity }
    }

    async fn refuse(&mut self, row: RowError) -> Result<(), ImportError> {
        if !self.comparison.leave_out {
            return Err(ImportError::Row(row));
        }
        self.compared.rejected += 1;
        self.comparison.events.reject(row).await;
        Ok(())
    }

    pub(super) fn finish(mut self, same_as: Option<LastList>) -> Compared {
        for (group, members) in self.groups.iter().zip(self.members) {
            if let Some(group) = group {
                *self.compared.held.members.entry(*group).or_default() += members;
            }
        }
        Compared { same_as, ..self.compared }
    }
}

fn is_active(step: Option<&UserStep>, held: Option<&HeldUser>) -> bool {
    let after = step.and_then(|step| step.after.as_ref());
    after.or(held.map(|held| &held.state)).is_some_and(|state| state.inactive.is_none())
}

impl Held {
    pub(super) fn count(&mut self, held: &HeldUser) {
        self.users += usize::from(held.state.inactive.is_none());
        for group in &held.groups {
            *self.members.entry(*group).or_default() += 1;
        }
    }
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
