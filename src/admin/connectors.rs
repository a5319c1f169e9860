//! Connectors: their runs, and what came of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
    response::Response,
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{ACTOR, Admin, AdminError, Options, RunNumbers, hints::HintsView, lists::answer_lines};
use crate::{
    clock::Clock,
    cloud::Expiry,
    http::Parameters,
    store::{ConnectorRun, RunKind, Store, StoreError},
    sync::{Connector, Run, RunError, RunProgress, RunReport, RunRequest, UserRequest, sync_user},
};

/// How often it is looked how far somebody else's run is.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// So often it is looked whether somebody is done who has begun no run.
const MOST_LOOKS: u32 = 60;

/// Lines that wait for whoever reads them.
const LINES: usize = 64;

/// The connectors of the configuration, or why one cannot be used.
#[derive(Clone, Debug, Default)]
pub struct Connectors(Arc<BTreeMap<String, Result<Arc<Connector>, String>>>);

impl Connectors {
    /// By their names.
    #[must_use]
    pub fn new(connectors: BTreeMap<String, Result<Arc<Connector>, String>>) -> Self {
        Self(Arc::new(connectors))
    }

    /// Those that can be used.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.0.values().filter_map(|connector| connector.as_ref().ok())
    }

    /// Refuses what is called otherwise than any.
    pub(super) fn check_name(&self, name: &str) -> Result<(), AdminError> {
        let known = self.0.contains_key(name);
        if known { Ok(()) } else { Err(AdminError::NotFound(format!("connector {name:?}"))) }
    }

    pub(super) fn find(&self, name: &str) -> Result<&Arc<Connector>, AdminError> {
        match self.0.get(name) {
            Some(Ok(connector)) => Ok(connector),
            Some(Err(problem)) => {
                Err(AdminError::BadRequest(format!("connector {name:?} cannot be used: {problem}")))
            }
            None => Err(AdminError::NotFound(format!("connector {name:?}"))),
        }
    }
}

/// A connector as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectorView {
    /// Its name.
    pub name: String,
    /// Why it cannot be used, if that is so.
    pub problem: Option<String>,
    /// Whether somebody runs it now.
    pub running: bool,
    /// When the last round of everything began.
    pub full_at: Option<DateTime<Utc>>,
    /// Whether the directory is as the cloud was in the last run.
    pub in_line: bool,
    /// How it is with what the cloud says by itself, if it is to.
    pub hints: Option<HintsView>,
    /// The last run.
    pub last: Option<RunView>,
    /// When what it proves itself with expires, if that is known.
    pub expiry: Option<Expiry>,
}

/// A run as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// Its number.
    pub id: i64,
    /// What it looked at: `everything`, `changes`, `retry` (what the last one left undone) or `user`.
    pub kind: String,
    /// The user whom it looked at, if that is one.
    pub user: Option<String>,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Who or what asked for it.
    pub asked_by: String,
    /// Whether the cloud was asked for everything.
    pub full: bool,
    /// How far it is: `reading`, `folding`, `aligning`, `done` or `failed`.
    pub state: String,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How far it is, if it is not over.
    pub progress: RunProgress,
    /// What came of it.
    pub report: Option<RunReport>,
    /// The same in numbers.
    pub numbers: Option<RunNumbers>,
    /// Why it broke off.
    pub error: Option<String>,
}

impl From<ConnectorRun> for RunView {
    fn from(run: ConnectorRun) -> Self {
        let progress = serde_json::from_str(&run.progress).unwrap_or_default();
        let report = run.report.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let report: Option<RunReport> = report.map(|report| RunReport { run: run.id.0, ..report });
        let kind = match run.kind {
            RunKind::Round if run.whole => "everything",
            RunKind::Round => "changes",
            RunKind::Retry => "retry",
            RunKind::User => "user",
        };
        Self {
            id: run.id.0,
            kind: kind.to_owned(),
            user: run.about,
            dry_run: report.as_ref().is_some_and(|report| report.dry_run),
            numbers: report.as_ref().map(RunNumbers::of),
            asked_by: run.asked_by,
            full: run.whole,
            state: run.state.as_str().to_owned(),
            begun_at: run.begun_at,
            ended_at: run.ended_at,
            progress,
            report,
            error: run.error,
        }
    }
}

/// A line of the answer to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncLine {
    /// Somebody else has begun this run, and it is only looked at.
    Joined(i64),
    /// How far it is.
    Progress(RunProgress),
    /// The last line: what came of it.
    Report(Box<RunReport>),
    /// The last line: there is nothing to be done, and why.
    Nothing(String),
    /// The last line: why it broke off.
    Error(String),
}

/// `GET /connectors`
pub(super) async fn list_connectors(
    State(admin): State<Admin>,
) -> Result<Json<Vec<ConnectorView>>, AdminError> {
    let mut views = Vec::new();
    for (name, connector) in admin.connectors.0.iter() {
        let id = admin.store.ensure_connector(name).await?;
        let state = admin.store.find_connector(id).await?;
        let last = admin.store.list_runs(id, 1).await?.into_iter().next();
        let now = admin.clock.now();
        let hints = match connector {
            Ok(connector) => HintsView::of(connector, id, &admin.store, now).await?,
            Err(_) => None,
        };
        views.push(ConnectorView {
            name: name.clone(),
            problem: connector.as_ref().err().cloned(),
            running: state.is_running(now),
            full_at: state.full_at(),
            in_line: state.is_in_line() && !state.is_folding(),
            hints,
            last: last.map(RunView::from),
            expiry: match connector {
                Ok(connector) => connector.known_expiry(&admin.store, id).await?,
                Err(_) => None,
            },
        });
    }
    Ok(Json(views))
}

/// `GET /connectors/{name}/runs?limit=…`, the latest first, those that looked at one user among them.
pub(super) async fn list_runs(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<Vec<RunView>>, AdminError> {
    admin.connectors.check_name(&name)?;
    let id = admin.store.ensure_connector(&name).await?;
    let runs = admin.store.list_all_runs(id, Options::of(&uri)?.limit).await?;
    Ok(Json(runs.into_iter().map(RunView::from).collect()))
}

/// `POST /connectors/{name}/users/{user}?dry_run=`
pub(super) async fn sync_one_user(
    State(admin): State<Admin>,
    Path((name, user)): Path<(String, String)>,
    uri: Uri,
) -> Result<Json<RunReport>, AdminError> {
    let connector = admin.connectors.find(&name)?;
    let dry_run = Options::of(&uri)?.dry_run;
    let request =
        UserRequest { user, asked_by: ACTOR.to_owned(), dry_run, ..UserRequest::default() };
    let synced = Box::pin(sync_user(&admin.store, &admin.clock, connector, &request)).await;
    synced.map(Json).map_err(|error| match error {
        RunError::Store(error) => AdminError::Store(error),
        error => AdminError::BadRequest(error.to_string()),
    })
}

/// `POST /connectors/{name}/runs?dry_run=&full=&apply=&unguarded=&retry=`: answers line by line while it works, or while
/// somebody else does who was there before.
pub(super) async fn run_connector(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, AdminError> {
    let connector = admin.connectors.find(&name)?.clone();
    let request = run_request(&uri)?;
    let (sender, lines) = mpsc::channel(LINES);
    let (store, clock) = (admin.store.clone(), admin.clock.clone());
    // It goes on when nobody listens any more.
    tokio::spawn(async move {
        match begin(&store, &clock, &connector, &request).await {
            Ok(Some(run)) => follow_own(&name, run, &sender).await,
            Ok(None) => follow_other(&store, &clock, &name, &sender).await,
            Err(RunError::NothingToRetry(why)) => {
                drop(sender.send(SyncLine::Nothing(why.to_owned())).await);
            }
            Err(error) => drop(sender.send(SyncLine::Error(error.to_string())).await),
        }
    });
    Ok(answer_lines("application/x-ndjson", lines, |line| {
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }))
}

/// Begins a run. Who has the right to without having begun one, looks at somebody whom the cloud has named: that takes a
/// moment.
async fn begin(
    store: &Store,
    clock: &Clock,
    connector: &Arc<Connector>,
    request: &RunRequest,
) -> Result<Option<Run>, RunError> {
    for _ in 0..MOST_LOOKS {
        let begun = Run::begin(store, clock, connector, request).await?;
        if begun.is_some() {
            return Ok(begun);
        }
        let id = store.ensure_connector(&connector.name).await?;
        let last = store.list_runs(id, 1).await?.into_iter().next();
        if last.is_some_and(|last| last.ended_at.is_none()) {
            return Ok(None);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(None)
}

fn run_request(uri: &Uri) -> Result<RunRequest, AdminError> {
    let twice = |_| AdminError::BadRequest("a parameter is there twice".to_owned());
    let parameters = Parameters::of(uri).map_err(twice)?;
    let flag = |name| parameters.find(name).is_some();
    if flag("apply") && flag("dry_run") {
        let problem = "either something comes true, or it is only looked at";
        return Err(AdminError::BadRequest(problem.to_owned()));
    }
    Ok(RunRequest {
        asked_by: ACTOR.to_owned(),
        dry_run: flag("dry_run"),
        full: flag("full"),
        apply: flag("apply"),
        unguarded: flag("unguarded"),
        retry: flag("retry"),
    })
}

fn outcome(connector: &str, done: Result<RunReport, RunError>) -> SyncLine {
    match done {
        Ok(report) => {
            tracing::info!(connector, sync.run = report.run, "an administrator ran a connector");
            SyncLine::Report(Box::new(report))
        }
        Err(error) => SyncLine::Error(error.to_string()),
    }
}

/// Does a run, and tells how far it is.
async fn follow_own(connector: &str, run: Run, to: &mpsc::Sender<SyncLine>) {
    let gauge = run.gauge();
    let mut running = Box::pin(run.finish());
    let done = loop {
        tokio::select! {
            done = &mut running => break done,
            () = tokio::time::sleep(LOOK_AGAIN) => {
                // Work does not wait for a listener that is slow.
                let _ = to.try_send(SyncLine::Progress(gauge.read()));
            }
        }
    };
    let _ = to.send(outcome(connector, done)).await;
}

/// Tells how far the run is that somebody else has begun, and what comes of it.
async fn follow_other(store: &Store, clock: &Clock, connector: &str, to: &mpsc::Sender<SyncLine>) {
    let last = async {
        let id = store.ensure_connector(connector).await?;
        store.list_runs(id, 1).await
    };
    let line = match last.await.map(|runs| runs.into_iter().next()) {
        Ok(Some(run)) => {
            let _ = to.send(SyncLine::Joined(run.id.0)).await;
            watch(store, clock, run, to)
                .await
                .unwrap_or_else(|error| SyncLine::Error(error.to_string()))
        }
        Ok(None) => SyncLine::Error("somebody begins a run just now: ask again".to_owned()),
        Err(error) => SyncLine::Error(error.to_string()),
    };
    let _ = to.send(line).await;
}

async fn watch(
    store: &Store,
    clock: &Clock,
    mut run: ConnectorRun,
    to: &mpsc::Sender<SyncLine>,
) -> Result<SyncLine, StoreError> {
    loop {
        let RunView { ended_at, progress, report, error, .. } = run.clone().into();
        if let Some(error) = error {
            return Ok(SyncLine::Error(error));
        }
        if let (Some(_), Some(report)) = (ended_at, report) {
            return Ok(SyncLine::Report(Box::new(report)));
        }
        let _ = to.send(SyncLine::Progress(progress)).await;
        tokio::time::sleep(LOOK_AGAIN).await;
        let is_running = store.find_connector(run.connector).await?.is_running(clock.now());
        let found = store.find_run(run.id).await?;
        run = match found {
            Some(found) if is_running || found.ended_at.is_some() || found.error.is_some() => found,
            _ => return Ok(SyncLine::Error("whoever ran it is gone: ask again".to_owned())),
        };
    }
}
