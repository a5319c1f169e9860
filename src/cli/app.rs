//! `gatehouse app`.

mod addresses;
mod chain;
mod setup;

use std::{path::Path, process::ExitCode};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use super::say;
use crate::{
    config::CredentialHash,
    secrets::{random, sha256},
};

/// Applications.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AppCommand {
    /// Makes a password for an application that asks for people, and prints it, once.
    ///
    /// Also prints the line for its `[[app.crowd]]` table. Of the password itself the gateway keeps nothing.
    Credential,
    Setup(setup::Setup),
    Test(chain::Test),
    Status(addresses::Status),
    Drain(addresses::Drain),
    Restore(addresses::Restore),
}

impl AppCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        match self {
            Self::Credential => make_credential(),
            Self::Setup(setup) => setup.run(config),
            Self::Test(test) => test.run(config),
            Self::Status(status) => status.run(config),
            Self::Drain(drain) => drain.run(config),
            Self::Restore(restore) => restore.run(config),
        }
    }
}

fn make_credential() -> ExitCode {
    let password = BASE64.encode(random::<32>());
    let hash = CredentialHash(sha256(password.as_bytes())).text();
    say("For the application, such as application.password in crowd.properties:");
    say(&password);
    say("For its [[app.crowd]] table:");
    say(&format!("credentials = [\"{hash}\"]"));
    ExitCode::SUCCESS
}
