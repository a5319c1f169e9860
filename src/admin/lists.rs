//! Lists of people: taken in, and given out.

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    response::Response,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Uri, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::{
    ACTOR, Admin, AdminError, Options,
    directories::{find_directory, find_writable_directory},
};
use crate::{
    directory::{DirectoryId, Source},
    http::Parameters,
    provisioning::Unlisted,
    sync::{Event, Events, Format, ImportReport, ImportRequest, export, import},
};

/// A directory of this kind is the administrators' to fill.
const INTERNAL: &str = "internal";

/// Lines that wait for whoever reads them.
const LINES: usize = 64;

/// A line of the answer to an import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportLine {
    /// How far it is, or a row that is left out.
    Event(Event),
    /// The last line: it went well.
    Report(Box<ImportReport>),
    /// The last line: why nothing was imported, or not all of it yet.
    Error(String),
}

/// `POST /directories/{name}/users?format=…&source=…&unlisted=…&leave_out=&unguarded=&dry_run=`, with the
/// list as its body. Answers line by line while it works.
pub(super) async fn import_users(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
    list: Body,
) -> Result<Response, AdminError> {
    let request = import_request(&admin, &name, &uri).await?;
    let (sender, lines) = mpsc::channel(LINES);
    let (events, told) = mpsc::channel(LINES);
    let list = list.into_data_stream().map_err(std::io::Error::other);
    let list = SyncIoBridge::new(StreamReader::new(Box::pin(list)));
    // It goes on when nobody listens any more: a sealed plan has to come true.
    tokio::spawn(async move {
        let working = async {
            // Dropped at the end, so that the telling ends too.
            let events = Events::to(events);
            import(&admin.store, &admin.clock, &request, list, &events).await
        };
        let (imported, ()) = tokio::join!(working, tell(told, sender.clone()));
        let outcome = match imported {
            Ok(report) => {
                tracing::info!(plan = report.plan, size = %report.size, "an administrator imported a list");
                ImportLine::Report(Box::new(report))
            }
            Err(error) => ImportLine::Error(error.to_string()),
        };
        let _ = sender.send(outcome).await;
    });
    Ok(answer_lines("application/x-ndjson", lines, |line| {
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }))
}

/// Hands events on for as long as somebody listens, and then lets them go.
async fn tell(mut told: mpsc::Receiver<Event>, to: mpsc::Sender<ImportLine>) {
    while let Some(event) = told.recv().await {
        let _ = to.send(ImportLine::Event(event)).await;
    }
}

async fn import_request(admin: &Admin, name: &str, uri: &Uri) -> Result<ImportRequest, AdminError> {
    let options = Options::of(uri)?;
    let twice = |_| AdminError::BadRequest("a parameter is there twice".to_owned());
    let parameters = Parameters::of(uri).map_err(twice)?;
    let source = parameters.find("source").unwrap_or("list");
    if source.is_empty() || source.contains(char::is_control) {
        return Err(AdminError::BadRequest(format!("{source:?} cannot be the name of a source")));
    }
    let unlisted = match parameters.find("unlisted") {
        None | Some("keep") => Unlisted::Keep,
        Some("deactivate") => Unlisted::Deactivate,
        Some(other) => {
            let problem = format!("unlisted is {other:?}: say keep or deactivate");
            return Err(AdminError::BadRequest(problem));
        }
    };
    Ok(ImportRequest {
        directory: writable_directory(admin, name).await?,
        source: Source::Import(source.to_owned()).to_string(),
        actor: ACTOR.to_owned(),
        reason: options.because,
        format: format_of(&parameters)?,
        unlisted,
        leave_out: parameters.find("leave_out").is_some(),
        dry_run: options.dry_run,
        unguarded: parameters.find("unguarded").is_some(),
    })
}

fn format_of(parameters: &Parameters<'_>) -> Result<Format, AdminError> {
    parameters.find("format").unwrap_or("csv").parse().map_err(AdminError::BadRequest)
}

async fn writable_directory(admin: &Admin, name: &str) -> Result<DirectoryId, AdminError> {
    let directory = find_writable_directory(admin, name).await?;
    if directory.kind != INTERNAL {
        let problem = format!(
            "{:?} belongs to its {}: an import would be undone by its next run",
            directory.name, directory.kind
        );
        return Err(AdminError::BadRequest(problem));
    }
    Ok(directory.id)
}

/// `GET /directories/{name}/users?format=…`: all of a directory, as a list that can be imported.
pub(super) async fn export_users(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, AdminError> {
    let twice = |_| AdminError::BadRequest("a parameter is there twice".to_owned());
    let format = format_of(&Parameters::of(&uri).map_err(twice)?)?;
    let directory = find_directory(&admin, &name).await?.id;
    let (sender, pieces) = mpsc::channel(LINES);
    tokio::spawn(async move {
        if let Err(error) = export(&admin.store, directory, format, &sender).await {
            tracing::error!(%error, "an export broke off");
            // Whoever reads must not take half a list for a list.
            let _ = sender.send(Err(std::io::Error::other(error.to_string()))).await;
        }
    });
    let kind = if format == Format::Csv { "text/csv" } else { "application/x-ndjson" };
    Ok(answer_pieces(kind, pieces))
}

/// A text that comes piece by piece; an error breaks the answer off.
pub(super) fn answer_pieces(
    kind: &'static str,
    pieces: mpsc::Receiver<std::io::Result<String>>,
) -> Response {
    let pieces = stream::unfold(pieces, async |mut pieces| Some((pieces.recv().await?, pieces)));
    let mut response = Response::new(Body::from_stream(pieces));
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}

pub(super) fn answer_lines<T: Send + 'static>(
    kind: &'static str,
    lines: mpsc::Receiver<T>,
    write: impl Fn(T) -> String + Send + 'static,
) -> Response {
    let lines = stream::unfold(lines, async |mut lines| Some((lines.recv().await?, lines)));
    let lines = lines.map(move |line| Ok::<_, std::io::Error>(Bytes::from(write(line))));
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
