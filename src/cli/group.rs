//! `gatehouse group`.

use std::{path::Path, process::ExitCode};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    control::{self, Control, ControlError},
    edit::{EditOptions, Output, print_json},
    say,
};
use crate::admin::GroupView;

/// Groups and their members.
#[derive(Debug, clap::Subcommand)]
pub(super) enum GroupCommand {
    /// Lists groups by name: at most 1000.
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Shows a group's members, and who put them there.
    Show {
        /// The group's name.
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Makes a group.
    Create {
        /// The group's name.
        name: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Removes a group, after its members have left it.
    Remove {
        /// The group's name.
        name: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Makes a user a member; logins and connectors do not take that away.
    Join {
        /// The group's name.
        name: String,
        /// The username.
        user: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Makes the members of one group members of another.
    Nest {
        /// The group that gets members.
        name: String,
        /// The group whose members they are.
        child: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Takes away what `nest` gave.
    Unnest {
        /// The group that has members.
        name: String,
        /// The group whose members they are.
        child: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Takes away what `join` gave.
    Leave {
        /// The group's name.
        name: String,
        /// The username.
        user: String,
        #[command(flatten)]
        options: EditOptions,
    },
}

impl GroupCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { output } => list(control, *output).await,
            Self::Show { name, output } => show(control, name, *output).await,
            Self::Create { name, options } => {
                options.send(control, Method::PUT, &path(name, None), None).await
            }
            Self::Remove { name, options } => {
                options.send(control, Method::DELETE, &path(name, None), None).await
            }
            Self::Join { name, user, options } => {
                options.send(control, Method::PUT, &path(name, Some(("members", user))), None).await
            }
            Self::Nest { name, child, options } => {
                options.send(control, Method::PUT, &path(name, Some(("groups", child))), None).await
            }
            Self::Unnest { name, child, options } => {
                options
                    .send(control, Method::DELETE, &path(name, Some(("groups", child))), None)
                    .await
            }
            Self::Leave { name, user, options } => {
                options
                    .send(control, Method::DELETE, &path(name, Some(("members", user))), None)
                    .await
            }
        })
    }
}

async fn list(control: &Control, output: Output) -> Result<(), ControlError> {
    let groups: Vec<GroupView> = control.ask(Method::GET, "/groups").await?;
    if output.json {
        return print_json(&groups);
    }
    say(&format!("{:>8}  {:<16}  {}", "MEMBERS", "DIRECTORY", "GROUP"));
    for group in groups {
        say(&format!("{:>8}  {:<16}  {}", group.members, group.directory, group.name));
    }
    Ok(())
}

async fn show(control: &Control, name: &str, output: Output) -> Result<(), ControlError> {
    let groups: Vec<GroupView> = control.ask(Method::GET, &path(name, None)).await?;
    if output.json {
        return print_json(&groups);
    }
    for group in groups {
        say(&format!("{} in {}: {} members", group.name, group.directory, group.members));
        for member in group.listed {
            say(&format!("  {:<24} by {}", member.username, member.source));
        }
        for nesting in group.nestings {
            let (child, parent) = (nesting.child, nesting.parent);
            say(&format!("  members of {child:?} are in {parent:?} by {}", nesting.source));
        }
    }
    Ok(())
}

fn path(name: &str, inside: Option<(&str, &str)>) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    match inside {
        Some((what, who)) => format!("/groups/{}/{what}/{}", encode(name), encode(who)),
        None => format!("/groups/{}", encode(name)),
    }
}
