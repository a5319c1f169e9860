//! `gatehouse user password`.

use std::io::{self, BufRead as _, IsTerminal as _};

use http::Method;
use serde_json::json;

use super::{
    control::{Control, ControlError},
    edit::{Output, path_with, print_json},
    say,
    user::path,
};
use crate::admin::{PasswordEditView, PasswordView};

/// Passwords of accounts that are the gateway's own.
#[derive(Debug, clap::Subcommand)]
pub(super) enum PasswordCommand {
    /// Gives an account a password: the first line of the standard input, or what is typed twice without being
    /// shown.
    ///
    /// Ends the sessions that the password before has begun, and lets in again who was wrong too often.
    Set {
        /// The username.
        name: String,
        /// The directory, if several have the name.
        #[arg(long)]
        directory: Option<String>,
        /// For the day on which the identity provider is down: nothing but an administrator ends the account,
        /// and every use is in the log. Stays so until the password is removed.
        #[arg(long)]
        break_glass: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Takes an account's password, and ends the sessions that it has begun.
    Remove {
        /// The username.
        name: String,
        /// The directory, if several have the name.
        #[arg(long)]
        directory: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Says whether an account has a password, and when it was used.
    Show {
        /// The username.
        name: String,
        /// The directory, if several have the name.
        #[arg(long)]
        directory: Option<String>,
        #[command(flatten)]
        output: Output,
    },
}

impl PasswordCommand {
    pub(super) async fn run(&self, control: &Control) -> Result<(), ControlError> {
        match self {
            Self::Set { name, directory, break_glass, output } => {
                let body = json!({ "password": read_password()?, "break_glass": break_glass });
                let path = password_path(name, directory.as_deref());
                let view = control.ask_with(Method::PUT, &path, &body).await;
                told(view.map_err(ControlError::blames_arguments)?, "has a new password", *output)
            }
            Self::Remove { name, directory, output } => {
                let path = password_path(name, directory.as_deref());
                told(control.ask(Method::DELETE, &path).await?, "has no password any more", *output)
            }
            Self::Show { name, directory, output } => {
                let path = password_path(name, directory.as_deref());
                show(&control.ask(Method::GET, &path).await?, *output)
            }
        }
    }
}

fn password_path(name: &str, directory: Option<&str>) -> String {
    path_with(&path(name, "/password"), &[("directory", directory)])
}

/// From the standard input; arguments could be read by everybody on the machine.
fn read_password() -> Result<String, ControlError> {
    let failed = |error: io::Error| ControlError::Arguments(format!("no password: {error}"));
    if io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ").map_err(failed)?;
        let again = rpassword::prompt_password("Once more: ").map_err(failed)?;
        if password != again {
            return Err(ControlError::Arguments("the two are not the same".to_owned()));
        }
        return Ok(password);
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    Ok(password.strip_suffix('\r').unwrap_or(password).to_owned())
}

fn told(view: PasswordEditView, what: &str, output: Output) -> Result<(), ControlError> {
    if output.json {
        return print_json(&view);
    }
    let PasswordEditView { username, directory, ended_sessions } = view;
    say(&format!("{username} in {directory} {what}"));
    if ended_sessions > 0 {
        say(&format!("sessions ended: {ended_sessions}"));
    }
    Ok(())
}

fn show(view: &PasswordView, output: Output) -> Result<(), ControlError> {
    if output.json {
        return print_json(view);
    }
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map_or("-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string())
    };
    let yes_or_no = |is: bool| if is { "yes" } else { "no" };
    say(&format!("username      {}", view.username));
    say(&format!("directory     {}", view.directory));
    say(&format!("password      {}", yes_or_no(view.is_set)));
    say(&format!("break glass   {}", yes_or_no(view.break_glass)));
    say(&format!("expired       {}", yes_or_no(view.expired)));
    say(&format!("changed       {}", time(view.changed_at)));
    say(&format!("last used     {}", time(view.used_at)));
    say(&format!("wrong since   {}", view.failures));
    say(&format!("locked until  {}", time(view.locked_until)));
    Ok(())
}
