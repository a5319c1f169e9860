//! `gatehouse sync history` and `sync undo`.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
};

use http::Method;

use super::{
    runs_path,
    shown::{print_history, print_run},
};
use crate::{
    admin::{PlanView, RunView},
    cli::{
        changes::undo,
        control::{Control, ControlError},
        edit::{Output, path_with, print_json},
        say,
    },
    http::Body,
    sync::{ImportReport, RunRecord},
};

/// Lists a connector's runs, or shows one of them whole.
///
/// A run is shown with what was in the way, what could not be read, and what it changed, before and after. What was changed is
/// kept as long as the change log (`store.keep_changes_days`).
#[derive(Debug, clap::Args)]
pub(super) struct History {
    /// The connector.
    name: String,

    /// One run, by its number in the list.
    run: Option<i64>,

    /// So many runs, or so many changes of one, at most.
    #[arg(long, default_value_t = 20, conflicts_with = "export")]
    limit: u32,

    /// Writes all of one run for programs and spreadsheets: csv, json, or ndjson (an object a line).
    #[arg(long, value_name = "FORMAT", requires = "run", value_parser = ["csv", "json", "ndjson"])]
    export: Option<String>,

    /// The file to write. There must be none of that name. Without, it is printed.
    #[arg(long, value_name = "FILE", requires = "export")]
    output: Option<PathBuf>,

    /// Prints JSON.
    #[arg(long, conflicts_with = "export")]
    json: bool,
}

impl History {
    pub(super) async fn show(&self, control: &Control) -> Result<(), ControlError> {
        match (self.run, &self.export) {
            (None, _) => self.list(control).await,
            (Some(run), None) => self.show_run(control, run).await,
            (Some(run), Some(format)) => self.write(control, run, format).await,
        }
    }

    async fn list(&self, control: &Control) -> Result<(), ControlError> {
        let limit = self.limit.to_string();
        let path = path_with(&runs_path(&self.name), &[("limit", Some(&limit))]);
        let runs: Vec<RunView> = control.ask(Method::GET, &path).await?;
        if self.json {
            return print_json(&runs);
        }
        print_history(&runs);
        Ok(())
    }

    fn changes_path(&self, run: i64, format: &str, limit: Option<&str>) -> String {
        let path = format!("{}/{run}/changes", runs_path(&self.name));
        path_with(&path, &[("format", Some(format)), ("limit", limit)])
    }

    async fn show_run(&self, control: &Control, run: i64) -> Result<(), ControlError> {
        let path = format!("{}/{run}", runs_path(&self.name));
        let view: RunView = control.ask(Method::GET, &path).await?;
        if self.json {
            return print_json(&view);
        }
        print_run(&self.name, &view);
        let limit = self.limit.to_string();
        let path = self.changes_path(run, "ndjson", Some(&limit));
        let mut rest = Vec::new();
        let heard = control.stream(Method::GET, &path, Body::empty(), |piece| {
            rest.extend_from_slice(piece);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                print_change(&rest[..end])?;
                rest.drain(..=end);
            }
            Ok(())
        });
        heard.await
    }

    async fn write(&self, control: &Control, run: i64, format: &str) -> Result<(), ControlError> {
        let name = self.output.clone().unwrap_or_else(|| PathBuf::from("standard output"));
        let failed = |error| ControlError::File(name.clone(), error);
        let mut to: Box<dyn Write> = match &self.output {
            Some(path) => Box::new(
                OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?,
            ),
            None => Box::new(io::stdout().lock()),
        };
        let path = self.changes_path(run, format, None);
        let written = control
            .stream(Method::GET, &path, Body::empty(), |piece| to.write_all(piece).map_err(failed));
        written.await?;
        to.flush().map_err(failed)
    }
}

/// Conflicts and warnings are said with the report already.
fn print_change(line: &[u8]) -> Result<(), ControlError> {
    let record: RunRecord =
        serde_json::from_slice(line).map_err(|error| ControlError::Http(error.to_string()))?;
    match record {
        RunRecord::Change(change) => {
            say(&format!("  {:<9} {}", change.state.as_str(), change.text));
        }
        RunRecord::Forgotten { why } => say(&format!("  {why}")),
        RunRecord::Conflict { .. } | RunRecord::Warning { .. } => {}
    }
    Ok(())
}

/// Takes back what a run has changed.
pub(super) async fn undo_run(
    control: &Control,
    name: &str,
    run: i64,
    dry_run: bool,
    output: Output,
) -> Result<(), ControlError> {
    let view: RunView = control.ask(Method::GET, &format!("{}/{run}", runs_path(name))).await?;
    let list = view.report.and_then(|report| report.directory).map(|directory| directory.list);
    let batch = match list {
        Some(ImportReport { batch: None, plan: Some(plan), dry_run: false, .. }) => {
            batch_of(control, plan).await?
        }
        list => list.and_then(|list| list.batch),
    };
    let Some(batch) = batch else {
        return Err(ControlError::Refused(format!("run {run} has changed nothing")));
    };
    undo(control, batch, dry_run, output).await?;
    if !dry_run && !output.json {
        say(
            "the next run of everything does it again, unless the cloud or the filters say otherwise by then",
        );
    }
    Ok(())
}

/// The batch of a plan of which nothing had come true when the run was over.
async fn batch_of(control: &Control, plan: i64) -> Result<Option<i64>, ControlError> {
    let plan: PlanView = control.ask(Method::GET, &format!("/plans/{plan}?limit=1")).await?;
    Ok(plan.batch)
}
