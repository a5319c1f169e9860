//! Removes what a source has not had for long.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    directory::{Change, DirectoryId, User},
    provisioning::{guard, plan_removal},
    store::{Edit, Step, Store, StoreError},
};

/// Accounts that are removed in one transaction, and taken back in one: a login does not wait long for it.
const AT_ONCE: usize = 100;

/// What is to be removed.
#[derive(Clone, Debug)]
pub struct RemovalRequest {
    /// Where.
    pub directory: DirectoryId,
    /// Whose groups: `connector:<name>`.
    pub source: String,
    /// Who wants it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// What the source has not had since then.
    pub before: DateTime<Utc>,
    /// Whether it is only to be seen what would go.
    pub dry_run: bool,
    /// Whether much may be taken away.
    pub unguarded: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovalReport {
    /// How many accounts go.
    pub users: u64,
    /// How many memberships end before.
    pub memberships: u64,
    /// How many groups go.
    pub groups: u64,
    /// Why nothing has gone, if it would be too much.
    pub held: Option<String>,
    /// The batches in the log, by which they can be taken back.
    pub batches: Vec<i64>,
    /// How many sessions ended by it.
    pub ended_sessions: u64,
}

/// Removes accounts that have been missing at the source since a time, whoever has put them into groups. Their names
/// are kept for them, as those of everybody who is removed. Accounts for breaking glass stay.
pub async fn remove_missing(
    store: &Store,
    clock: &Clock,
    request: &RemovalRequest,
) -> Result<RemovalReport, StoreError> {
    let missing = store.list_missing(request.directory, request.before).await?;
    let steps_of = |(user, memberships): &(User, Vec<(String, String)>)| {
        let (person, id) = (Some(user.person), Some(user.id));
        let changes = plan_removal(user, memberships).into_iter();
        changes.map(move |change| Step { person, user: id, change }).collect::<Vec<_>>()
    };
    let removals: Vec<Vec<Step>> = missing.iter().map(steps_of).collect();
    remove(store, clock, request, &removals).await
}

/// Removes groups that the source has not named since a time, and that nobody is in.
pub async fn remove_gone_groups(
    store: &Store,
    clock: &Clock,
    request: &RemovalRequest,
) -> Result<RemovalReport, StoreError> {
    let gone = store.plan_gone_groups(request.directory, &request.source, request.before).await?;
    let removals: Vec<_> = gone.into_iter().map(|step| vec![step]).collect();
    remove(store, clock, request, &removals).await
}

/// Makes removals, some at a time, unless they would be too many.
async fn remove(
    store: &Store,
    clock: &Clock,
    request: &RemovalRequest,
    removals: &[Vec<Step>],
) -> Result<RemovalReport, StoreError> {
    let mut report = RemovalReport::default();
    let changes = || removals.iter().flatten().map(|step| &step.change);
    for change in changes() {
        match change {
            Change::RemoveUser { .. } => report.users += 1,
            Change::RemoveMembership { .. } => report.memberships += 1,
            Change::RemoveGroup { .. } => report.groups += 1,
            _ => {}
        }
    }
    let (users, memberships) = store.count_directory(request.directory).await?;
    let count = |count: i64| usize::try_from(count).unwrap_or_default();
    if !request.unguarded
        && let Err(error) = guard(changes(), count(users), count(memberships))
    {
        report.held = Some(error.to_string());
        return Ok(report);
    }
    for some in removals.chunks(AT_ONCE) {
        let edit = Edit {
            directory: request.directory,
            steps: some.concat(),
            actor: request.actor.clone(),
            reason: request.reason.clone(),
        };
        let applied = store.apply_edit(edit, request.dry_run, clock.now()).await?;
        report.batches.extend(applied.batch.filter(|_| !request.dry_run));
        report.ended_sessions += applied.ended_sessions;
    }
    Ok(report)
}
