//! `gatehouse plan`.

use std::{path::Path, process::ExitCode};

use http::Method;

use super::{
    control::{self, Control, ControlError},
    edit::{Output, path_with, print_json},
    say,
};
use crate::admin::PlanView;

/// Large plans, such as imports.
#[derive(Debug, clap::Subcommand)]
pub(super) enum PlanCommand {
    /// Lists plans, the latest first.
    List {
        /// So many at most.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Shows what a plan changes.
    Show {
        /// The plan.
        plan: i64,
        /// So many of its changes at most.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Lets a plan take away what the guard holds back.
    Approve {
        /// The plan.
        plan: i64,
        #[command(flatten)]
        output: Output,
    },
    /// Forgets what a plan would still change.
    Discard {
        /// The plan.
        plan: i64,
        #[command(flatten)]
        output: Output,
    },
}

impl PlanCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { limit, output } => list(control, *limit, *output).await,
            Self::Show { plan, limit, output } => {
                let limit = limit.to_string();
                let path = path_with(&format!("/plans/{plan}"), &[("limit", Some(&limit))]);
                show(control, Method::GET, &path, *output).await
            }
            Self::Approve { plan, output } => {
                show(control, Method::PUT, &format!("/plans/{plan}/approval"), *output).await
            }
            Self::Discard { plan, output } => {
                show(control, Method::DELETE, &format!("/plans/{plan}"), *output).await
            }
        })
    }
}

async fn list(control: &Control, limit: u32, output: Output) -> Result<(), ControlError> {
    let limit = limit.to_string();
    let path = path_with("/plans", &[("limit", Some(&limit))]);
    let plans: Vec<PlanView> = control.ask(Method::GET, &path).await?;
    if output.json {
        return print_json(&plans);
    }
    for plan in plans {
        say(&line(&plan));
    }
    Ok(())
}

fn line(plan: &PlanView) -> String {
    let PlanView { id, state, source, actor, reason, size, .. } = plan;
    let at = plan.at.format("%Y-%m-%d %H:%M:%SZ");
    format!("{id:>6}  {state:<9}  {at}  {source} by {actor} ({reason}): {size}")
}

async fn show(
    control: &Control,
    method: Method,
    path: &str,
    output: Output,
) -> Result<(), ControlError> {
    let plan: PlanView = control.ask(method, path).await?;
    if output.json {
        return print_json(&plan);
    }
    say(&line(&plan));
    for change in &plan.changes {
        say(&format!("  {change}"));
    }
    if let Some(held) = &plan.held {
        say(&format!("what it takes away waits: {held}"));
    }
    if let Some(batch) = plan.batch {
        say(&format!("batch {batch}: `gatehouse changes undo {batch}` takes it back"));
    }
    Ok(())
}
