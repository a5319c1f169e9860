//! `gatehouse check`.

use std::{path::Path, process::ExitCode};

use serde_json::json;

use super::{BAD_CONFIGURATION, complain, say};
use crate::{
    app,
    clock::Clock,
    config::{Config, Problems},
};

/// How a configuration is checked.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Takes warnings for errors.
    #[arg(long)]
    strict: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(&self, path: &Path) -> ExitCode {
        let (problems, warnings) = look(path);
        let good = problems.is_empty() && (warnings.is_empty() || !self.strict);
        if self.json {
            let found = json!({
                "good": good,
                "problems": problems.lines(),
                "warnings": warnings.lines(),
            });
            say(&found.to_string());
        } else {
            report(path, &problems, &warnings, good);
        }
        if good { ExitCode::SUCCESS } else { ExitCode::from(BAD_CONFIGURATION) }
    }
}

/// What is wrong with a configuration, and what is probably not meant.
fn look(path: &Path) -> (Problems, Problems) {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(problems) => return (problems, Problems::default()),
    };
    let problems = app::check(&config, Clock::System.now()).err().unwrap_or_default();
    (problems, app::warnings(&config))
}

fn report(path: &Path, problems: &Problems, warnings: &Problems, good: bool) {
    for warning in warnings.lines() {
        complain(&format_args!("warning: {warning}"));
    }
    if !problems.is_empty() {
        complain(&format_args!("{} has problems:\n{problems}", path.display()));
    }
    if good {
        say(&format!("{} is good", path.display()));
    }
}
