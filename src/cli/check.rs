//! `gatehouse check`.

use std::{path::Path, process::ExitCode};

use super::{BAD_CONFIGURATION, complain, say};
use crate::{app, clock::Clock, config::Config};

pub(super) fn run(path: &Path) -> ExitCode {
    let checked = Config::load(path).and_then(|config| app::check(&config, Clock::System.now()));
    match checked {
        Ok(()) => {
            say(&format!("{} is good", path.display()));
            ExitCode::SUCCESS
        }
        Err(problems) => {
            complain(&format_args!("{} has problems:\n{problems}", path.display()));
            ExitCode::from(BAD_CONFIGURATION)
        }
    }
}
