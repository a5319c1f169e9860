//! Looking at whom the cloud has named by itself. A hint only says where to look: what counts is what the cloud answers now.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Connector, Run, RunError, RunReport, RunRequest, UserRequest, sync_user};
use crate::{
    clock::Clock,
    directory::ChunkSize,
    store::{ConnectorId, HeardHints, HintState, Lease, Store, StoreError, StoredHint},
};

/// Who asks for runs that clouds ask for.
const HINTS: &str = "hints";

/// So often there is a run because of hints, at most; and if a cloud says that it has not said everything.
const BETWEEN_RUNS: TimeDelta = TimeDelta::seconds(60);
const BETWEEN_URGENT_RUNS: TimeDelta = TimeDelta::seconds(10);

/// Of more people than this at a time, a run finds out, whose guard looks at all of them together; whom hints have taken
/// away is counted for so long.
const MOST_USERS: usize = 10;
const COUNTED: TimeDelta = TimeDelta::hours(1);

/// If nothing is new about somebody, one of the cloud's servers may not have known yet.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(60);

/// After a failure, somebody is looked at again this soon; each further one doubles it, and then there is a run.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(30);
const MOST_TRIES: i64 = 4;

/// What came of looking.
#[derive(Debug, Default)]
pub struct Looked {
    /// How many people were looked at.
    pub users: u64,
    /// How many of them had changed.
    pub changed: u64,
    /// Why some could not be looked at; they will be.
    pub failed: Option<RunError>,
    /// What came of a run, if there was one.
    pub run: Option<Result<RunReport, RunError>>,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Todo {
    /// Who is looked at, one by one.
    users: Vec<StoredHint>,
    /// What a run finds out.
    run: Vec<StoredHint>,
}

impl Connector {
    /// Looks at whom the cloud has named, unless a run goes on; whoever has the lease does it.
    pub async fn look_at_hints(
        self: &Arc<Self>,
        store: &Store,
        clock: &Clock,
    ) -> Result<Looked, RunError> {
        let (id, now) = (store.ensure_connector(&self.name).await?, clock.now());
        let due = store.list_hints(id, now).await?;
        if due.is_empty() {
            return Ok(Looked::default());
        }
        let state = store.find_connector(id).await?;
        if !self.has_come_true(&state) {
            // The first run that comes true, asks for everything.
            store.forget_hints(id, due).await?;
            return Ok(Looked::default());
        }
        if state.is_running(now) {
            return Ok(Looked::default());
        }
        let taken = recently_taken(&store.find_hint_state(id).await?, now);
        let Todo { users, run } = decide(due, taken);
        let looking = Looking { store, clock, connector: self, id };
        let mut looked =
            if users.is_empty() { Looked::default() } else { looking.look_at(users).await? };
        if !run.is_empty() {
            looked.run = looking.run(run).await?;
        }
        Ok(looked)
    }
}

/// Few people are looked at one by one; of more, a run finds out.
fn decide(due: Vec<StoredHint>, taken: usize) -> Todo {
    let (users, run): (Vec<_>, Vec<_>) = due.into_iter().partition(|hint| hint.user().is_some());
    if users.len() + taken <= MOST_USERS {
        return Todo { users, run };
    }
    Todo { users: Vec::new(), run: run.into_iter().chain(users).collect() }
}

fn recently_taken(state: &HintState, now: DateTime<Utc>) -> usize {
    let (taken, since) = state.taken;
    // Also if a clock was ahead that counted them.
    if (now - since).abs() < COUNTED { usize::try_from(taken).unwrap_or_default() } else { 0 }
}

struct Looking<'a> {
    store: &'a Store,
    clock: &'a Clock,
    connector: &'a Arc<Connector>,
    id: ConnectorId,
}

impl Looking<'_> {
    async fn look_at(&self, users: Vec<StoredHint>) -> Result<Looked, RunError> {
        let Some(lease) = self.store.take_lease(self.id, self.clock.now()).await? else {
            return Ok(Looked::default());
        };
        let looked = self.look_at_each(lease, users).await;
        self.store.release_lease(lease).await?;
        Ok(looked?)
    }

    async fn look_at_each(
        &self,
        lease: Lease,
        users: Vec<StoredHint>,
    ) -> Result<Looked, StoreError> {
        let Self { store, clock, connector, .. } = *self;
        let mut looked = Looked::default();
        for hint in users {
            store.prove_lease(lease, clock.now()).await?;
            let request = UserRequest {
                user: hint.user().unwrap_or_default().to_owned(),
                by_id: true,
                asked_by: HINTS.to_owned(),
                dry_run: false,
                lease: Some(lease),
            };
            let done = Box::pin(sync_user(store, clock, connector, &request)).await;
            self.settle(hint, done, &mut looked).await?;
        }
        Ok(looked)
    }

    /// Forgets a hint, or looks again later.
    async fn settle(
        &self,
        hint: StoredHint,
        done: Result<RunReport, RunError>,
        looked: &mut Looked,
    ) -> Result<(), StoreError> {
        looked.users += 1;
        let now = self.clock.now();
        match done {
            Err(RunError::Store(error)) => return Err(error),
            Err(RunError::NoUser(_)) => {}
            Err(error) => {
                looked.failed = Some(error);
                return self.try_later(hint).await;
            }
            Ok(report) => {
                let size = report.directory.map(|directory| directory.list.size);
                let size = size.unwrap_or_default();
                let is_new = size != ChunkSize::default();
                if !is_new && hint.tries == 0 {
                    return self.store.postpone_hint(self.id, hint, now + LOOK_AGAIN).await;
                }
                looked.changed += u64::from(is_new);
                if size.deactivated > 0 {
                    let taken = i64::try_from(size.deactivated).unwrap_or(i64::MAX);
                    self.store.note_taken(self.id, taken, now - COUNTED, now).await?;
                }
            }
        }
        self.store.forget_hints(self.id, vec![hint]).await
    }

    async fn try_later(&self, hint: StoredHint) -> Result<(), StoreError> {
        let now = self.clock.now();
        if hint.tries < MOST_TRIES {
            let wait = FIRST_RETRY * (1 << hint.tries.clamp(0, MOST_TRIES));
            return self.store.postpone_hint(self.id, hint, now + wait).await;
        }
        let heard = HeardHints { run: true, ..HeardHints::default() };
        self.store.note_hints(self.id, heard, now).await?;
        self.store.forget_hints(self.id, vec![hint]).await
    }

    /// A run, if there was none just now.
    async fn run(
        &self,
        hints: Vec<StoredHint>,
    ) -> Result<Option<Result<RunReport, RunError>>, RunError> {
        let Self { store, clock, connector, id } = *self;
        let urgent = hints.iter().any(StoredHint::is_urgent);
        let between = if urgent { BETWEEN_URGENT_RUNS } else { BETWEEN_RUNS };
        let last = store.list_runs(id, 1).await?.into_iter().next();
        if last.is_some_and(|last| (clock.now() - last.begun_at).abs() < between) {
            return Ok(None);
        }
        let request = RunRequest { asked_by: HINTS.to_owned(), ..RunRequest::default() };
        let Some(run) = Run::begin(store, clock, connector, &request).await? else {
            return Ok(None);
        };
        // It asks from here on. If it fails, it is begun again without anybody's hint.
        store.forget_hints(id, hints).await?;
        Ok(Some(Box::pin(run.finish()).await))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(users: usize, run: bool) -> Vec<StoredHint> {
        let hint = |external_id| StoredHint { external_id, times: 1, urgent: 0, tries: 0 };
        let users = (0..users).map(|no| hint(format!("u{no}")));
        users.chain(run.then(|| hint(String::new()))).collect()
    }

    #[test]
    fn few_people_are_looked_at_one_by_one_and_of_more_a_run_finds_out() {
        for (users, run, taken, one_by_one, for_a_run) in [
            (1, false, 0, 1, 0),
            (10, false, 0, 10, 0),
            (11, false, 0, 0, 11),
            (3, true, 0, 3, 1),
            (11, true, 0, 0, 12),
            // What a run always may take away has been taken away.
            (1, false, 10, 0, 1),
            (2, false, 8, 2, 0),
        ] {
            let todo = decide(hints(users, run), taken);
            let found = (todo.users.len(), todo.run.len());
            assert_eq!(found, (one_by_one, for_a_run), "{users} {run} {taken}");
        }
    }

    #[test]
    fn whom_hints_have_taken_away_is_counted_for_an_hour() {
        let begun = DateTime::UNIX_EPOCH;
        let state = HintState { taken: (7, begun), ..HintState::default() };
        assert_eq!(recently_taken(&state, begun + TimeDelta::minutes(59)), 7);
        assert_eq!(recently_taken(&state, begun + TimeDelta::minutes(60)), 0);
    }
}
