//! `gatehouse connector`.

mod hints;
mod sample;

use std::{path::Path, process::ExitCode};

use super::{
    control::{self, ControlError},
    edit::{Output, print_json},
    say,
};
use crate::{
    clock::Clock,
    cloud::{self, Expiry, Patience, Probe},
    config::{Config, ConnectorConfig},
};

/// Clouds that are read.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ConnectorCommand {
    Test(Test),
}

/// Tries everything that a connector needs in its cloud, and says what is missing and where to grant it.
///
/// Asks for a token, compares clocks, reads a few users and groups and who is in them, and prints the users with all
/// attributes that a mapping could use. With `[connector.hints]` it also asks the cloud for a moment to say what happens.
/// Nothing else is changed, neither in the cloud nor here, and no gateway needs to run. Exits with 1 if something is missing.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// The connector, as the configuration calls it.
    name: String,
    #[command(flatten)]
    output: Output,
}

/// What is printed as JSON.
#[derive(serde::Serialize)]
struct Tried<'a> {
    connector: &'a str,
    good: bool,
    #[serde(flatten)]
    probe: &'a Probe,
}

impl ConnectorCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        let Self::Test(test) = self;
        control::run_alone(config, async |config| test.test(config).await)
    }
}

impl Test {
    async fn test(&self, config: &Config) -> Result<(), ControlError> {
        let connector = self.find(config)?;
        let source = cloud::open(connector, &Clock::System, Patience::default());
        let source = source.map_err(|error| ControlError::Refused(error.to_string()))?;
        let mut probe = source.probe().await;
        if probe.is_good() {
            hints::try_hints(config, connector, source.as_ref(), &mut probe).await;
        }
        let good = probe.is_good();
        if good {
            let said = || connector.credential_expires_at();
            let expiry = source
                .expiry()
                .await
                .ok()
                .flatten()
                .or_else(|| said().map(|at| Expiry { what: "the credential".to_owned(), at }));
            probe.note_expiry(expiry.as_ref(), Clock::System.now());
        }
        if self.output.json {
            print_json(&Tried { connector: &self.name, good, probe: &probe })?;
        } else {
            show(&probe);
        }
        if good {
            return Ok(());
        }
        Err(ControlError::Refused(format!("{} cannot be read as it should be", self.name)))
    }

    fn find<'a>(&self, config: &'a Config) -> Result<&'a ConnectorConfig, ControlError> {
        let found = config.connectors.iter().find(|connector| connector.name == self.name);
        found.ok_or_else(|| {
            let known: Vec<_> = config.connectors.iter().map(|it| it.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            ControlError::Arguments(format!(
                "there is no connector {:?}; there is: {known}",
                self.name
            ))
        })
    }
}

fn show(probe: &Probe) {
    for finding in &probe.findings {
        let step = &finding.step;
        match (&finding.problem, &finding.detail) {
            (Some(problem), _) => say(&format!("{:<8}{step:<25}{problem}", "missing")),
            (None, detail) => {
                say(&format!("{:<8}{step:<25}{}", "ok", detail.as_deref().unwrap_or_default()));
            }
        }
    }
    sample::show(probe);
}
