//! Applies a sealed plan, one chunk a transaction.
//!
//! A chunk is compared with the directory only where somebody else has written since the plan looked:
//! those accounts are left as they are now, and the next plan sees them as they are.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Chunk, PlanId, PlanState, StoredPlan, touched::Touched};
use crate::{
    directory::{Change, GroupId, UserId},
    store::{
        Connection, Priority, Store, StoreError,
        apply::groups::ensure_source,
        changes::{self, Author, Place},
        read,
        time::micros,
        within,
    },
};

/// A plan on its way into the directory.
#[derive(Debug)]
pub struct Applier {
    pub(super) plan: StoredPlan,
    pub(super) now: DateTime<Utc>,
    /// The number of the source of its memberships.
    pub(super) source: i64,
    pub(super) touched: Touched,
    pub(super) outcome: Outcome,
    ended_sessions: u64,
}

/// What was found otherwise than planned. Kept with the chunk, for whoever goes on and whoever undoes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Accounts that were left as they are.
    pub skipped: HashSet<UserId>,
    /// Memberships that were not begun: the group is gone, or they are there already.
    pub not_joined: HashSet<(UserId, GroupId)>,
    /// Groups that others have made meanwhile: the number that was taken, and theirs.
    pub renumbered: HashMap<GroupId, GroupId>,
}

impl Outcome {
    fn is_empty(&self) -> bool {
        self.skipped.is_empty() && self.not_joined.is_empty() && self.renumbered.is_empty()
    }

    /// The number that a group has.
    #[must_use]
    pub fn group(&self, planned: GroupId) -> GroupId {
        self.renumbered.get(&planned).copied().unwrap_or(planned)
    }

    /// What was found otherwise in all of a plan.
    pub async fn read_all(store: &Store, plan: PlanId) -> Result<Self, StoreError> {
        const SQL: &str = "SELECT outcome FROM plan_outcomes WHERE plan_id = $1";
        let texts: Vec<String> =
            read!(store, |pool| sqlx::query_scalar(SQL).bind(plan.0).fetch_all(pool).await?);
        let mut outcome = Self::default();
        for text in texts {
            let unreadable = |_| StoreError::Unreadable { what: "an outcome", value: text.clone() };
            outcome.add(serde_json::from_str(&text).map_err(unreadable)?);
        }
        Ok(outcome)
    }

    fn add(&mut self, other: Self) {
        self.skipped.extend(other.skipped);
        self.not_joined.extend(other.not_joined);
        self.renumbered.extend(other.renumbered);
    }
}

impl Applier {
    /// Takes a sealed plan up where it was left.
    pub async fn take_up(store: &Store, plan: PlanId) -> Result<Self, StoreError> {
        let found = store.find_plan(plan).await?;
        let found = found.filter(|found| found.state == PlanState::Sealed);
        let stored = found.ok_or(StoreError::NoPlan(plan.0))?;
        let outcome = Outcome::read_all(store, plan).await?;
        // What is undone was seen when it was done: whatever has changed since is none of it.
        let seen = stored.plan.undoes.map_or(stored.seen_seq, |batch| batch.min(stored.seen_seq));
        let touched = Touched::since(seen).read_ahead(store, &stored).await?;
        let now = stored.updated_at;
        Ok(Self { plan: stored, now, source: 0, touched, outcome, ended_sessions: 0 })
    }

    /// The plan, and how far it is.
    #[must_use]
    pub fn plan(&self) -> &StoredPlan {
        &self.plan
    }

    /// Accounts that were left as they are, because somebody else has changed them.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.outcome.skipped.len()
    }

    /// How many sessions have ended by it.
    #[must_use]
    pub fn ended_sessions(&self) -> u64 {
        self.ended_sessions
    }

    /// What takes something away lasts before anybody hears of it, and so does the end of a plan.
    fn priority(&self, chunk: &Chunk) -> Priority {
        let ends = matches!(chunk, Chunk::Endings(_) | Chunk::GroupEndings(_));
        let is_last = |end: i64| self.plan.next_chunk + 1 >= end;
        let first_ending = self.plan.first_ending;
        if ends || is_last(self.plan.chunks) || is_last(first_ending) {
            Priority::Bulk
        } else {
            Priority::Resumable
        }
    }

    async fn apply(
        &mut self,
        connection: &mut Connection<'_>,
        chunk: &Chunk,
    ) -> Result<(), StoreError> {
        // What the members of groups are is logged with their accounts.
        let is_logged = !matches!(chunk, Chunk::Members(_));
        let head = changes::advance_head(connection, i64::from(is_logged)).await?;
        self.claim(connection).await?;
        // Nobody else can write now: up to our own row, all that is new is theirs.
        self.touched.look(connection, &self.plan, head - i64::from(is_logged)).await?;
        self.touched.know(head);
        if self.source == 0 {
            self.source = ensure_source(connection, &self.plan.plan.source).await?;
        }
        let found = match chunk {
            Chunk::Groups(groups) => self.create_groups(connection, groups).await?,
            Chunk::GroupChanges(steps) => self.change_groups(connection, steps).await?,
            Chunk::Users(steps) => self.apply_users(connection, steps).await?,
            Chunk::Members(joins) => self.add_members(connection, joins).await?,
            Chunk::Endings(steps) => {
                let (found, ended) = self.apply_endings(connection, steps).await?;
                self.ended_sessions += ended;
                found
            }
            Chunk::GroupEndings(groups) => self.remove_groups(connection, groups).await?,
        };
        self.keep(connection, &found).await?;
        if is_logged {
            self.append(connection, head, chunk).await?;
            self.name_batch(connection, head).await?;
        }
        self.outcome.add(found);
        Ok(())
    }

    /// Two gateways may work on one plan; each chunk is applied by the one that comes first.
    async fn claim(&mut self, connection: &mut Connection<'_>) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE plans SET next_chunk = next_chunk + 1, updated_at = $3,
                state = CASE WHEN next_chunk + 1 = chunks THEN 'applied'
                             WHEN next_chunk + 1 = first_ending AND guard IS NOT NULL THEN 'held'
                             ELSE state END
            WHERE id = $1 AND next_chunk = $2 AND state = 'sealed' RETURNING state";
        let state: Option<String> = within!(connection, |connection| {
            sqlx::query_scalar(SQL)
                .bind(self.plan.id.0)
                .bind(self.plan.next_chunk)
                .bind(micros(self.now))
                .fetch_optional(connection)
                .await?
        });
        let state = state.as_deref().and_then(PlanState::from_word);
        self.plan.state = state.ok_or(StoreError::NoPlan(self.plan.id.0))?;
        self.plan.next_chunk += 1;
        Ok(())
    }

    /// Keeps what was found otherwise in the chunk that has just been claimed.
    async fn keep(
        &self,
        connection: &mut Connection<'_>,
        found: &Outcome,
    ) -> Result<(), StoreError> {
        const OUTCOME: &str =
            "INSERT INTO plan_outcomes (plan_id, number, outcome) VALUES ($1, $2, $3)";
        let number = self.plan.next_chunk - 1;
        if !found.is_empty() {
            let unreadable = |error: serde_json::Error| StoreError::Unreadable {
                what: "an outcome",
                value: error.to_string(),
            };
            let text = serde_json::to_string(found).map_err(unreadable)?;
            within!(connection, |connection| {
                sqlx::query(OUTCOME)
                    .bind(self.plan.id.0)
                    .bind(number)
                    .bind(text)
                    .execute(connection)
                    .await
                    .map(drop)?;
            });
        }
        Ok(())
    }

    /// The first change gives the plan its batch.
    async fn name_batch(
        &mut self,
        connection: &mut Connection<'_>,
        seq: i64,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE plans SET batch = $2 WHERE id = $1";
        if self.plan.batch.is_some() {
            return Ok(());
        }
        within!(connection, |connection| {
            sqlx::query(SQL).bind(self.plan.id.0).bind(seq).execute(connection).await.map(drop)?;
        });
        self.plan.batch = Some(seq);
        Ok(())
    }

    async fn append(
        &self,
        connection: &mut Connection<'_>,
        seq: i64,
        chunk: &Chunk,
    ) -> Result<(), StoreError> {
        let plan = &self.plan.plan;
        let number = self.plan.next_chunk - 1;
        let author = Author { actor: &plan.actor, reason: &plan.reason, now: self.now };
        let place = Place {
            batch: self.plan.batch,
            undoes: plan.undoes,
            directory: plan.directory,
            person: None,
            user: None,
        };
        let change = Change::Chunk { plan: self.plan.id.0, number, size: chunk.size() };
        changes::append_at(connection, seq, author, place, &change).await
    }
}

impl Store {
    /// Applies the next chunk of a plan. If that fails, the plan is to be taken up again.
    pub async fn apply_chunk(
        &self,
        mut applier: Applier,
        chunk: Chunk,
        now: DateTime<Utc>,
    ) -> Result<Applier, StoreError> {
        applier.now = now;
        self.write(applier.priority(&chunk), move |transaction| {
            Box::pin(async move {
                applier.apply(&mut transaction.connection(), &chunk).await?;
                Ok(applier)
            })
        })
        .await
    }
}
