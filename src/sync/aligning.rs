//! Brings a directory in line with a roster.

use std::time::{Duration, Instant};

use super::{
    comparing::{AlignedGroups, Before, Compared, Comparison, align_groups},
    guarding::{Guard, Protected},
    import::ImportError,
    job::{Computed, Job},
    last_list::{Keeper, KeptFor},
    plan_writer::{Held, PlanWriter},
    progress::Events,
    roster::{Conflict, Conflicts, Extent, Roster, RosterError, RosterReport, RosterRequest},
};
use crate::{
    clock::Clock,
    provisioning::{Taken, Unlisted},
    store::{AccountKey, NewPlan, Seal, Store, StoreError, Takings},
};

/// So often it is waited for a plan that somebody else computes or applies, and so long.
const TURNS: u32 = 20;
const BETWEEN_TURNS: Duration = Duration::from_millis(500);

/// Brings a directory in line with a roster.
///
/// Until it has been compared and planned, nothing is applied. From then on all of it is, also if the gateway is
/// killed. A roster of nobody is not believed to be all, unless that was said to be right.
pub async fn align(
    store: &Store,
    clock: &Clock,
    request: &RosterRequest,
    roster: Roster,
    events: &Events,
) -> Result<RosterReport, RosterError> {
    if roster.count == 0 && request.extent == Extent::Everything && !request.unguarded {
        return Err(ImportError::Nobody);
    }
    let plan = begin(store, clock, request).await?;
    let (id, job) = (plan.id(), Job { store, clock, events, dry_run: request.dry_run });
    let computed = compute(&job, request, roster, plan);
    let (list, own) = Box::pin(job.run(id, computed)).await?;
    Ok(RosterReport { list, ..own })
}

/// Begins a plan. Who has the lease waits for whoever looks at one user without it: they are done in a moment.
async fn begin(
    store: &Store,
    clock: &Clock,
    request: &RosterRequest,
) -> Result<PlanWriter, StoreError> {
    let plan = NewPlan {
        directory: request.directory,
        source: request.source.clone(),
        actor: request.actor.clone(),
        reason: request.reason.clone(),
        undoes: None,
    };
    for _ in 0..TURNS {
        match PlanWriter::begin(store, clock, plan.clone()).await {
            Err(StoreError::PlanRuns(_)) if request.lease.is_some() => {}
            begun => return begun,
        }
        tokio::time::sleep(BETWEEN_TURNS).await;
    }
    PlanWriter::begin(store, clock, plan).await
}

/// Compares a roster with the directory.
async fn compute(
    job: &Job<'_>,
    request: &RosterRequest,
    roster: Roster,
    mut plan: PlanWriter,
) -> Result<Computed<RosterReport>, ImportError> {
    let (store, events) = (job.store, job.events);
    let everything = request.extent == Extent::Everything;
    let before = before(store, request, &plan).await?;
    plan.protected = Protected::find(store, request.directory, &request.guarding).await?;
    let AlignedGroups { numbers: groups, conflicts: in_the_way, known, gone: groups_gone } =
        align_groups(store, request, &roster.groups, &mut plan).await?;
    let count = roster.count;
    let sorted = tokio::task::spawn_blocking(move || roster.rows.finish());
    let sorted = sorted.await.map_err(|error| ImportError::List(error.to_string()))??;
    let read_at = Instant::now();
    let unlisted = if everything { request.unlisted } else { Unlisted::Keep };
    let comparison = Comparison {
        store,
        directory: request.directory,
        source: &request.source,
        unlisted,
        leave_out: true,
        events,
        roster: Some(request),
    };
    let mut keeper = keeper(store, request, &plan, unlisted)?;
    let mut compared =
        comparison.run(sorted, before, count, &groups, &mut plan, &mut keeper).await?;
    let guard = guard(job, request, &mut compared, known, plan.taken()).await?;
    let seal = job.complete(plan, guard.as_ref(), keeper, compared.same_as.take()).await?;
    let unchanged = compared.unchanged;
    let own = RosterReport { groups_gone, ..report(compared, in_the_way) };
    Ok(Computed {
        read_at,
        rows: count,
        rejected: 0,
        unchanged,
        seal: seal.map(|seal| Seal { run: request.run, ..seal }),
        of_some: !everything,
        // Whoever has it by then may have changed what the roster was made of.
        lease: request.lease,
        own,
    })
}

/// What a roster is compared with.
async fn before(
    store: &Store,
    request: &RosterRequest,
    plan: &PlanWriter,
) -> Result<Before, ImportError> {
    if request.extent == Extent::Only {
        return Ok(Before::of_the_named());
    }
    let by = AccountKey::Subject(request.issuer.clone());
    let known = store.find_last_list(plan.id(), &by).await?;
    Ok(Before::read(store, request.directory, &request.source, &by, known)?)
}

/// What keeps what the roster says, if it is to be believed the next time: of everybody, and if it comes true.
fn keeper(
    store: &Store,
    request: &RosterRequest,
    plan: &PlanWriter,
    unlisted: Unlisted,
) -> std::io::Result<Keeper> {
    let kept_for = KeptFor { store: store.clone(), plan: plan.id(), unlisted };
    if request.dry_run || request.extent == Extent::Only {
        return Ok(Keeper::of_nothing(kept_for));
    }
    Keeper::new(kept_for)
}

/// What the plan is measured by; nothing if it may take away as much as it will.
async fn guard(
    job: &Job<'_>,
    request: &RosterRequest,
    compared: &mut Compared,
    groups: usize,
    taken: &Taken,
) -> Result<Option<Guard>, StoreError> {
    if request.unguarded {
        return Ok(None);
    }
    let lately = lately(job, request).await?;
    let held = match request.extent {
        Extent::Everything => std::mem::take(&mut compared.held),
        Extent::Only => count_held(job.store, request, taken, &lately).await?,
    };
    let held = Held { groups, ..held };
    Ok(Some(Guard { held, limits: request.guarding.limits, lately }))
}

/// What the comparison came to, and which groups are in the way.
fn report(compared: Compared, in_the_way: Vec<Conflict>) -> RosterReport {
    let mut conflicts = Conflicts::default();
    for conflict in in_the_way.into_iter().chain(compared.conflicts.named) {
        conflicts.add(conflict);
    }
    RosterReport {
        renamed: compared.renamed,
        reactivated: compared.reactivated,
        conflicts: conflicts.named,
        more_conflicts: conflicts.more + compared.conflicts.more,
        deactivated: compared.notable.deactivated,
        renames: compared.notable.renames,
        put_out_of_scope: compared.notable.put_out_of_scope,
        ..RosterReport::default()
    }
}

/// What the source has taken away lately by its own word.
async fn lately(job: &Job<'_>, request: &RosterRequest) -> Result<Taken, StoreError> {
    let since = job.clock.now() - request.guarding.remembers;
    job.store.sum_taken(request.directory, &request.source, Takings::Ends, since).await
}

/// What there is, for the guard, when only those who are named have been looked at. A little is always allowed, and then
/// nothing needs to be counted.
async fn count_held(
    store: &Store,
    request: &RosterRequest,
    taken: &Taken,
    lately: &Taken,
) -> Result<Held, StoreError> {
    if request.guarding.limits.always_allow(taken, lately) {
        return Ok(Held::default());
    }
    let count = |count: i64| usize::try_from(count).unwrap_or_default();
    let (users, memberships) = store.count_held(request.directory, &request.source).await?;
    let mut held = Held { users: count(users), ..Held::default() };
    for group in taken.of_groups.keys() {
        let members = store.count_members_by(*group, &request.source).await?;
        held.members.insert(*group, count(members));
    }
    held.others = count(memberships).saturating_sub(held.members.values().sum());
    Ok(held)
}
