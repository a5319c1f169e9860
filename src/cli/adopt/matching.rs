//! `gatehouse adopt match`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::super::{complain, edit::print_json, say};
use crate::provisioning::{
    AdoptionError, Counts, match_users, read_existing, read_said, write_report,
};

/// The options of `gatehouse adopt match`.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Match {
    /// What the application has: a CSV with a header (username, email, `display_name`, id), or answers of its
    /// REST API.
    #[arg(long, value_name = "FILE")]
    existing: PathBuf,
    /// What the identity provider says: the same, with a column `subject`, which never changes.
    #[arg(long, value_name = "FILE")]
    said: PathBuf,
    /// The report to write. What is there is not overwritten: somebody may have worked on it.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Of whom, if several speak in the column `issuer`.
    #[arg(long)]
    issuer: Option<String>,
    /// Prints the numbers as JSON.
    #[arg(long)]
    json: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
enum MatchError {
    #[error("cannot read {path}: {1}", path = .0.display())]
    Read(PathBuf, io::Error),
    #[error(transparent)]
    Adoption(#[from] AdoptionError),
    #[error("{path} is there already: give another name, or move it away", path = .0.display())]
    Exists(PathBuf),
    #[error("cannot write {path}: {1}", path = .0.display())]
    Write(PathBuf, io::Error),
}

impl Match {
    pub(super) fn run(&self) -> ExitCode {
        let counts = match self.write() {
            Ok(counts) => counts,
            Err(error) => {
                complain(&error);
                return ExitCode::FAILURE;
            }
        };
        if self.json {
            return print_json(&counts).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
        }
        let Counts { exact, probable, ambiguous, none } = counts;
        say(&format!("exact      {exact}"));
        say(&format!("probable   {probable}"));
        say(&format!("ambiguous  {ambiguous}"));
        say(&format!("none       {none}"));
        let report = self.output.display();
        say(&format!(
            "look at {report}, then `gatehouse adopt apply {report} --issuer NAME --dry-run`"
        ));
        ExitCode::SUCCESS
    }

    fn write(&self) -> Result<Counts, MatchError> {
        let existing = read_existing(&name(&self.existing), &read(&self.existing)?)?;
        let said = read_said(&name(&self.said), &read(&self.said)?, self.issuer.as_deref())?;
        let proposals = match_users(&existing, said);
        let report = write_report(&proposals)?;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => MatchError::Exists(self.output.clone()),
            _ => MatchError::Write(self.output.clone(), error),
        };
        // Names and addresses of people are for who asked for them.
        let mut file = OpenOptions::new();
        let file = file.write(true).create_new(true).mode(0o600).open(&self.output);
        file.and_then(|mut file| file.write_all(&report)).map_err(failed)?;
        Ok(Counts::of(&proposals))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, MatchError> {
    fs::read(path).map_err(|error| MatchError::Read(path.to_owned(), error))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}
