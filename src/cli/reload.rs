//! `gatehouse reload`.

use std::{path::Path, process::ExitCode};

use http::Method;

use super::{
    control::{Control, ControlError, run_alone},
    say,
};
use crate::lifecycle::Reloaded;

/// Has the running gateway read its configuration again, as SIGHUP does, and says what came of it.
///
/// If anything is wrong with it, nothing changes.
#[derive(Debug, clap::Args)]
pub(super) struct Reload {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Reload {
    pub(super) fn run(&self, path: &Path) -> ExitCode {
        run_alone(path, async |config| {
            let control = Control::find_running(config).await?;
            let reloaded = control.ask(Method::POST, "/reload").await;
            let reloaded: Reloaded = reloaded.map_err(ControlError::blames_arguments)?;
            if self.json {
                say(&serde_json::json!(reloaded).to_string());
            } else {
                report(&reloaded);
            }
            Ok(())
        })
    }
}

fn report(Reloaded { changed, needs_restart }: &Reloaded) {
    if changed.is_empty() {
        say("nothing is different from now on");
    } else {
        say(&format!("different from now on: {}", changed.join(", ")));
    }
    if !needs_restart.is_empty() {
        say(&format!("needs a restart: {}", needs_restart.join(", ")));
    }
}
