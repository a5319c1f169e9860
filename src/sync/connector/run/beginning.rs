//! Whether a run begins anew, or goes on where one was left.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Run, RunError, RunRequest, unreadable};
use crate::{
    clock::Clock,
    cloud::{Extent, Round, Task},
    store::{ConnectorRun, ConnectorState, Lease, NewRun, RunKind, RunState, Store, StoreError},
    sync::connector::{Connector, progress::Meter, retrying},
};

/// What a run was told so long ago is not gone on with: it says of some what was, of others what is.
const OLDEST: TimeDelta = TimeDelta::hours(12);

/// Of so many the cloud is asked one by one.
const MOST_AGAIN: usize = 1000;

/// A watermark is not used up to the hour at which it dies.
const SAFE_PART: (i32, i32) = (3, 4);

impl Run {
    /// Begins a run, or goes on with one that was left; nothing if somebody is at it.
    pub async fn begin(
        store: &Store,
        clock: &Clock,
        connector: &Arc<Connector>,
        request: &RunRequest,
    ) -> Result<Option<Self>, RunError> {
        let id = store.ensure_connector(&connector.name).await?;
        let Some(lease) = store.take_lease(id, clock.now()).await? else {
            return Ok(None);
        };
        let beginning = Beginning { store, clock, connector, request, lease };
        match beginning.run().await {
            Ok(run) => Ok(Some(run)),
            Err(error) => {
                store.release_lease(lease).await?;
                Err(error)
            }
        }
    }

    /// Forgets what the run was told, and asks for everything.
    pub(super) async fn begin_anew(&mut self) -> Result<(), StoreError> {
        let Round { tasks, users, groups, members } = self.connector.source.begin(None);
        let extents = [users, groups, members].map(|extent| word(extent).to_owned());
        let tasks = texts(&tasks)?;
        let now = self.clock.now();
        self.store.restart_run(self.lease, self.id, extents, tasks, now).await?;
        (self.users, self.groups, self.members, self.whole) = (users, groups, members, true);
        Ok(())
    }
}

struct Beginning<'a> {
    store: &'a Store,
    clock: &'a Clock,
    connector: &'a Arc<Connector>,
    request: &'a RunRequest,
    lease: Lease,
}

impl Beginning<'_> {
    async fn run(&self) -> Result<Run, RunError> {
        let before = self.store.find_connector(self.lease.connector).await?;
        let last = self.store.list_runs(self.lease.connector, 1).await?.into_iter().next();
        if let Some(left) = last.filter(|run| run.ended_at.is_none()) {
            if self.goes_on(&left) {
                tracing::warn!(run = left.id.0, "a run is gone on with where it was left");
                let now = self.clock.now();
                self.store.interrupt_run(self.lease, left.id, None, now).await?;
                return Ok(self.left(&left, before));
            }
            self.give_up(&left).await?;
        }
        if self.request.retry {
            return self.begin_retry(before).await;
        }
        Ok(self.begin_new(before).await?)
    }

    /// Whether what a run was told can still be used. What is half folded is folded to its end.
    fn goes_on(&self, left: &ConnectorRun) -> bool {
        let is_young = (self.clock.now() - left.begun_at).abs() < OLDEST;
        let is_enough = left.kind != RunKind::Retry || self.request.retry;
        let is_wanted = is_young && is_enough && (left.whole || !self.request.full);
        left.reads == self.connector.reads
            && match left.state {
                RunState::Reading => is_wanted,
                RunState::Folding => true,
                RunState::Aligning | RunState::Done | RunState::Failed => false,
            }
    }

    fn left(&self, left: &ConnectorRun, before: ConnectorState) -> Run {
        Run {
            id: left.id,
            users: extent(&left.users),
            groups: extent(&left.groups),
            members: extent(&left.members),
            whole: left.whole,
            was_folding: left.state == RunState::Folding,
            meter: Meter::from(left.pages, left.items),
            ..self.run_of(left.id, before)
        }
    }

    async fn give_up(&self, left: &ConnectorRun) -> Result<(), StoreError> {
        let error = left.error.clone().unwrap_or_else(|| "it was broken off".to_owned());
        let now = self.clock.now();
        self.store.end_run(self.lease, left.id, None, Some(error), now).await?;
        self.store.forget_staged(self.lease, left.id, now).await
    }

    async fn begin_new(&self, before: ConnectorState) -> Result<Run, StoreError> {
        let source = &self.connector.source;
        let since = before.watermark.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let since = since.filter(|_| !self.needs_everything(&before));
        let Round { mut tasks, users, groups, members } = source.begin(since.as_ref());
        let whole = since.is_none();
        if !whole {
            let heads = self.store.list_group_heads(self.lease.connector).await?;
            let stale = heads.iter().filter(|head| head.stale && head.known.is_some());
            tasks.extend(stale.map(|head| source.members(&head.external_id)));
        }
        let run = NewRun {
            kind: RunKind::Round,
            asked_by: self.request.asked_by.clone(),
            users: word(users).to_owned(),
            groups: word(groups).to_owned(),
            members: word(members).to_owned(),
            whole,
            reads: self.connector.reads.clone(),
            tasks: texts(&tasks)?,
        };
        let id = self.store.begin_run(self.lease, run, self.clock.now()).await?;
        Ok(Run { users, groups, members, whole, ..self.run_of(id, before) })
    }

    /// Begins a run that asks for what the last one left undone, and for nothing else.
    async fn begin_retry(&self, before: ConnectorState) -> Result<Run, RunError> {
        let tasks = self.list_undone(&before).await?;
        let changes = || word(Extent::Changes).to_owned();
        let run = NewRun {
            kind: RunKind::Retry,
            asked_by: self.request.asked_by.clone(),
            users: changes(),
            groups: changes(),
            members: changes(),
            whole: false,
            reads: self.connector.reads.clone(),
            tasks: texts(&tasks)?,
        };
        let id = self.store.begin_run(self.lease, run, self.clock.now()).await?;
        let [users, groups, members] = [Extent::Changes; 3];
        Ok(Run { users, groups, members, whole: false, ..self.run_of(id, before) })
    }

    /// What the last run left undone: groups whose members could not be read, and whoever could not be as they should be.
    async fn list_undone(&self, before: &ConnectorState) -> Result<Vec<Task>, RunError> {
        let is_same_cloud = before.reads.as_deref() == Some(&self.connector.reads[..]);
        if before.watermark.is_none() || before.is_folding() || !is_same_cloud {
            let why =
                "the cloud has not been read as a whole yet: run the connector without --retry";
            return Err(RunError::NothingToRetry(why));
        }
        let heads = self.store.list_group_heads(self.lease.connector).await?;
        let heads = || heads.iter().filter(|head| head.known.is_some());
        let stale = heads().filter(|head| head.stale);
        let mut tasks: Vec<_> =
            stale.map(|head| self.connector.source.members(&head.external_id)).collect();
        let again: BTreeSet<String> =
            serde_json::from_str(&before.again).map_err(|error| unreadable(&error))?;
        if again.len() > MOST_AGAIN {
            let why = "too much was left undone to ask for each by itself: run the connector without --retry";
            return Err(RunError::NothingToRetry(why));
        }
        let ids: Vec<_> = again.iter().cloned().collect();
        let users = self.store.find_mirror_users(self.lease.connector, &ids).await?;
        let users = users.into_iter().map(|user| user.external_id).collect();
        let groups = heads().filter(|head| again.contains(&head.external_id));
        let groups: Vec<_> = groups.map(|head| head.external_id.clone()).collect();
        tasks.extend(retrying::tasks(users, &groups));
        if tasks.is_empty() {
            return Err(RunError::NothingToRetry("the last run left nothing undone"));
        }
        Ok(tasks)
    }

    /// Whether changes since the last run are not enough.
    fn needs_everything(&self, before: &ConnectorState) -> bool {
        let is_same_cloud = before.reads.as_deref() == Some(&self.connector.reads[..]);
        self.request.full
            || !is_same_cloud
            || before.is_folding()
            || before.full_at().is_none_or(|at| self.is_full_due(at))
    }

    fn is_full_due(&self, full_at: DateTime<Utc>) -> bool {
        let dies = self.connector.source.capabilities().watermark_hours;
        let (safe, of) = SAFE_PART;
        let dies = TimeDelta::hours(dies.into()) * safe / of;
        (self.clock.now() - full_at).abs() >= self.connector.full_every.min(dies)
    }

    fn run_of(&self, id: crate::store::RunId, before: ConnectorState) -> Run {
        Run {
            store: self.store.clone(),
            clock: self.clock.clone(),
            connector: self.connector.clone(),
            request: self.request.clone(),
            lease: self.lease,
            id,
            before,
            users: Extent::Everything,
            groups: Extent::Everything,
            members: Extent::Everything,
            whole: true,
            was_folding: false,
            meter: Meter::default(),
        }
    }
}

fn texts(tasks: &[Task]) -> Result<Vec<String>, StoreError> {
    let texts: Result<_, _> = tasks.iter().map(serde_json::to_string).collect();
    texts.map_err(|error| unreadable(&error))
}

fn word(extent: Extent) -> &'static str {
    match extent {
        Extent::Everything => "everything",
        Extent::Changes => "changes",
    }
}

fn extent(word: &str) -> Extent {
    if word == "changes" { Extent::Changes } else { Extent::Everything }
}
