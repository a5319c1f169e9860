//! An import: a list of people becomes a plan, and the plan comes true.

use std::{io::Read, time::Instant};

use serde::{Deserialize, Serialize};

use super::{
    applying::{Applied, STILL_THERE, apply_plan},
    comparing::{Before, Comparison, number_groups},
    formats::{Format, RowError},
    intake::{IntakeError, take_in},
    last_list::{Keeper, KeptFor},
    plan_writer::{PlanError, PlanWriter},
    progress::Events,
};
use crate::{
    clock::Clock,
    directory::{ChunkSize, DirectoryId},
    provisioning::Unlisted,
    store::{NewPlan, PlanId, PlanState, Seal, Store, StoreError},
};

/// What is to be imported, and how.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// Where to.
    pub directory: DirectoryId,
    /// By whose word memberships begin and end.
    pub source: String,
    /// Who wants it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// How the list is written.
    pub format: Format,
    /// What becomes of who is not in the list.
    pub unlisted: Unlisted,
    /// Whether rows that cannot be used are left out; else one refuses the list.
    pub leave_out: bool,
    /// Whether it is only to be seen what would change.
    pub dry_run: bool,
    /// Whether much may be taken away.
    pub unguarded: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportReport {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The plan, if anything had to change.
    pub plan: Option<i64>,
    /// The batch in the log, by which it can be undone.
    pub batch: Option<i64>,
    /// How many rows the list has.
    pub rows: u64,
    /// How many of them were left out.
    pub rejected: u64,
    /// How many accounts are as the list says.
    pub unchanged: u64,
    /// What changes.
    pub size: ChunkSize,
    /// Why what would be taken away waits for an administrator, if it does.
    pub held: Option<String>,
    /// Accounts that somebody else has changed meanwhile, and that are left as they are now.
    pub skipped: u64,
    /// How many sessions ended by it.
    pub ended_sessions: u64,
    /// How long reading took, comparing, applying.
    pub seconds: [f64; 3],
}

/// Why a list was not imported. But for [`ImportError::Unfinished`], nothing of it has been applied then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A row.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Rows, or the files that they are sorted in.
    #[error("{0}")]
    List(String),
    /// A list of nobody would end everybody.
    #[error("the list has no rows: nobody would be left")]
    Nobody,
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// All of it is decided, and not yet applied.
    #[error(
        "plan {plan} is decided and not finished; the gateway goes on with it by itself: {error}"
    )]
    Unfinished {
        /// Which plan.
        plan: i64,
        /// What came between.
        error: StoreError,
    },
    /// Temporary files.
    #[error("temporary files cannot be used: {0}; let there be room in the temporary directory")]
    Sort(#[from] std::io::Error),
}

impl From<IntakeError> for ImportError {
    fn from(error: IntakeError) -> Self {
        Self::List(error.to_string())
    }
}

/// Reads a list to its end, and makes it come true.
///
/// Until the list has been read, compared and planned, nothing is applied. From then on all of it is, also
/// if the gateway is killed.
pub async fn import(
    store: &Store,
    clock: &Clock,
    request: &ImportRequest,
    mut list: impl Read + Send + 'static,
    events: &Events,
) -> Result<ImportReport, ImportError> {
    let begun = Instant::now();
    // What is changed from here on, the plan notices, whether or not it was read before.
    let plan = match PlanWriter::begin(store, clock, new_plan(request)).await {
        Ok(plan) => plan,
        Err(error) => {
            // Whoever sends the list hears of it once they have sent it.
            let drained = move || std::io::copy(&mut list, &mut std::io::sink());
            let _ = tokio::task::spawn_blocking(drained).await;
            return Err(error.into());
        }
    };
    let id = plan.id();
    let computed = tokio::select! {
        computed = Box::pin(compute(store, request, list, events, plan)) => computed,
        error = keep(store, clock, id) => Err(error.into()),
    };
    let (read_at, compared) = match computed {
        Ok(computed) => computed,
        Err(error) => {
            store.delete_plan(id).await?;
            return Err(error);
        }
    };
    let Computed { rows, rejected, unchanged, seal } = compared;
    let compared_at = Instant::now();
    let mut report = ImportReport {
        dry_run: request.dry_run,
        rows,
        rejected,
        unchanged,
        ..ImportReport::default()
    };
    match seal {
        Some(seal) => come_true(store, clock, request, (id, seal), events, &mut report).await?,
        None => drop(store.delete_plan(id).await?),
    }
    if let Err(error) = store.forget_older_lists(id).await {
        // They only take room; the next import tries again.
        tracing::warn!(%error, "lists of before are not forgotten");
    }
    let seconds = [read_at - begun, compared_at - read_at, compared_at.elapsed()];
    report.seconds = seconds.map(|duration| duration.as_secs_f64());
    Ok(report)
}

/// Seals a plan and applies it, or leaves it to be looked at.
async fn come_true(
    store: &Store,
    clock: &Clock,
    request: &ImportRequest,
    (id, seal): (PlanId, Seal),
    events: &Events,
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    report.size = seal.size;
    report.held.clone_from(&seal.guard);
    report.plan = Some(id.0);
    if request.dry_run {
        // It can be looked at until the next one, and is never applied.
        store.move_plan(id, PlanState::Building, PlanState::DryRun, clock.now()).await?;
        return Ok(());
    }
    store.seal_plan(id, seal, clock.now()).await?;
    let applied = apply(store, clock, id, events, report).await;
    applied.map_err(|error| ImportError::Unfinished { plan: id.0, error })
}

/// Tells other gateways that the plan is not left, until it is not there any more.
async fn keep(store: &Store, clock: &Clock, plan: PlanId) -> StoreError {
    loop {
        tokio::time::sleep(STILL_THERE).await;
        match store.keep_plan(plan, clock.now()).await {
            Ok(()) => {}
            Err(error @ StoreError::NoPlan(_)) => return error,
            Err(error) => tracing::warn!(%error, plan = plan.0, "nobody hears that a plan goes on"),
        }
    }
}

/// What a list comes to.
struct Computed {
    rows: u64,
    rejected: u64,
    unchanged: u64,
    seal: Option<Seal>,
}

/// Reads list and directory, and compares them; says also when the list had been read.
async fn compute(
    store: &Store,
    request: &ImportRequest,
    list: impl Read + Send + 'static,
    events: &Events,
    mut plan: PlanWriter,
) -> Result<(Instant, Computed), ImportError> {
    let known = store.find_last_list(plan.id()).await?;
    let before = Before::read(store, request.directory, &request.source, known)?;
    let (format, leave_out, telling) = (request.format, request.leave_out, events.clone());
    let read = tokio::task::spawn_blocking(move || take_in(format, list, leave_out, &telling));
    let intake = read.await.map_err(|error| ImportError::List(error.to_string()))??;
    if intake.count == 0 && request.unlisted != Unlisted::Keep {
        return Err(ImportError::Nobody);
    }
    let read_at = Instant::now();
    let comparison = Comparison {
        store,
        directory: request.directory,
        source: &request.source,
        unlisted: request.unlisted,
        leave_out,
        events,
    };
    let groups = number_groups(store, request.directory, &intake.groups, &mut plan).await?;
    let kept_for = KeptFor { store: store.clone(), plan: plan.id(), unlisted: request.unlisted };
    let mut keeper =
        if request.dry_run { Keeper::of_nothing(kept_for) } else { Keeper::new(kept_for)? };
    let compared =
        comparison.run(intake.rows, before, intake.count, &groups, &mut plan, &mut keeper);
    let compared = compared.await?;
    let (id, held) = (plan.id(), (!request.unguarded).then_some(&compared.held));
    let seal = plan.finish(held).await?;
    let kept = keeper.finish(seal.is_none()).await?;
    if let (false, false, Some(last)) = (kept, request.dry_run, compared.same_as) {
        store.renew_last_list(last.id, id).await?;
    }
    let computed = Computed {
        rows: intake.count,
        rejected: intake.rejected + compared.rejected,
        unchanged: compared.unchanged,
        seal,
    };
    Ok((read_at, computed))
}

fn new_plan(request: &ImportRequest) -> NewPlan {
    NewPlan {
        directory: request.directory,
        source: request.source.clone(),
        actor: request.actor.clone(),
        reason: request.reason.clone(),
        undoes: None,
    }
}

async fn apply(
    store: &Store,
    clock: &Clock,
    plan: PlanId,
    events: &Events,
    report: &mut ImportReport,
) -> Result<(), StoreError> {
    let Applied { batch, held, skipped, ended_sessions } =
        apply_plan(store, clock, plan, events).await?;
    report.batch = batch;
    report.held = held;
    report.skipped = skipped;
    report.ended_sessions = ended_sessions;
    Ok(())
}
