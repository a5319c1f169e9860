//! Large plans: what they change, and what waits for an administrator.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{ACTOR, Admin, AdminError, Options};
use crate::{
    directory::ChunkSize,
    store::{PlanId, PlanState, StoreError, StoredPlan},
    sync::{Events, PlanChanges, apply_plan, undo_plan},
};

/// A plan as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// Its number.
    pub id: i64,
    /// How far it is: `building`, `dry_run`, `sealed`, `held`, `applied` or `discarded`.
    pub state: String,
    /// By whose word memberships begin and end.
    pub source: String,
    /// Who wanted it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// What it changes.
    pub size: ChunkSize,
    /// How many parts it has, and how many of them have been applied.
    pub parts: [i64; 2],
    /// Why what it takes away waits for an administrator, if it does.
    pub held: Option<String>,
    /// Its batch in the log, by which it can be undone.
    pub batch: Option<i64>,
    /// What it changes, as people read it, if that was asked for.
    pub changes: Vec<String>,
}

impl From<StoredPlan> for PlanView {
    fn from(stored: StoredPlan) -> Self {
        Self {
            id: stored.id.0,
            state: stored.state.as_str().to_owned(),
            source: stored.plan.source,
            actor: stored.plan.actor,
            reason: stored.plan.reason,
            at: stored.created_at,
            size: stored.size,
            parts: [stored.chunks, stored.next_chunk],
            held: stored.guard,
            batch: stored.batch,
            changes: Vec::new(),
        }
    }
}

/// `GET /plans?limit=…`, the latest first.
pub(super) async fn list_plans(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<PlanView>>, AdminError> {
    let plans = admin.store.list_plans(Options::of(&uri)?.limit).await?;
    Ok(Json(plans.into_iter().map(PlanView::from).collect()))
}

async fn find_plan(admin: &Admin, id: i64) -> Result<StoredPlan, AdminError> {
    let found = admin.store.find_plan(PlanId(id)).await?;
    found.ok_or_else(|| AdminError::NotFound(format!("plan {id}")))
}

/// `GET /plans/{id}?limit=…`: with so many of its changes.
pub(super) async fn show_plan(
    State(admin): State<Admin>,
    Path(id): Path<i64>,
    uri: Uri,
) -> Result<Json<PlanView>, AdminError> {
    let limit = usize::try_from(Options::of(&uri)?.limit).unwrap_or(usize::MAX);
    let plan = find_plan(&admin, id).await?;
    let changes = list_changes(&admin, &plan, limit).await?;
    Ok(Json(PlanView { changes, ..plan.into() }))
}

async fn list_changes(
    admin: &Admin,
    plan: &StoredPlan,
    limit: usize,
) -> Result<Vec<String>, AdminError> {
    let (mut changes, mut texts) = (PlanChanges::of(&admin.store, plan).await?, Vec::new());
    while texts.len() < limit
        && let Some(some) = changes.next().await?
    {
        texts.extend(some.into_iter().map(|change| change.text));
    }
    texts.truncate(limit);
    Ok(texts)
}

/// `PUT /plans/{id}/approval`: what waits goes on.
pub(super) async fn approve_plan(
    State(admin): State<Admin>,
    Path(id): Path<i64>,
) -> Result<Json<PlanView>, AdminError> {
    let plan = find_plan(&admin, id).await?;
    admin.store.approve_plan(plan.id, admin.clock.now()).await?;
    tracing::info!(plan = id, "an administrator approved what a plan takes away");
    apply_plan(&admin.store, &admin.clock, plan.id, &Events::default()).await?;
    Ok(Json(find_plan(&admin, id).await?.into()))
}

/// `DELETE /plans/{id}`: what has not been applied never will be.
pub(super) async fn discard_plan(
    State(admin): State<Admin>,
    Path(id): Path<i64>,
) -> Result<Json<PlanView>, AdminError> {
    let plan = find_plan(&admin, id).await?;
    let open = [PlanState::Held, PlanState::Sealed, PlanState::Building, PlanState::DryRun];
    if !open.contains(&plan.state)
        || !admin.store.discard_plan(plan.id, plan.state, admin.clock.now()).await?
    {
        return Err(StoreError::NoPlan(id).into());
    }
    tracing::info!(plan = id, "an administrator discarded a plan");
    Ok(Json(find_plan(&admin, id).await?.into()))
}

/// Takes a plan back that a batch of the log belongs to.
pub(super) async fn undo(
    admin: &Admin,
    plan: &StoredPlan,
    dry_run: bool,
) -> Result<super::UndoView, AdminError> {
    let undone = undo_plan(&admin.store, &admin.clock, plan, ACTOR, dry_run).await;
    let (size, applied) = undone.map_err(|error| match error {
        crate::sync::PlanError::Store(error) => AdminError::Store(error),
        error @ crate::sync::PlanError::Sort(_) => AdminError::BadRequest(error.to_string()),
    })?;
    let kept = (applied.skipped > 0)
        .then(|| format!("{} users whom somebody has changed since", applied.skipped));
    Ok(super::UndoView {
        dry_run,
        batch: applied.batch,
        undone: vec![size.to_string()],
        kept: kept.into_iter().collect(),
        ended_sessions: applied.ended_sessions,
    })
}
