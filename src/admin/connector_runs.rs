//! One run of a connector with all that it changed, and what another one would make of the mirror.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::Uri;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::{Admin, AdminError, RunView, directories::find_directory, lists::answer_pieces};
use crate::{
    config::ConnectorConfig,
    http::Parameters,
    store::{ConnectorRun, RunId},
    sync::{Connector, Preview, PreviewError, RunFormat, RunReport, export_run, preview},
};

/// Pieces that wait for whoever reads them.
const PIECES: usize = 4;

/// A table is not larger.
const MOST_BYTES: usize = 1 << 20;

/// People who are shown by their parts, unless it is said how many.
const PEOPLE: usize = 20;

async fn find_run(admin: &Admin, name: &str, run: i64) -> Result<ConnectorRun, AdminError> {
    admin.connectors.check_name(name)?;
    let connector = admin.store.ensure_connector(name).await?;
    let found = admin.store.find_run(RunId(run)).await?;
    let own = found.filter(|found| found.connector == connector);
    own.ok_or_else(|| AdminError::NotFound(format!("run {run} of connector {name:?}")))
}

/// `GET /connectors/{name}/runs/{run}`
pub(super) async fn show_run(
    State(admin): State<Admin>,
    Path((name, run)): Path<(String, i64)>,
) -> Result<Json<RunView>, AdminError> {
    Ok(Json(find_run(&admin, &name, run).await?.into()))
}

/// `GET /connectors/{name}/runs/{run}/changes?format=…&limit=…`: what was in the way, and what was changed, in a
/// format that programs and spreadsheets read. Without a limit, all of it.
pub(super) async fn export_changes(
    State(admin): State<Admin>,
    Path((name, run)): Path<(String, i64)>,
    uri: Uri,
) -> Result<Response, AdminError> {
    let bad = |problem: &str| AdminError::BadRequest(problem.to_owned());
    let parameters = Parameters::of(&uri).map_err(|_| bad("a parameter is there twice"))?;
    let format: RunFormat =
        parameters.find("format").unwrap_or("ndjson").parse().map_err(AdminError::BadRequest)?;
    let limit = parameters.find("limit").map(str::parse).transpose();
    let limit = limit.map_err(|_| bad("limit is no number"))?.unwrap_or(usize::MAX);
    let view: RunView = find_run(&admin, &name, run).await?.into();
    let report: RunReport = view.report.unwrap_or_default();
    let (sender, pieces) = mpsc::channel(PIECES);
    tokio::spawn(async move {
        if let Err(error) = export_run(&admin.store, &report, format, limit, &sender).await {
            tracing::error!(%error, run, "an export of a run broke off");
            // Whoever reads must not take half of it for all.
            let _ = sender.send(Err(std::io::Error::other(error.to_string()))).await;
        }
    });
    let kind = match format {
        RunFormat::Csv => "text/csv",
        RunFormat::Json => "application/json",
        RunFormat::Ndjson => "application/x-ndjson",
    };
    Ok(answer_pieces(kind, pieces))
}

/// What is to be tried.
#[derive(Deserialize)]
struct Wanted {
    /// The connector's table as somebody would like to have it (TOML). Without, the one that is configured.
    table: Option<String>,
}

/// `POST /connectors/{name}/preview?limit=…`: what filters and a mapping would make of the mirror, perhaps others than those
/// that are configured. `limit` is how many people are shown by their parts.
pub(super) async fn preview_connector(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
    body: Body,
) -> Result<Json<Preview>, AdminError> {
    let bad = |problem: String| AdminError::BadRequest(problem);
    let people = Parameters::of(&uri).ok().and_then(|all| all.find("limit").map(str::to_owned));
    let people = people.map_or(Ok(PEOPLE), |limit| limit.parse());
    let people = people.map_err(|_| bad("limit is no number".to_owned()))?;
    let body =
        axum::body::to_bytes(body, MOST_BYTES).await.map_err(|error| bad(error.to_string()))?;
    let mut connector = admin.connectors.find(&name)?.clone();
    if !body.is_empty() {
        let wanted: Wanted =
            serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
        if let Some(table) = wanted.table {
            connector = candidate(&admin, &connector, &table).await?;
        }
    }
    let seen = Box::pin(preview(&admin.store, &connector, people.min(1000))).await;
    seen.map(Json).map_err(|error| match error {
        PreviewError::Store(error) => AdminError::Store(error),
        error => AdminError::BadRequest(error.to_string()),
    })
}

/// A connector with another table. Its cloud is that of the one that is configured: it is not asked.
async fn candidate(
    admin: &Admin,
    configured: &Connector,
    table: &str,
) -> Result<Arc<Connector>, AdminError> {
    let bad = |problem: String| AdminError::BadRequest(problem);
    let config = ConnectorConfig::parse(table).map_err(|problems| bad(problems.to_string()))?;
    if config.name != configured.name {
        return Err(bad(format!("the table is that of connector {:?}", config.name)));
    }
    let directory = find_directory(admin, config.directory()).await?.id;
    let (policy, source) = (configured.policy.clone(), configured.source.clone());
    let made = Connector::new(&config, directory, policy, source);
    made.map(Arc::new).map_err(|error| bad(format!("connector.{}: {error}", error.key())))
}
