//! `gatehouse adopt`.

mod matching;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use http::Method;
use serde_json::json;

use super::{
    control::{self, Control, ControlError},
    edit::{EditOptions, Output, path_with, print_json},
    say,
};
use crate::{
    admin::{AliasEditView, AliasView},
    provisioning::read_report,
};

/// Takes over the usernames of an application that is older than the gateway.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AdoptCommand {
    /// Says which users of the application those are whom the identity provider names. Needs no gateway.
    ///
    /// Writes a report, a CSV: look at what is `probable`, decide what is `ambiguous`, correct the column
    /// `username`, and apply it.
    Match(Box<matching::Match>),
    /// Lets the people of a report keep the usernames that it says, whatever the identity provider says.
    ///
    /// All of it or, if a row cannot be applied, nothing. Rows without a username are left alone, and so
    /// are the aliases of people who are not in the report.
    Apply(Box<Apply>),
    /// Lists who keeps which username.
    List {
        /// Of one issuer only, such as saml:corp.
        #[arg(long)]
        issuer: Option<String>,
        /// So many at most.
        #[arg(long, default_value_t = 100_000)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Lets somebody be called what the identity provider says.
    Remove {
        /// Who vouches, such as saml:corp.
        issuer: String,
        /// The subject, as `adopt list` prints it.
        subject: String,
        #[command(flatten)]
        options: EditOptions,
    },
}

/// The options of `gatehouse adopt apply`.
#[derive(Debug, clap::Args)]
pub(super) struct Apply {
    /// The report, as `adopt match` writes it.
    report: PathBuf,
    /// Whose subjects the report names, such as saml:corp or kerberos:EXAMPLE.COM.
    #[arg(long)]
    issuer: String,
    /// Says what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Why, as `adopt list --json` shows it.
    #[arg(long, value_name = "REASON")]
    because: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl AdoptCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        match self {
            Self::Match(matching) => matching.run(),
            Self::Apply(apply) => control::run(config, async |control| apply.run(control).await),
            Self::List { issuer, limit, output } => control::run(config, async |control| {
                list(control, issuer.as_deref(), *limit, *output).await
            }),
            Self::Remove { issuer, subject, options } => control::run(config, async |control| {
                let body = json!({ "issuer": issuer, "subject": subject });
                options.send(control, Method::DELETE, "/aliases", Some(&body)).await
            }),
        }
    }
}

impl Apply {
    async fn run(&self, control: &Control) -> Result<(), ControlError> {
        let file = self.report.display().to_string();
        let refused = |problem: &dyn std::fmt::Display| ControlError::Refused(problem.to_string());
        let bytes = fs::read(&self.report)
            .map_err(|error| refused(&format_args!("cannot read {file}: {error}")))?;
        let rows = read_report(&file, &bytes).map_err(|error| refused(&error))?;
        let because = self.because.clone().unwrap_or_else(|| format!("adopt {file}"));
        let parameters = [("because", Some(&*because)), ("dry_run", self.dry_run.then_some(""))];
        let path = path_with("/aliases", &parameters);
        let body = json!({ "issuer": self.issuer, "rows": rows });
        let view: AliasEditView = control.ask_with(Method::POST, &path, &body).await?;
        if self.output.json {
            return print_json(&view);
        }
        show(&view);
        Ok(())
    }
}

/// A dry run lists everything; otherwise the numbers are enough.
fn show(view: &AliasEditView) {
    if view.dry_run {
        view.changes.iter().for_each(|change| say(&format!("would {change}")));
    }
    for warning in &view.warnings {
        say(&format!("warn: {warning}"));
    }
    let AliasEditView { added, changed, unchanged, .. } = view;
    let would = if view.dry_run { "would be " } else { "" };
    say(&format!("{would}added {added}, {would}changed {changed}, unchanged {unchanged}"));
}

async fn list(
    control: &Control,
    issuer: Option<&str>,
    limit: u32,
    output: Output,
) -> Result<(), ControlError> {
    let limit = limit.to_string();
    let path = path_with("/aliases", &[("issuer", issuer), ("limit", Some(&limit))]);
    let aliases: Vec<AliasView> = control.ask(Method::GET, &path).await?;
    if output.json {
        return print_json(&aliases);
    }
    say(&format!("{:<24}  {:<24}  {}", "USER", "ISSUER", "SUBJECT"));
    for AliasView { issuer, subject, username, .. } in aliases {
        say(&format!("{username:<24}  {issuer:<24}  {subject}"));
    }
    Ok(())
}
