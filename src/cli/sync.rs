//! `gatehouse sync`.

mod history;
mod preview;
mod shown;

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
    time::Instant,
};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::{
    history::{History, undo_run},
    preview::Preview,
    shown::{print_report, print_status},
};
use super::{
    complain,
    control::{self, Control, ControlError},
    edit::{Output, path_with, print_json},
    say,
};
use crate::{
    admin::{ConnectorView, SyncLine},
    http::Body,
    sync::{RunPhase, RunProgress, RunReport},
};

/// Runs connectors, and shows what came of it.
///
/// Asks the cloud what has changed, and brings the connector's directory in line. The first run, and the first after a
/// change of filters, mapping or cloud, only shows what would change: `--apply` lets it come true. What a run would take
/// away beyond the guard's limits waits: `gatehouse plan show`, then `plan approve` or `plan discard`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command")]
pub(super) struct Sync {
    #[command(subcommand)]
    command: Option<SyncCommand>,

    /// The connector.
    #[arg(required = true)]
    name: Option<String>,

    /// Says what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,

    /// Lets come true what a dry run under new filters or mappings has shown.
    #[arg(long, conflicts_with = "dry_run")]
    apply: bool,

    /// Asks for everything, rather than for what has changed.
    #[arg(long)]
    full: bool,

    /// Takes away however much it is; without it, what is beyond the guard's limits waits for `gatehouse plan approve`.
    /// Protected accounts and groups wait all the same.
    #[arg(long)]
    unguarded: bool,

    /// Asks only for what the last run left undone: groups whose members could not be read, and users and groups that
    /// could not be as the cloud has them.
    #[arg(long, conflicts_with_all = ["full", "apply", "user"])]
    retry: bool,

    /// Looks at one user only: a username of the connector's directory, or the cloud's id.
    #[arg(long, value_name = "USER", conflicts_with_all = ["full", "apply", "unguarded"])]
    user: Option<String>,

    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum SyncCommand {
    /// Shows how connectors are.
    Status {
        /// Only this one.
        name: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    History(History),
    Preview(Preview),
    /// Takes back what a run has changed.
    ///
    /// The same as `gatehouse changes undo` of its batch.
    Undo {
        /// The connector.
        name: String,
        /// The run, as `sync history` lists it.
        run: i64,
        /// Says what would be taken back, and takes nothing back.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        output: Output,
    },
}

fn runs_path(name: &str) -> String {
    format!("/connectors/{}/runs", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

impl Sync {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match (&self.command, &self.name) {
            (Some(SyncCommand::Status { name, output }), _) => {
                status(control, name.as_deref(), *output).await
            }
            (Some(SyncCommand::History(history)), _) => history.show(control).await,
            (Some(SyncCommand::Preview(preview)), _) => preview.show(control, config).await,
            (Some(SyncCommand::Undo { name, run, dry_run, output }), _) => {
                undo_run(control, name, *run, *dry_run, *output).await
            }
            (None, Some(name)) => self.sync(control, name).await,
            (None, None) => Err(ControlError::Arguments("name a connector".to_owned())),
        })
    }

    async fn sync(&self, control: &Control, name: &str) -> Result<(), ControlError> {
        let report = match &self.user {
            Some(user) => self.sync_user(control, name, user).await?,
            None => match self.sync_all(control, name).await? {
                Heard::Report(report) => *report,
                Heard::Nothing(_) if self.json => return print_json(&None::<RunReport>),
                Heard::Nothing(why) => {
                    say(&why);
                    return Ok(());
                }
            },
        };
        if self.json {
            return print_json(&report);
        }
        print_report(name, &report);
        Ok(())
    }

    async fn sync_user(
        &self,
        control: &Control,
        name: &str,
        user: &str,
    ) -> Result<RunReport, ControlError> {
        let user = utf8_percent_encode(user, NON_ALPHANUMERIC);
        let path =
            format!("/connectors/{}/users/{user}", utf8_percent_encode(name, NON_ALPHANUMERIC));
        let dry_run = self.dry_run.then_some("");
        control.ask(Method::POST, &path_with(&path, &[("dry_run", dry_run)])).await
    }

    async fn sync_all(&self, control: &Control, name: &str) -> Result<Heard, ControlError> {
        let flag = |set: bool| set.then_some("");
        let parameters = [
            ("dry_run", flag(self.dry_run)),
            ("apply", flag(self.apply)),
            ("full", flag(self.full)),
            ("unguarded", flag(self.unguarded)),
            ("retry", flag(self.retry)),
        ];
        let path = path_with(&runs_path(name), &parameters);
        let (mut listener, mut rest) = (Listener::new(!self.json), Vec::new());
        let heard = control
            .stream(Method::POST, &path, Body::empty(), |piece| {
                rest.extend_from_slice(piece);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    listener.hear(&rest[..end])?;
                    rest.drain(..=end);
                }
                Ok(())
            })
            .await;
        listener.clear();
        heard?;
        let problem = "no word of how the run went: see `gatehouse sync status`";
        listener.last_word.ok_or_else(|| ControlError::Http(problem.to_owned()))
    }
}

async fn status(control: &Control, name: Option<&str>, output: Output) -> Result<(), ControlError> {
    let mut connectors: Vec<ConnectorView> = control.ask(Method::GET, "/connectors").await?;
    if let Some(name) = name {
        connectors.retain(|connector| connector.name == name);
        if connectors.is_empty() {
            return Err(ControlError::Refused(format!("there is no connector {name:?}")));
        }
    }
    if output.json {
        return print_json(&connectors);
    }
    connectors.iter().for_each(print_status);
    Ok(())
}

/// What a run says at last.
enum Heard {
    Report(Box<RunReport>),
    Nothing(String),
}

/// Hears what a run says while it works.
struct Listener {
    shows_progress: bool,
    begun: Instant,
    last: RunProgress,
    last_word: Option<Heard>,
}

impl Listener {
    fn new(shows_progress: bool) -> Self {
        Self {
            shows_progress: shows_progress && io::stderr().is_terminal(),
            begun: Instant::now(),
            last: RunProgress::default(),
            last_word: None,
        }
    }

    fn hear(&mut self, line: &[u8]) -> Result<(), ControlError> {
        let line: SyncLine =
            serde_json::from_slice(line).map_err(|error| ControlError::Http(error.to_string()))?;
        match line {
            SyncLine::Joined(run) => {
                complain(&format_args!("run {run} is under way already: this is how it goes"));
            }
            SyncLine::Progress(progress) => self.show(progress),
            SyncLine::Report(report) => self.last_word = Some(Heard::Report(report)),
            SyncLine::Nothing(why) => self.last_word = Some(Heard::Nothing(why)),
            SyncLine::Error(problem) => {
                self.clear();
                return Err(ControlError::Refused(problem));
            }
        }
        Ok(())
    }

    fn show(&mut self, progress: RunProgress) {
        if !self.shows_progress {
            return;
        }
        let RunProgress { phase, pages, items, waited_ms, done, total } = progress;
        let waits = waited_ms > self.last.waited_ms && pages == self.last.pages;
        self.last = progress;
        let seconds = self.begun.elapsed().as_secs().max(1);
        let text = match (phase, total.filter(|total| *total > 0)) {
            (RunPhase::Reading, _) if waits => {
                format!(
                    "reading    {pages} pages, {items} objects: the cloud wants to be waited for"
                )
            }
            (RunPhase::Reading, _) => {
                format!("reading    {pages} pages, {items} objects, {} a second", items / seconds)
            }
            (phase, Some(total)) => {
                const WIDTH: u64 = 40;
                let filled = usize::try_from(done.min(total) * WIDTH / total).unwrap_or_default();
                let percent = done.min(total) * 100 / total;
                format!("{:<10} [{:<40}] {percent:>3} %", word(phase), "#".repeat(filled))
            }
            (phase, None) => format!("{:<10} {done}", word(phase)),
        };
        let mut to = io::stderr();
        let _ = write!(to, "\r{text:<78}").and_then(|()| to.flush());
    }

    fn clear(&self) {
        if self.shows_progress {
            let _ = write!(io::stderr(), "\r{:<78}\r", "");
        }
    }
}

fn word(phase: RunPhase) -> &'static str {
    match phase {
        RunPhase::Reading => "reading",
        RunPhase::Folding => "sorting",
        RunPhase::Comparing => "comparing",
        RunPhase::Applying => "applying",
    }
}
