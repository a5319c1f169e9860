//! What lists of all sorts have in common: a plan is computed, sealed, and comes true.

use std::{future::Future, time::Instant};

use super::{
    applying::{Applied, STILL_THERE, apply_plan},
    guarding::Guard,
    import::{ImportError, ImportReport},
    last_list::Keeper,
    plan_writer::PlanWriter,
    progress::Events,
};
use crate::{
    clock::Clock,
    store::{LastList, Lease, PlanId, PlanState, Seal, Store, StoreError},
};

/// A list that is to come true.
pub(super) struct Job<'a> {
    pub(super) store: &'a Store,
    pub(super) clock: &'a Clock,
    pub(super) events: &'a Events,
    /// Whether it is only to be seen what would change.
    pub(super) dry_run: bool,
}

/// What a list comes to, beside what only its own sort reports.
pub(super) struct Computed<T> {
    /// When the list had been read.
    pub(super) read_at: Instant,
    pub(super) rows: u64,
    pub(super) rejected: u64,
    pub(super) unchanged: u64,
    pub(super) seal: Option<Seal>,
    /// Whether the list speaks of some people only.
    pub(super) of_some: bool,
    /// Who speaks: nobody listens once the lease is somebody else's.
    pub(super) lease: Option<Lease>,
    pub(super) own: T,
}

impl Job<'_> {
    /// Computes a plan, seals it and applies it, or leaves it to be looked at. Until the seal, nothing is applied.
    pub(super) async fn run<T>(
        &self,
        plan: PlanId,
        compute: impl Future<Output = Result<Computed<T>, ImportError>>,
    ) -> Result<(ImportReport, T), ImportError> {
        let begun = Instant::now();
        let computed = tokio::select! {
            computed = Box::pin(compute) => computed,
            error = self.keep(plan) => Err(error.into()),
        };
        let Computed { read_at, rows, rejected, unchanged, seal, of_some, lease, own } =
            match computed {
                Ok(computed) => computed,
                Err(error) => {
                    self.store.delete_plan(plan).await?;
                    return Err(error);
                }
            };
        let compared_at = Instant::now();
        let dry_run = self.dry_run;
        let mut report =
            ImportReport { dry_run, rows, rejected, unchanged, ..ImportReport::default() };
        let done = match seal {
            Some(seal) => self.come_true(plan, Seal { lease, ..seal }, &mut report).await,
            None if dry_run || of_some => {
                self.store.delete_plan(plan).await.map(drop).map_err(Into::into)
            }
            // What an older one would still take away is forgotten all the same: this one has looked later.
            None => {
                let deleted = self.store.delete_empty_plan(plan, lease, self.clock.now()).await;
                deleted.map_err(Into::into)
            }
        };
        if let Err(error) = done {
            // Only if it is not decided; and whoever comes next forgets it as well.
            drop(self.store.delete_plan(plan).await);
            return Err(error);
        }
        if let Err(error) = self.store.forget_older_lists(plan).await {
            // They only take room; the next list tries again.
            tracing::warn!(%error, "lists of before are not forgotten");
        }
        let seconds = [read_at - begun, compared_at - read_at, compared_at.elapsed()];
        report.seconds = seconds.map(|duration| duration.as_secs_f64());
        Ok((report, own))
    }

    async fn come_true(
        &self,
        plan: PlanId,
        seal: Seal,
        report: &mut ImportReport,
    ) -> Result<(), ImportError> {
        report.size = seal.size;
        report.held.clone_from(&seal.guard);
        report.held_protected = seal.of_protected;
        report.plan = Some(plan.0);
        let now = self.clock.now();
        if self.dry_run {
            // It can be looked at until the next one, and is never applied.
            self.store.move_plan(plan, PlanState::Building, PlanState::DryRun, now).await?;
            return Ok(());
        }
        self.store.seal_plan(plan, seal, now).await?;
        let applied = apply_plan(self.store, self.clock, plan, self.events).await;
        let Applied { batch, held, skipped, ended_sessions } =
            applied.map_err(|error| ImportError::Unfinished { plan: plan.0, error })?;
        report.batch = batch;
        report.held_protected = held.is_some() && report.held_protected;
        report.held = held;
        report.skipped = skipped;
        report.ended_sessions = ended_sessions;
        Ok(())
    }

    /// Tells other gateways that the plan is not left, until it is not there any more.
    async fn keep(&self, plan: PlanId) -> StoreError {
        loop {
            tokio::time::sleep(STILL_THERE).await;
            match self.store.keep_plan(plan, self.clock.now()).await {
                Ok(()) => {}
                Err(error @ StoreError::NoPlan(_)) => return error,
                Err(error) => {
                    tracing::warn!(%error, plan = plan.0, "nobody hears that a plan goes on");
                }
            }
        }
    }

    /// Completes a plan that has been computed, and keeps what the list said. `same_as` is the last list, if this one
    /// says just the same.
    pub(super) async fn complete(
        &self,
        plan: PlanWriter,
        guard: Option<&Guard>,
        keeper: Keeper,
        same_as: Option<LastList>,
    ) -> Result<Option<Seal>, ImportError> {
        let id = plan.id();
        let seal = plan.finish(guard).await?;
        let kept = keeper.finish(seal.is_none()).await?;
        if let (false, false, Some(last)) = (kept, self.dry_run, same_as) {
            self.store.renew_last_list(last.id, id).await?;
        }
        Ok(seal)
    }
}
