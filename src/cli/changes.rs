//! `gatehouse changes`.

use std::{path::Path, process::ExitCode};

use http::Method;

use super::{
    control::{self, Control, ControlError},
    edit::{Output, path_with, print_json},
    say,
};
use crate::admin::{ChangeView, UndoView};

/// What happened to the directory.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ChangesCommand {
    /// Lists changes, the latest first.
    List {
        /// About one user only.
        #[arg(long)]
        user: Option<String>,
        /// So many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Prints changes as they are made, one a line, until it is interrupted.
    Follow {
        /// Those after this place in the log; without it, those from now on.
        #[arg(long, value_name = "SEQ")]
        after: Option<i64>,
        /// Ends when there is nothing more to print.
        #[arg(long)]
        once: bool,
        /// Prints a line of JSON for each.
        #[arg(long)]
        json: bool,
    },
    /// Shows all that was changed together.
    Show {
        /// The batch, as `changes list` prints it.
        batch: i64,
        #[command(flatten)]
        output: Output,
    },
    /// Takes a batch back: all of it, or nothing if somebody has changed the same since.
    Undo {
        /// The batch, as `changes list` prints it.
        batch: i64,
        /// Says what would be taken back, and takes nothing back.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        output: Output,
    },
}

impl ChangesCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { user, limit, output } => {
                let limit = limit.to_string();
                let parameters = [("user", user.as_deref()), ("limit", Some(limit.as_str()))];
                list(control, &path_with("/changes", &parameters), *output).await
            }
            Self::Follow { after, once, json } => follow(control, *after, *once, *json).await,
            Self::Show { batch, output } => {
                list(control, &format!("/changes/{batch}"), *output).await
            }
            Self::Undo { batch, dry_run, output } => undo(control, *batch, *dry_run, *output).await,
        })
    }
}

async fn follow(
    control: &Control,
    after: Option<i64>,
    once: bool,
    json: bool,
) -> Result<(), ControlError> {
    let mut after = if let Some(after) = after {
        after
    } else {
        let latest: Vec<ChangeView> = control.ask(Method::GET, "/changes?limit=1").await?;
        latest.first().map_or(0, |change| change.seq)
    };
    let wait = if once { "0" } else { "30" };
    loop {
        let path = path_with(&format!("/changes/after/{after}"), &[("wait_seconds", Some(wait))]);
        let changes: Vec<ChangeView> = control.ask(Method::GET, &path).await?;
        if changes.is_empty() && once {
            return Ok(());
        }
        for change in &changes {
            after = change.seq;
            if json {
                let line = serde_json::to_string(change);
                say(&line.map_err(|error| ControlError::Http(error.to_string()))?);
            } else {
                say(&line(change));
            }
        }
    }
}

fn line(change: &ChangeView) -> String {
    let ChangeView { batch, at, actor, reason, summary, .. } = change;
    let at = at.format("%Y-%m-%d %H:%M:%SZ");
    format!("{batch:>8}  {at}  {actor} ({reason}): {summary}")
}

async fn list(control: &Control, path: &str, output: Output) -> Result<(), ControlError> {
    let changes: Vec<ChangeView> = control.ask(Method::GET, path).await?;
    if output.json {
        return print_json(&changes);
    }
    for change in &changes {
        say(&line(change));
    }
    Ok(())
}

/// Takes a batch back, and says what that was.
pub(super) async fn undo(
    control: &Control,
    batch: i64,
    dry_run: bool,
    output: Output,
) -> Result<(), ControlError> {
    let path = path_with(&format!("/changes/{batch}"), &[("dry_run", dry_run.then_some(""))]);
    let view: UndoView = control.ask(Method::DELETE, &path).await?;
    if output.json {
        return print_json(&view);
    }
    for change in &view.undone {
        say(&format!("{}{change}", if view.dry_run { "would " } else { "" }));
    }
    for change in &view.kept {
        say(&format!("stays: {change}"));
    }
    if let Some(batch) = view.batch.filter(|_| !view.dry_run) {
        say(&format!("batch {batch}: `gatehouse changes undo {batch}` takes it back"));
    }
    Ok(())
}
