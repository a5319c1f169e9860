//! When a connector runs by itself.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Connector, Run, RunError, RunReport, RunRequest};
use crate::{
    clock::Clock,
    store::{ConnectorRun, RunKind, RunState, Store},
};

/// After a failure it is tried again this soon; each further one doubles it, up to the interval.
const FIRST_RETRY: TimeDelta = TimeDelta::minutes(5);

/// Connectors do not all ask at once: each waits up to a tenth of its interval more.
const JITTER: i32 = 10;

/// Among so many runs the last round is looked for.
const LATEST: i64 = 20;

/// Who asks for runs that nobody asked for.
const SCHEDULE: &str = "schedule";

/// How often a connector has failed, and when it is tried again.
#[derive(Debug, Default)]
pub struct Patience {
    failures: u32,
    not_before: Option<DateTime<Utc>>,
}

impl Connector {
    /// Runs if it is time for it; nothing if it is not, or if somebody else does.
    pub async fn run_if_due(
        self: &Arc<Self>,
        store: &Store,
        clock: &Clock,
        patience: &mut Patience,
    ) -> Result<Option<RunReport>, RunError> {
        let now = clock.now();
        if patience.not_before.is_some_and(|at| now < at) {
            return Ok(None);
        }
        let id = store.ensure_connector(&self.name).await?;
        if store.find_connector(id).await?.is_running(now) {
            return Ok(None);
        }
        // Asking once more for what was left undone is no round.
        let is_round = |run: &ConnectorRun| run.kind == RunKind::Round;
        let last = store.list_runs(id, LATEST).await?.into_iter().find(is_round);
        if !is_due(last.as_ref(), self.interval + jitter(&self.name, self.interval), now) {
            return Ok(None);
        }
        let request = RunRequest { asked_by: SCHEDULE.to_owned(), ..RunRequest::default() };
        let done = match Run::begin(store, clock, self, &request).await {
            Ok(Some(run)) => run.finish().await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        patience.note(done.is_ok(), self.interval, clock.now());
        done
    }
}

impl Patience {
    fn note(&mut self, succeeded: bool, interval: TimeDelta, now: DateTime<Utc>) {
        if succeeded {
            *self = Self::default();
            return;
        }
        let doubled = FIRST_RETRY * 2_i32.saturating_pow(self.failures.min(10));
        self.failures += 1;
        self.not_before = Some(now + doubled.min(interval));
    }
}

/// Whether it is time, if this was the last run. One that broke off is gone on with, or done again.
fn is_due(last: Option<&ConnectorRun>, interval: TimeDelta, now: DateTime<Utc>) -> bool {
    match last {
        None => true,
        Some(run) if run.state != RunState::Done => true,
        // A run that begins later than now was begun by a clock that was ahead.
        Some(run) => (now - run.begun_at).abs() >= interval,
    }
}

/// The same for each name, so that the interval stays what it is.
fn jitter(name: &str, interval: TimeDelta) -> TimeDelta {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let part = i32::try_from(hasher.finish() % 1000).unwrap_or_default();
    interval / JITTER * part / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tried_again_later_and_later_but_never_later_than_ever() {
        let (mut patience, now, hour) =
            (Patience::default(), DateTime::UNIX_EPOCH, TimeDelta::hours(1));
        let mut waits = Vec::new();
        for _ in 0..6 {
            patience.note(false, hour, now);
            waits.push((patience.not_before.unwrap() - now).num_minutes());
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
        patience.note(true, hour, now);
        assert_eq!(patience.not_before, None);
    }

    #[test]
    fn connectors_wait_a_little_more_each_its_own_time() {
        let hour = TimeDelta::hours(1);
        let waits: Vec<_> = ["a", "b", "c"].map(|name| jitter(name, hour)).to_vec();
        assert!(waits.iter().all(|wait| *wait < hour / 10), "{waits:?}");
        assert!(waits.windows(2).any(|pair| pair[0] != pair[1]), "{waits:?}");
        assert_eq!(jitter("a", hour), waits[0]);
    }
}
