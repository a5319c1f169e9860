//! `gatehouse import` and `gatehouse export`.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, IsTerminal as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_util::io::ReaderStream;

use super::{
    control::{self, Control, ControlError},
    edit::{path_with, print_json},
    say,
};
use crate::{
    admin::ImportLine,
    http::Body,
    sync::{Event, ImportReport, Phase, Progress, RowError},
};

/// Takes in a list of people.
///
/// CSV has a header with `username` and any of `email`, `display_name`, `first_name`, `last_name`, `active`,
/// `groups` (several in one cell, separated by `|`) and `attributes.NAME`; JSON has objects with the same keys
/// (and `attributes`, an object of texts), in an array or one after the other. What a row does not say stays
/// as it is. Nothing is applied before all of the list has been read and compared; from then on all of it is,
/// also if the gateway is killed meanwhile.
#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The list; `-` is standard input.
    file: PathBuf,

    /// The directory.
    #[arg(long, default_value = "Internal")]
    directory: String,

    /// How the list is written; without it, the file's name says so.
    #[arg(long, value_parser = ["csv", "json"])]
    format: Option<String>,

    /// The list's name: memberships begin and end by the word of `import:NAME`, and those that others gave stay.
    #[arg(long, value_name = "NAME", default_value = "list")]
    source: String,

    /// What becomes of accounts of the directory that the list does not name.
    #[arg(long, value_parser = ["keep", "deactivate"], default_value = "keep")]
    unlisted: String,

    /// Says what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,

    /// Leaves out rows that cannot be used, and writes them to this file; without it, one such row refuses
    /// the list.
    #[arg(long, value_name = "FILE")]
    continue_on_error: Option<PathBuf>,

    /// Takes away however much the list says; without it, more than 10 and more than 5 % of the users or
    /// memberships wait for `gatehouse plan approve`.
    #[arg(long)]
    unguarded: bool,

    /// Why, for the change log.
    #[arg(long, value_name = "REASON")]
    because: Option<String>,

    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Writes out a directory, as a list that can be imported.
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// The directory.
    #[arg(long, default_value = "Internal")]
    directory: String,

    /// How the list is written.
    #[arg(long, value_parser = ["csv", "json"], default_value = "csv")]
    format: String,

    /// Where to, instead of standard output. A file that is there already is not overwritten.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn users_path(directory: &str) -> String {
    format!("/directories/{}/users", utf8_percent_encode(directory, NON_ALPHANUMERIC))
}

impl Import {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| self.send(control).await)
    }

    async fn send(&self, control: &Control) -> Result<(), ControlError> {
        let failed = |path: &Path, error| ControlError::File(path.to_owned(), error);
        let mut listener = Listener::new(&self.file, !self.json);
        if let Some(path) = &self.continue_on_error {
            listener.keep_bad_lines(path).map_err(|error| failed(path, error))?;
        }
        let body = if self.file == Path::new("-") {
            Body::from_stream(ReaderStream::new(tokio::io::stdin()))
        } else {
            let file = tokio::fs::File::open(&self.file).await;
            Body::from_stream(ReaderStream::with_capacity(
                file.map_err(|error| failed(&self.file, error))?,
                1 << 16,
            ))
        };
        let flag = |set: bool| set.then_some("");
        let is_json = self.file.extension().is_some_and(|extension| extension != "csv");
        let by_name = if is_json { "json" } else { "csv" };
        let parameters = [
            ("format", Some(self.format.as_deref().unwrap_or(by_name))),
            ("source", Some(self.source.as_str())),
            ("unlisted", Some(self.unlisted.as_str())),
            ("dry_run", flag(self.dry_run)),
            ("leave_out", flag(self.continue_on_error.is_some())),
            ("unguarded", flag(self.unguarded)),
            ("because", self.because.as_deref()),
        ];
        let path = path_with(&users_path(&self.directory), &parameters);
        let mut rest = Vec::new();
        control
            .stream(Method::POST, &path, body, |piece| {
                rest.extend_from_slice(piece);
                while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    listener.hear(&rest[..end])?;
                    rest.drain(..=end);
                }
                Ok(())
            })
            .await?;
        listener.clear();
        let report = listener.report.ok_or_else(|| {
            let problem = "no word of how the import went: see `gatehouse plan list`";
            ControlError::Http(problem.to_owned())
        })?;
        if self.json {
            return print_json(&report);
        }
        print_report(&report);
        Ok(())
    }
}

/// Hears what an import says while it works.
struct Listener {
    file: String,
    bad_lines: Option<(PathBuf, File)>,
    header: Option<String>,
    shows_progress: bool,
    report: Option<ImportReport>,
}

impl Listener {
    fn new(file: &Path, shows_progress: bool) -> Self {
        let header = File::open(file).ok().and_then(|file| {
            let mut header = String::new();
            BufReader::new(file).read_line(&mut header).ok().map(|_| header)
        });
        Self {
            file: file.display().to_string(),
            bad_lines: None,
            header: header.filter(|header| !header.trim_start().starts_with(['{', '['])),
            shows_progress: shows_progress && io::stderr().is_terminal(),
            report: None,
        }
    }

    /// Bad lines follow the list's own header, so that they can be corrected and imported.
    fn keep_bad_lines(&mut self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        if let Some(header) = &self.header {
            writeln!(file, "{}", header.trim_end())?;
        }
        self.bad_lines = Some((path.to_owned(), file));
        Ok(())
    }

    fn hear(&mut self, line: &[u8]) -> Result<(), ControlError> {
        let line: ImportLine =
            serde_json::from_slice(line).map_err(|error| ControlError::Http(error.to_string()))?;
        match line {
            ImportLine::Event(Event::Progress(progress)) => self.show(progress),
            ImportLine::Event(Event::Rejected(row)) => return self.keep(&row),
            ImportLine::Report(report) => self.report = Some(*report),
            ImportLine::Error(problems) => {
                self.clear();
                let named: Vec<_> =
                    problems.lines().map(|problem| format!("{}: {problem}", self.file)).collect();
                return Err(ControlError::Refused(named.join("\n")));
            }
        }
        Ok(())
    }

    fn keep(&mut self, row: &RowError) -> Result<(), ControlError> {
        self.clear();
        super::complain(&format_args!("{}: {row}", self.file));
        if let Some((path, file)) = &mut self.bad_lines {
            writeln!(file, "{}", row.row)
                .map_err(|error| ControlError::File(path.clone(), error))?;
        }
        Ok(())
    }

    fn show(&self, progress: Progress) {
        if !self.shows_progress {
            return;
        }
        let Progress { phase, done, total } = progress;
        let what = match phase {
            Phase::Reading => "reading",
            Phase::Comparing => "comparing",
            Phase::Applying => "applying",
        };
        let text = match total.filter(|total| *total > 0) {
            Some(total) => {
                const WIDTH: u64 = 40;
                let filled = usize::try_from(done.min(total) * WIDTH / total).unwrap_or_default();
                format!("{what:<10} [{:<40}] {:>3} %", "#".repeat(filled), done * 100 / total)
            }
            None => format!("{what:<10} {done} rows"),
        };
        let mut to = io::stderr();
        let _ = write!(to, "\r{text:<70}").and_then(|()| to.flush());
    }

    fn clear(&self) {
        if self.shows_progress {
            let _ = write!(io::stderr(), "\r{:<70}\r", "");
        }
    }
}

fn print_report(report: &ImportReport) {
    let would = if report.dry_run { "would change" } else { "changed" };
    say(&format!(
        "{} rows, {} unchanged users, {} left out",
        report.rows, report.unchanged, report.rejected
    ));
    say(&format!("{would}: {}", report.size));
    if report.skipped > 0 {
        say(&format!(
            "{} users were changed by somebody else meanwhile, and stay so",
            report.skipped
        ));
    }
    if report.ended_sessions > 0 {
        say(&format!("sessions ended: {}", report.ended_sessions));
    }
    if let (Some(plan), true) = (report.plan, report.dry_run) {
        say(&format!("`gatehouse plan show {plan}` lists it"));
    }
    if let Some(batch) = report.batch {
        say(&format!("batch {batch}: `gatehouse changes undo {batch}` takes it back"));
    }
    if let (Some(held), Some(plan)) = (&report.held, report.plan) {
        say(&format!("what it takes away waits: {held}"));
        if !report.dry_run {
            say(&format!(
                "`gatehouse plan show {plan}`, then `plan approve {plan}` or `plan discard {plan}`"
            ));
        }
    }
}

impl Export {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| self.receive(control).await)
    }

    async fn receive(&self, control: &Control) -> Result<(), ControlError> {
        receive_export(control, &self.directory, &self.format, self.output.as_deref()).await
    }
}

/// Writes what a directory holds into a file that is not there yet, or to standard output.
pub(super) async fn receive_export(
    control: &Control,
    directory: &str,
    format: &str,
    output: Option<&Path>,
) -> Result<(), ControlError> {
    let path = path_with(&users_path(directory), &[("format", Some(format))]);
    let name = output.map_or_else(|| PathBuf::from("standard output"), Path::to_path_buf);
    let failed = |error| ControlError::File(name.clone(), error);
    let mut to: Box<dyn Write> = match output {
        Some(path) => {
            Box::new(OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?)
        }
        None => Box::new(io::stdout().lock()),
    };
    let written = control
        .stream(Method::GET, &path, Body::empty(), |piece| to.write_all(piece).map_err(failed));
    written.await?;
    to.flush().map_err(failed)
}
