//! `gatehouse user`.

use std::{path::Path, process::ExitCode};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{
    control::{self, Control, ControlError},
    edit::{EditOptions, Output, path_with, print_json},
    password::PasswordCommand,
    say,
};
use crate::admin::{ExplainView, FieldView, LoginView, MembershipView, UserView};

/// Accounts.
#[derive(Debug, clap::Subcommand)]
pub(super) enum UserCommand {
    /// Lists accounts by name.
    List {
        /// Of one directory only.
        #[arg(long)]
        directory: Option<String>,
        /// So many at most.
        #[arg(long, default_value_t = 1000)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Shows what is known of a user, in every directory: identities and groups included.
    Show {
        /// The username.
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// Says why somebody is in their groups, and what their next login would change.
    Explain {
        /// The username.
        name: String,
        /// The directory, if several have the name.
        #[arg(long)]
        directory: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Ends a user's sessions; no login brings the account back.
    #[command(visible_alias = "block")]
    Deactivate {
        /// The username.
        name: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Lets a user in again, whatever the reason was.
    #[command(visible_alias = "unblock")]
    Reactivate {
        /// The username.
        name: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Removes an account. Nobody else gets its name; the same person may come back to it.
    Remove {
        /// The username.
        name: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Gives the name of a removed account free for anybody.
    Release {
        /// The username.
        name: String,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Passwords of accounts that are the gateway's own.
    #[command(subcommand)]
    Password(PasswordCommand),
    /// Lets an identity log in as a user.
    Link {
        /// The username.
        name: String,
        #[command(flatten)]
        identity: IdentityArgs,
        #[command(flatten)]
        options: EditOptions,
    },
    /// Takes an identity from a user.
    Unlink {
        /// The username.
        name: String,
        #[command(flatten)]
        identity: IdentityArgs,
        #[command(flatten)]
        options: EditOptions,
    },
}

/// How an issuer knows somebody, as `user show` prints it.
#[derive(Debug, clap::Args)]
pub(super) struct IdentityArgs {
    /// Who vouches, such as saml:entra or kerberos:EXAMPLE.COM.
    issuer: String,
    /// The kind of subject: attribute, `nameid_persistent`, nameid or principal.
    kind: String,
    /// The subject.
    subject: String,
}

impl UserCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { directory, limit, output } => {
                list(control, directory.as_deref(), *limit, *output).await
            }
            Self::Show { name, output } => show(control, &path(name, ""), *output).await,
            Self::Explain { name, directory, output } => {
                explain(control, name, directory.as_deref(), *output).await
            }
            Self::Deactivate { name, options } => {
                options.send(control, Method::PUT, &path(name, "/block"), None).await
            }
            Self::Reactivate { name, options } => {
                options.send(control, Method::DELETE, &path(name, "/block"), None).await
            }
            Self::Remove { name, options } => {
                options.send(control, Method::DELETE, &path(name, ""), None).await
            }
            Self::Release { name, options } => {
                let path = format!("/names/{}", encode(name));
                options.send(control, Method::DELETE, &path, None).await
            }
            Self::Password(password) => password.run(control).await,
            Self::Link { name, identity, options } => {
                let body = identity.body();
                options.send(control, Method::POST, &path(name, "/identities"), Some(&body)).await
            }
            Self::Unlink { name, identity, options } => {
                let body = identity.body();
                options.send(control, Method::DELETE, &path(name, "/identities"), Some(&body)).await
            }
        })
    }
}

impl IdentityArgs {
    fn body(&self) -> serde_json::Value {
        json!({ "issuer": self.issuer, "kind": self.kind, "subject": self.subject })
    }
}

async fn list(
    control: &Control,
    directory: Option<&str>,
    limit: u32,
    output: Output,
) -> Result<(), ControlError> {
    let limit = limit.to_string();
    let path = path_with("/users", &[("directory", directory), ("limit", Some(limit.as_str()))]);
    let users: Vec<UserView> = control.ask(Method::GET, &path).await?;
    if output.json {
        return print_json(&users);
    }
    say(&format!("{:<24}  {:<16}  {:<18}  {}", "USER", "DIRECTORY", "ACTIVE", "NAME"));
    for user in users {
        let active = user.inactive.as_deref().unwrap_or("yes");
        let name = user.display_name.unwrap_or_default();
        say(&format!("{:<24}  {:<16}  {active:<18}  {name}", user.username, user.directory));
    }
    Ok(())
}

async fn show(control: &Control, path: &str, output: Output) -> Result<(), ControlError> {
    let users: Vec<UserView> = control.ask(Method::GET, path).await?;
    if output.json {
        return print_json(&users);
    }
    for user in users {
        say(&format!("username      {}", user.username));
        say(&format!("uuid          {}", user.uuid));
        say(&format!("directory     {}", user.directory));
        let inactive = user.inactive.as_ref().map(|reason| format!("no: {reason}"));
        say(&format!("active        {}", inactive.as_deref().unwrap_or("yes")));
        say(&format!("display name  {}", user.display_name.as_deref().unwrap_or("-")));
        say(&format!("email         {}", user.email.as_deref().unwrap_or("-")));
        say(&format!("first name    {}", user.first_name.as_deref().unwrap_or("-")));
        say(&format!("last name     {}", user.last_name.as_deref().unwrap_or("-")));
        for (name, value) in &user.attributes {
            say(&format!("attribute     {name} {value:?}"));
        }
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

async fn explain(
    control: &Control,
    name: &str,
    directory: Option<&str>,
    output: Output,
) -> Result<(), ControlError> {
    let path = path_with(&path(name, "/explain"), &[("directory", directory)]);
    let view: ExplainView = control.ask(Method::GET, &path).await?;
    if output.json {
        return print_json(&view);
    }
    say(&format!("{} in {}", view.username, view.directory));
    for field in &view.fields {
        explain_field(field);
    }
    for membership in &view.memberships {
        explain_membership(membership);
    }
    for login in &view.logins {
        explain_login(login);
    }
    Ok(())
}

fn explain_field(field: &FieldView) {
    let FieldView { name, value, source, since, batch } = field;
    let source = source.as_ref().map(|source| format!(" by {source}"));
    let since = since.map(|since| format!(" since {}", since.format("%Y-%m-%d %H:%M:%SZ")));
    let batch = batch.map(|batch| format!(", batch {batch}"));
    let [source, since, batch] = [source, since, batch].map(Option::unwrap_or_default);
    say(&format!("shows {name} {value:?}{source}{since}{batch}"));
}

fn explain_membership(membership: &MembershipView) {
    let MembershipView { group, source, since, reason, batch } = membership;
    let since = since.map(|since| format!(" since {}", since.format("%Y-%m-%d %H:%M:%SZ")));
    let reason = reason.as_ref().map(|reason| format!(" ({reason})"));
    let batch = batch.map(|batch| format!(", batch {batch}"));
    let [since, reason, batch] = [since, reason, batch].map(Option::unwrap_or_default);
    say(&format!("is in {group:?} by {source}{since}{reason}{batch}"));
}

fn explain_login(login: &LoginView) {
    let at = login.at.format("%Y-%m-%d %H:%M:%SZ");
    let groups = match &login.groups {
        Some(groups) => format!("groups {groups:?}"),
        None => "nothing of groups".to_owned(),
    };
    say(&format!("{} said {groups} at {at}; the same again would", login.issuer));
    if let Some(refusal) = &login.refusal {
        say(&format!("  be refused: {refusal}"));
    } else if login.changes.is_empty() {
        say("  change nothing");
    }
    for change in &login.changes {
        say(&format!("  {change}"));
    }
    for warning in &login.warnings {
        say(&format!("  warn: {warning}"));
    }
}

fn encode(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

pub(super) fn path(name: &str, rest: &str) -> String {
    format!("/users/{}{rest}", encode(name))
}
