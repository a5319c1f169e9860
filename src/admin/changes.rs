//! The change log, and taking changes back.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{ACTOR, Admin, AdminError, Options, plans};
use crate::{
    directory::{Change, NameKey},
    http::Parameters,
    store::{LoggedChange, StoreError},
};

/// A change as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// Its place in the log.
    pub seq: i64,
    /// What it was made together with, and is undone with.
    pub batch: i64,
    /// The batch that it helps to undo.
    pub undoes: Option<i64>,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// As people read it.
    pub summary: String,
    /// All of it.
    pub change: Change,
}

impl From<LoggedChange> for ChangeView {
    fn from(logged: LoggedChange) -> Self {
        Self {
            seq: logged.seq,
            batch: logged.batch,
            undoes: logged.undoes,
            at: logged.at,
            actor: logged.actor,
            reason: logged.reason,
            summary: logged.change.to_string(),
            change: logged.change,
        }
    }
}

/// What was taken back, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoView {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The batch that it is, to be undone in its turn.
    pub batch: Option<i64>,
    /// The steps back.
    pub undone: Vec<String>,
    /// The steps that stay.
    pub kept: Vec<String>,
    /// How many sessions ended by it.
    pub ended_sessions: u64,
}

/// `GET /changes?user=…&limit=…`, the latest first.
pub(super) async fn list_changes(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<ChangeView>>, AdminError> {
    let options = Options::of(&uri)?;
    let user = options.user.as_deref().map(NameKey::of);
    let changes = admin.store.list_latest_changes(user.as_ref(), options.limit).await?;
    Ok(Json(changes.into_iter().map(ChangeView::from).collect()))
}

/// `GET /changes/after/{seq}?wait_seconds=…&limit=…`: those after a place in the log, the oldest first, as soon
/// as there are some.
pub(super) async fn follow_changes(
    State(admin): State<Admin>,
    Path(after): Path<i64>,
    uri: Uri,
) -> Result<Json<Vec<ChangeView>>, AdminError> {
    let options = Options::of(&uri)?;
    let wait = wait_of(&uri)?;
    let until = tokio::time::Instant::now() + wait;
    let mut changes = admin.store.follow_changes(after, options.limit).await?;
    if changes.is_empty() && !wait.is_zero() {
        let mut listener = admin.store.listen_for_changes().await?;
        changes = admin.store.follow_changes(after, options.limit).await?;
        while changes.is_empty() && tokio::time::timeout_at(until, listener.hear()).await.is_ok() {
            changes = admin.store.follow_changes(after, options.limit).await?;
        }
    }
    Ok(Json(changes.into_iter().map(ChangeView::from).collect()))
}

fn wait_of(uri: &Uri) -> Result<Duration, AdminError> {
    const LONGEST: u64 = 60;
    let bad = |problem: &str| AdminError::BadRequest(problem.to_owned());
    let parameters = Parameters::of(uri).map_err(|_| bad("a parameter is there twice"))?;
    let seconds = parameters.find("wait_seconds").map_or(Ok(0), str::parse);
    let seconds: u64 = seconds.map_err(|_| bad("wait_seconds is no number"))?;
    Ok(Duration::from_secs(seconds.min(LONGEST)))
}

/// `GET /changes/{batch}`
pub(super) async fn show_batch(
    State(admin): State<Admin>,
    Path(batch): Path<i64>,
) -> Result<Json<Vec<ChangeView>>, AdminError> {
    let changes = admin.store.list_batch(batch).await?;
    if changes.is_empty() {
        return Err(StoreError::NoBatch(batch).into());
    }
    Ok(Json(changes.into_iter().map(ChangeView::from).collect()))
}

/// `DELETE /changes/{batch}`
pub(super) async fn undo_batch(
    State(admin): State<Admin>,
    Path(batch): Path<i64>,
    uri: Uri,
) -> Result<Json<UndoView>, AdminError> {
    let Options { dry_run, .. } = Options::of(&uri)?;
    if let Some(plan) = admin.store.find_plan_of_batch(batch).await? {
        let view = plans::undo(&admin, &plan, dry_run).await?;
        tracing::info!(batch, dry_run, plan = plan.id.0, "an administrator undid a plan");
        return Ok(Json(view));
    }
    let outcome = admin.store.undo(batch, ACTOR, dry_run, admin.clock.now()).await?;
    tracing::info!(batch, dry_run, steps = outcome.undone.len(), "an administrator undid changes");
    Ok(Json(UndoView {
        dry_run,
        batch: outcome.applied.batch,
        undone: outcome.undone,
        kept: outcome.kept,
        ended_sessions: outcome.applied.ended_sessions,
    }))
}
