//! Applies sealed plans, and takes up those that somebody left.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::progress::{Events, Phase};
use crate::{
    clock::Clock,
    store::{Applier, Chunk, PlanId, PlanState, Store, StoreError, StoredPlan},
};

/// Whoever has not applied a part of a plan for so long is gone.
const APPLIER_GONE: TimeDelta = TimeDelta::seconds(60);

/// Whoever computes a plan, and reads a list that comes slowly, says so every [`STILL_THERE`].
const WRITER_GONE: TimeDelta = TimeDelta::minutes(2);

/// How often whoever computes a plan says so.
pub(super) const STILL_THERE: Duration = Duration::from_secs(20);

/// Chunks that are read and unpacked ahead.
const AHEAD: usize = 4;

/// So many chunks make a directory another size than its database believes it to have.
const MANY_CHUNKS: i64 = 50;

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The batch in the log.
    pub batch: Option<i64>,
    /// Why what it takes away waits for an administrator, if it does.
    pub held: Option<String>,
    /// Accounts that were left as they are, because somebody else has changed them.
    pub skipped: u64,
    /// How many sessions ended by it.
    pub ended_sessions: u64,
}

/// Applies a sealed plan from where it is to its end, or to where it has to wait.
pub async fn apply_plan(
    store: &Store,
    clock: &Clock,
    plan: PlanId,
    events: &Events,
) -> Result<Applied, StoreError> {
    let found = store.find_plan(plan).await?.ok_or(StoreError::NoPlan(plan.0))?;
    if found.state == PlanState::Held {
        return Ok(Applied { held: found.guard, batch: found.batch, ..Applied::default() });
    }
    let mut applier = Applier::take_up(store, plan).await?;
    let stored = applier.plan();
    let (first, chunks) = (stored.next_chunk, stored.chunks);
    let last = if stored.guard.is_some() { stored.first_ending } else { chunks };
    let mut ahead = read_ahead(store, plan, first, last);
    while let Some(chunk) = ahead.recv().await {
        applier = store.apply_chunk(applier, chunk?, clock.now()).await?;
        let done = u64::try_from(applier.plan().next_chunk).unwrap_or_default();
        events.progress(Phase::Applying, done, u64::try_from(chunks).ok());
    }
    let stored = applier.plan();
    if stored.next_chunk - first > MANY_CHUNKS
        && let Err(error) = store.note_new_size().await
    {
        // All is applied; the database finds out by itself, later.
        tracing::warn!(%error, "the database does not know that a directory has grown");
    }
    Ok(Applied {
        batch: stored.batch,
        held: stored.guard.clone().filter(|_| stored.state == PlanState::Held),
        skipped: applier.skipped() as u64,
        ended_sessions: applier.ended_sessions(),
    })
}

fn read_ahead(
    store: &Store,
    plan: PlanId,
    first: i64,
    end: i64,
) -> mpsc::Receiver<Result<Chunk, StoreError>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let store = store.clone();
    tokio::spawn(async move {
        for number in first..end {
            let chunk = match store.find_chunk(plan, number).await {
                Ok(packed) => Chunk::unpack(&packed),
                Err(error) => Err(error),
            };
            if sender.send(chunk).await.is_err() {
                return;
            }
        }
    });
    receiver
}

/// Plans that somebody left: sealed ones, and those that were never sealed. `alone` says that nobody else
/// can be at work on them; else whoever has not been heard of for long is believed to be gone.
pub async fn left_plans(
    store: &Store,
    clock: &Clock,
    alone: bool,
) -> Result<Vec<StoredPlan>, StoreError> {
    let now = clock.now();
    let gone = |plan: &StoredPlan| {
        if plan.state == PlanState::Building { WRITER_GONE } else { APPLIER_GONE }
    };
    let mut plans = store.list_open_plans().await?;
    plans.retain(|plan| plan.state != PlanState::Held);
    for plan in plans.iter().filter(|plan| plan.updated_at - now > gone(plan)) {
        // By a clock that was ahead. Whoever is there says so again in time.
        store.date_plan_back(plan, now).await?;
    }
    plans.retain(|plan| alone || now - plan.updated_at > gone(plan));
    Ok(plans)
}

/// Takes up what was left: sealed plans are applied, those that were never sealed are forgotten.
pub async fn go_on(store: &Store, clock: &Clock, plans: Vec<StoredPlan>) -> Result<(), StoreError> {
    let mut failed = Ok(());
    for plan in plans {
        if plan.state == PlanState::Building {
            tracing::warn!(plan = plan.id.0, "a plan that was never complete is forgotten");
            store.delete_plan(plan.id).await?;
            continue;
        }
        tracing::warn!(plan = plan.id.0, "a plan is taken up where it was left");
        match apply_plan(store, clock, plan.id, &Events::default()).await {
            // Somebody else was quicker.
            Ok(_) | Err(StoreError::NoPlan(_)) => {}
            // Those behind it do not wait for it.
            Err(error) => {
                tracing::error!(%error, plan = plan.id.0, "a plan cannot be applied");
                failed = Err(error);
            }
        }
    }
    failed
}
