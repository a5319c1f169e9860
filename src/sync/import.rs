//! An import: a list of people becomes a plan, and the plan comes true.

use std::{io::Read, time::Instant};

use serde::{Deserialize, Serialize};

use super::{
    comparing::{Before, Comparison, number_groups},
    formats::{Format, RowError},
    guarding::Guard,
    intake::{IntakeError, take_in},
    job::{Computed, Job},
    last_list::{Keeper, KeptFor},
    plan_writer::{PlanError, PlanWriter},
    progress::Events,
};
use crate::{
    clock::Clock,
    directory::{ChunkSize, DirectoryId},
    provisioning::Unlisted,
    store::{AccountKey, NewPlan, Store, StoreError},
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
    /// Whether it waits only because of who or what is protected, and holds nobody else back.
    pub held_protected: bool,
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
    let job = Job { store, clock, events, dry_run: request.dry_run };
    let id = plan.id();
    let (report, ()) = Box::pin(job.run(id, compute(&job, request, list, plan))).await?;
    Ok(report)
}

/// Reads list and directory, and compares them.
async fn compute(
    job: &Job<'_>,
    request: &ImportRequest,
    list: impl Read + Send + 'static,
    mut plan: PlanWriter,
) -> Result<Computed<()>, ImportError> {
    let (store, events) = (job.store, job.events);
    let known = store.find_last_list(plan.id(), &AccountKey::Name).await?;
    let before = Before::read(store, request.directory, &request.source, &AccountKey::Name, known)?;
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
        roster: None,
    };
    let groups = number_groups(store, request.directory, &intake.groups, &mut plan).await?;
    let kept_for = KeptFor { store: store.clone(), plan: plan.id(), unlisted: request.unlisted };
    let mut keeper =
        if request.dry_run { Keeper::of_nothing(kept_for) } else { Keeper::new(kept_for)? };
    let compared =
        comparison.run(intake.rows, before, intake.count, &groups, &mut plan, &mut keeper);
    let compared = compared.await?;
    let guard = Guard { held: compared.held, ..Guard::default() };
    let guard = (!request.unguarded).then_some(&guard);
    let seal = job.complete(plan, guard, keeper, compared.same_as).await?;
    Ok(Computed {
        read_at,
        rows: intake.count,
        rejected: intake.rejected + compared.rejected,
        unchanged: compared.unchanged,
        seal,
        of_some: false,
        lease: None,
        own: (),
    })
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
