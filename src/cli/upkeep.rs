//! `gatehouse upkeep`.

use std::{path::Path, process::ExitCode};

use http::Method;

use super::{control, edit::EditOptions};

/// The options of `gatehouse upkeep`.
#[derive(Debug, clap::Args)]
pub(super) struct Upkeep {
    #[command(flatten)]
    options: EditOptions,
}

impl Upkeep {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| {
            self.options.send(control, Method::POST, "/upkeep", None).await
        })
    }
}
