//! `gatehouse serve`.

use std::{path::Path, process::ExitCode};

use tokio::signal::unix::{SignalKind, signal};

use super::{BAD_CONFIGURATION, complain};
use crate::{
    app::{self, StartError},
    clock::Clock,
    config::{Config, LogFormat},
    telemetry,
};

pub(super) fn run(path: &Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(problems) => return bad_configuration(path, &problems),
    };
    let json = config.telemetry.log_format == LogFormat::Json;
    if let Err(error) = telemetry::init(&config.telemetry.log_level, json) {
        return bad_configuration(path, &format_args!("telemetry.log_level: {error}"));
    }
    let served = tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(serve(&config)));
    match served {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(StartError::Configuration(problems))) => bad_configuration(path, &problems),
        Ok(Err(error)) => {
            complain(&error);
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn bad_configuration(path: &Path, problems: &dyn std::fmt::Display) -> ExitCode {
    complain(&format_args!("{} has problems:\n{problems}", path.display()));
    ExitCode::from(BAD_CONFIGURATION)
}

async fn serve(config: &Config) -> Result<(), StartError> {
    let gateway = app::start(config, Clock::System).await?;
    Ok(gateway.run_until(asked_to_stop()).await?)
}

/// SIGTERM from a service manager, SIGINT from a keyboard.
async fn asked_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
