//! `gatehouse user`.

use std::{path::Path, process::ExitCode};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    control::{self, Control, ControlError},
    say,
};
use crate::admin::{EndedSessions, UserView};

/// Accounts.
#[derive(Debug, clap::Subcommand)]
pub(super) enum UserCommand {
    /// Shows what is known of a user, in every directory: identities and groups included.
    Show {
        /// The username.
        name: String,
    },
    /// Blocks a user: ends their sessions, and no login brings the account back.
    Block {
        /// The username.
        name: String,
    },
    /// Lets a blocked user in again.
    Unblock {
        /// The username.
        name: String,
    },
}

impl UserCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::Show { name } => show(control, Method::GET, &path(name, "")).await,
            Self::Block { name } => block(control, name).await,
            Self::Unblock { name } => show(control, Method::DELETE, &path(name, "/block")).await,
        })
    }
}

async fn block(control: &Control, name: &str) -> Result<(), ControlError> {
    let EndedSessions { ended } = control.ask(Method::PUT, &path(name, "/block")).await?;
    say(&format!("blocked {name}; sessions ended: {ended}"));
    Ok(())
}

async fn show(control: &Control, method: Method, path: &str) -> Result<(), ControlError> {
    let users: Vec<UserView> = control.ask(method, path).await?;
    for user in users {
        say(&format!("username      {}", user.username));
        say(&format!("directory     {}", user.directory));
        let inactive = user.inactive.as_ref().map(|reason| format!("no: {reason}"));
        say(&format!("active        {}", inactive.as_deref().unwrap_or("yes")));
        say(&format!("display name  {}", user.display_name.as_deref().unwrap_or("-")));
        say(&format!("email         {}", user.email.as_deref().unwrap_or("-")));
        say(&format!("created       {}", user.created_at.format("%Y-%m-%d %H:%M:%SZ")));
        for (issuer, kind, subject) in &user.identities {
            say(&format!("identity      {issuer} {kind} {subject:?}"));
        }
        for (group, source) in &user.memberships {
            say(&format!("group         {group:?} by {source}"));
        }
        say("");
    }
    Ok(())
}

fn path(name: &str, rest: &str) -> String {
    format!("/users/{}{rest}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}
