//! `gatehouse directory`.

use std::{path::Path, process::ExitCode};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    control::{self, Control, ControlError},
    edit::{Output, print_json},
    say,
};
use crate::admin::DirectoryView;

/// Directories.
#[derive(Debug, clap::Subcommand)]
pub(super) enum DirectoryCommand {
    /// Lists directories with what they hold.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Takes a directory from all applications, within half a minute. Nothing in it changes.
    Disable {
        /// The directory's name.
        name: String,
    },
    /// Gives it back.
    Enable {
        /// The directory's name.
        name: String,
    },
}

impl DirectoryCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { output } => list(control, *output).await,
            Self::Disable { name } => switch(control, Method::PUT, name).await,
            Self::Enable { name } => switch(control, Method::DELETE, name).await,
        })
    }
}

async fn list(control: &Control, output: Output) -> Result<(), ControlError> {
    let directories: Vec<DirectoryView> = control.ask(Method::GET, "/directories").await?;
    if output.json {
        return print_json(&directories);
    }
    say(&format!("{:>8}  {:>8}  {:<10}  {}", "USERS", "GROUPS", "KIND", "DIRECTORY"));
    for directory in directories {
        say(&line(&directory));
    }
    Ok(())
}

fn line(directory: &DirectoryView) -> String {
    let DirectoryView { name, kind, users, groups, .. } = directory;
    let since = directory.disabled_at.map(|at| at.format(" (disabled since %Y-%m-%d %H:%M:%SZ)"));
    let since = since.map(|since| since.to_string()).unwrap_or_default();
    format!("{users:>8}  {groups:>8}  {kind:<10}  {name}{since}")
}

async fn switch(control: &Control, method: Method, name: &str) -> Result<(), ControlError> {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let directory: DirectoryView =
        control.ask(method, &format!("/directories/{name}/disabled")).await?;
    say(&line(&directory));
    Ok(())
}
