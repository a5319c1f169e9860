//! `gatehouse session`.

use std::{path::Path, process::ExitCode};

use http::Method;

use super::{
    control::{self, Control, ControlError},
    edit::path_with,
    say,
};
use crate::admin::{EndedSessions, SessionView};

/// Who is logged in.
#[derive(Debug, clap::Subcommand)]
pub(super) enum SessionCommand {
    /// Lists sessions, the latest first: at most 1000.
    List {
        /// Those of one user only.
        #[arg(long)]
        user: Option<String>,
    },
    /// Ends a session, or all of a user, on every host and every replica within a second.
    #[command(group = clap::ArgGroup::new("which").required(true))]
    End {
        /// The session's number, as `session list` shows it.
        #[arg(group = "which")]
        id: Option<i64>,
        /// All sessions of that user.
        #[arg(long, group = "which")]
        user: Option<String>,
    },
}

impl SessionCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { user } => list(control, user.as_deref()).await,
            Self::End { id, user } => end(control, *id, user.as_deref()).await,
        })
    }
}

async fn list(control: &Control, user: Option<&str>) -> Result<(), ControlError> {
    let sessions: Vec<SessionView> =
        control.ask(Method::GET, &path_with("/sessions", &[("user", user)])).await?;
    say(&format!(
        "{:>8}  {:<24}  {:<20}  {:<20}  {:<20}  {}",
        "ID", "USER", "SINCE", "LAST SEEN", "BY", "HOW"
    ));
    for session in sessions {
        let SessionView { id, username, issuer, method, .. } = session;
        let [since, seen] = [session.created_at, session.seen_at]
            .map(|time| time.format("%Y-%m-%d %H:%M:%SZ").to_string());
        say(&format!("{id:>8}  {username:<24}  {since:<20}  {seen:<20}  {issuer:<20}  {method}"));
    }
    Ok(())
}

async fn end(control: &Control, id: Option<i64>, user: Option<&str>) -> Result<(), ControlError> {
    let path = id
        .map_or_else(|| path_with("/sessions", &[("user", user)]), |id| format!("/sessions/{id}"));
    let EndedSessions { ended } = control.ask(Method::DELETE, &path).await?;
    say(&format!("ended {ended} {}", if ended == 1 { "session" } else { "sessions" }));
    Ok(())
}
