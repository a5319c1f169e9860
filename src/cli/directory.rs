//! `gatehouse directory`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    control::{self, Control, ControlError},
    edit::{Output, print_json},
    import::receive_export,
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
    /// Lets nobody in by a directory any more, and takes it from all applications. Nothing in it changes; sessions of
    /// its users end.
    Disable {
        /// The directory's name.
        name: String,
    },
    /// Gives it back.
    Enable {
        /// The directory's name.
        name: String,
    },
    /// Removes a directory: no application sees it, until it is restored or purged.
    Remove {
        /// The directory's name.
        name: String,
    },
    /// Brings a removed directory back, with all that it held.
    Restore {
        /// The directory's name.
        name: String,
    },
    /// Forgets a removed directory and all that it held, for good.
    Purge {
        /// The directory's name.
        name: String,
        /// The name once more: this cannot be undone.
        #[arg(long, value_name = "NAME")]
        confirm: String,
        /// Where its users and groups are written before, as `gatehouse export` writes them (JSON).
        #[arg(long, value_name = "FILE", required_unless_present = "no_export")]
        export: Option<PathBuf>,
        /// Keeps nothing of it.
        #[arg(long, conflicts_with = "export")]
        no_export: bool,
    },
}

impl DirectoryCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { output } => list(control, *output).await,
            Self::Disable { name } => switch(control, Method::PUT, name, "/disabled").await,
            Self::Enable { name } => switch(control, Method::DELETE, name, "/disabled").await,
            Self::Remove { name } => switch(control, Method::PUT, name, "/removed").await,
            Self::Restore { name } => switch(control, Method::DELETE, name, "/removed").await,
            Self::Purge { name, confirm, export, .. } if name == confirm => {
                if let Some(file) = export {
                    receive_export(control, name, "json", Some(file)).await?;
                }
                switch(control, Method::DELETE, name, "").await
            }
            Self::Purge { name, .. } => {
                let problem = format!("say --confirm {name:?}: what is purged is gone for good");
                Err(ControlError::Refused(problem))
            }
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
    let since = match (directory.removed_at, directory.disabled_at) {
        (Some(at), _) => at.format(" (removed since %Y-%m-%d %H:%M:%SZ)").to_string(),
        (None, Some(at)) => at.format(" (disabled since %Y-%m-%d %H:%M:%SZ)").to_string(),
        (None, None) => String::new(),
    };
    format!("{users:>8}  {groups:>8}  {kind:<10}  {name}{since}")
}

async fn switch(
    control: &Control,
    method: Method,
    name: &str,
    what: &str,
) -> Result<(), ControlError> {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let directory: DirectoryView =
        control.ask(method, &format!("/directories/{name}{what}")).await?;
    say(&line(&directory));
    if directory.ended_sessions > 0 {
        say(&format!("sessions ended: {}", directory.ended_sessions));
    }
    Ok(())
}
