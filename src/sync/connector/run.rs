//! A run, from who may run to the plan that comes true.

mod aligning;
mod beginning;
mod leaving;
mod looking_again;
mod waiting;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use self::aligning::Alignment;
use super::{
    Connector, RunError, RunReport,
    folding::{FoldedRound, Folding},
    outcome::outcome_of,
    progress::{Meter, RunPhase, RunProgress},
    reading::{ReadError, Reading},
};
use crate::{
    clock::Clock,
    cloud::{ConnectorError, Extent, Source, Usage, Watermark},
    store::{ConnectorState, Folded, Lease, RunId, Store, StoreError},
};

/// How often it is said how far a run is.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How often it is said that whoever runs is still there, if nothing else is new.
const STILL_THERE: u32 = 15;

/// So often a cloud may forget where a run was.
const MOST_RESTARTS: u32 = 2;

/// Runs that are remembered.
const KEPT_RUNS: i64 = 200;

/// What is wanted of a run.
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRequest {
    /// Who or what asks for it.
    pub asked_by: String,
    /// Whether it is only to be seen what would change.
    pub dry_run: bool,
    /// Whether the cloud is to be asked for everything.
    pub full: bool,
    /// Whether what a dry run under new filters or mappings has shown may come true.
    pub apply: bool,
    /// Whether much may be taken away.
    pub unguarded: bool,
    /// Whether only what the last run left undone is to be asked for.
    pub retry: bool,
}

/// Says how far a run is.
#[derive(Clone, Debug)]
pub struct Gauge(Meter, Arc<dyn Source>);

impl Gauge {
    /// How far it is now.
    #[must_use]
    pub fn read(&self) -> RunProgress {
        RunProgress { waited_ms: self.1.meter().read().waited_ms, ..self.0.read() }
    }
}

/// A run that nobody else can begin as long as it is there.
#[derive(Debug)]
pub struct Run {
    store: Store,
    clock: Clock,
    connector: Arc<Connector>,
    request: RunRequest,
    lease: Lease,
    id: RunId,
    /// What was known before.
    before: ConnectorState,
    users: Extent,
    groups: Extent,
    members: Extent,
    /// Whether nothing that was known before counts.
    whole: bool,
    /// Whether it had come to folding before it was killed.
    was_folding: bool,
    meter: Meter,
}

impl Run {
    /// Which.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// What says how far it is while it works.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge(self.meter.clone(), self.connector.source.clone())
    }

    /// Does it, to its end.
    pub async fn finish(mut self) -> Result<RunReport, RunError> {
        let begun = Instant::now();
        let usage = self.connector.source.meter().read();
        let (store, clock, lease, id) =
            (self.store.clone(), self.clock.clone(), self.lease, self.id);
        let (meter, connector) = (self.meter.clone(), self.connector.clone());
        let before = usage.clone();
        let done = tokio::select! {
            done = Box::pin(self.work(begun, usage)) => done,
            error = keep(&store, &clock, (lease, id), &meter) => Err(error.into()),
        };
        connector.count(&done, &spent(&before, connector.source.meter().read()));
        let ended = self.end(&done).await;
        store.release_lease(lease).await?;
        match done {
            Ok(report) => ended.map(|()| report).map_err(Into::into),
            Err(error) => Err(error),
        }
    }

    async fn work(&mut self, begun: Instant, usage: Usage) -> Result<RunReport, RunError> {
        if !self.was_folding {
            self.read().await?;
        }
        let read_at = Instant::now();
        let folded = self.fold().await?;
        let folded_at = Instant::now();
        let mut report = RunReport {
            run: self.id.0,
            full: self.whole,
            usage: spent(&usage, self.connector.source.meter().read()),
            warnings: warnings(&folded.failed),
            ..RunReport::default()
        };
        RunProgress { pages: report.pages, items: report.items, .. } = self.meter.read();
        Alignment::of(self).run(folded, &mut report).await?;
        self.look_again(&mut report).await?;
        let Self { store, clock, lease, connector, .. } = self;
        connector.look_at_credential(store, clock, lease.connector).await?;
        let seconds = [read_at - begun, folded_at - read_at, folded_at.elapsed()];
        report.seconds = seconds.map(|duration| duration.as_secs_f64());
        Ok(report)
    }

    /// Asks the cloud, anew if it does not know any more where the run was.
    async fn read(&mut self) -> Result<(), RunError> {
        let mut restarts = 0;
        loop {
            match self.read_once().await {
                Err(ReadError::Cloud(ConnectorError::Restart(why))) if restarts < MOST_RESTARTS => {
                    tracing::warn!(connector = self.connector.name, why, "everything is read anew");
                    restarts += 1;
                    self.begin_anew().await?;
                }
                read => return Ok(read?),
            }
        }
    }

    async fn read_once(&self) -> Result<(), ReadError> {
        let mut read_before = HashMap::new();
        if !self.whole {
            let heads = self.store.list_group_heads(self.lease.connector).await?;
            let known = heads.into_iter().filter(|head| !head.stale && head.known.is_some());
            let fingerprints = known.filter_map(|head| Some((head.external_id, head.fingerprint?)));
            read_before.extend(fingerprints);
        }
        let reading = Reading {
            store: &self.store,
            clock: &self.clock,
            lease: self.lease,
            run: self.id,
            source: self.connector.source.clone(),
            at_once: self.connector.at_once,
            read_before: Arc::new(read_before),
            meter: &self.meter,
        };
        reading.run().await
    }

    async fn fold(&self) -> Result<FoldedRound, RunError> {
        let Self { store, clock, lease, id, .. } = self;
        self.meter.set(RunPhase::Folding, 0, None);
        store.begin_folding(*lease, *id, clock.now()).await?;
        let folding = Folding {
            store,
            clock,
            lease: *lease,
            run: *id,
            users: self.users,
            groups: self.groups,
            members: self.members,
            meter: &self.meter,
        };
        let round = folding.run().await?;
        let begun_at = store.find_run(*id).await?.map(|run| run.begun_at);
        let folded = Folded {
            run: *id,
            watermark: serde_json::to_string(&Watermark(self.marks(&round)))
                .map_err(|error| unreadable(&error))?,
            full_at: begun_at.filter(|_| self.whole),
            reads: self.connector.reads.clone(),
        };
        store.end_folding(*lease, folded, clock.now()).await?;
        store.forget_staged(*lease, *id, clock.now()).await?;
        Ok(round)
    }

    /// A stream that has said nothing new of where it is goes on where it was.
    fn marks(&self, round: &FoldedRound) -> BTreeMap<String, String> {
        let before = self.watermark().filter(|_| !self.whole);
        let mut marks = before.map(|watermark| watermark.0).unwrap_or_default();
        marks.extend(round.marks.clone());
        marks
    }

    fn watermark(&self) -> Option<Watermark> {
        self.before.watermark.as_deref().and_then(|text| serde_json::from_str(text).ok())
    }

    /// Writes down how it ended. One that can be gone on with has not.
    async fn end(&self, done: &Result<RunReport, RunError>) -> Result<(), StoreError> {
        let Self { store, lease, id, .. } = self;
        let now = self.clock.now();
        store.note_outcome(*lease, *id, outcome_of(done), now).await?;
        match done {
            Ok(report) => {
                let text = serde_json::to_string(report).map_err(|error| unreadable(&error))?;
                store.end_run(*lease, *id, Some(text), None, now).await?;
                store.forget_old_runs(*lease, KEPT_RUNS, now).await
            }
            Err(error @ (RunError::Interrupted(_) | RunError::Store(_))) => {
                store.interrupt_run(*lease, *id, Some(error.to_string()), now).await
            }
            Err(error) => {
                store.end_run(*lease, *id, None, Some(error.to_string()), now).await?;
                store.forget_staged(*lease, *id, now).await
            }
        }
    }
}

/// Says how far the run is, and that it is still there, until somebody else has taken over.
async fn keep(
    store: &Store,
    clock: &Clock,
    (lease, run): (Lease, RunId),
    meter: &Meter,
) -> StoreError {
    let (mut told, mut silent) = (RunProgress::default(), 0);
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        let progress = meter.read();
        silent += 1;
        if progress == told && silent < STILL_THERE {
            continue;
        }
        (told, silent) = (progress, 0);
        let text = serde_json::to_string(&progress).unwrap_or_default();
        match store.note_progress(lease, run, text, clock.now()).await {
            Ok(()) => {}
            Err(error @ StoreError::LeaseLost) => return error,
            Err(error) => tracing::warn!(%error, run = run.0, "nobody hears that a run goes on"),
        }
    }
}

fn warnings(failed: &BTreeMap<String, String>) -> Vec<String> {
    let warning = |(group, why): (&String, &String)| {
        format!("the members of the group {group} could not be read, and stay as they are: {why}")
    };
    failed.iter().map(warning).collect()
}

/// What was asked between two readings.
pub(super) fn spent(before: &Usage, after: Usage) -> Usage {
    Usage {
        calls: after.calls.saturating_sub(before.calls),
        retries: after.retries.saturating_sub(before.retries),
        bytes: after.bytes.saturating_sub(before.bytes),
        waited_ms: after.waited_ms.saturating_sub(before.waited_ms),
        request_id: after.request_id,
    }
}

pub(super) fn unreadable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unreadable { what: "a run of a connector", value: error.to_string() }
}
