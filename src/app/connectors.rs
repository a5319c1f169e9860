//! The clouds that are read, from the configuration.

use std::{collections::BTreeMap, sync::Arc};

use super::administration::{Directories, policy};
use crate::{
    admin::Connectors,
    clock::Clock,
    cloud::{self, Patience, Source},
    config::{Config, Problems},
    lifecycle::Background,
    sync::{Connector, Rules},
    telemetry::ConnectorMetrics,
};

/// The clouds, by the names of their connectors.
pub(super) type Clouds = BTreeMap<String, Arc<dyn Source>>;

/// Opens all of them. What the configuration names is read, and nobody is asked yet.
pub(super) fn open_clouds(config: &Config, clock: &Clock) -> Result<Clouds, Problems> {
    let mut problems = Problems::default();
    let mut clouds = Clouds::new();
    for (index, connector) in config.connectors.iter().enumerate() {
        let opened = cloud::open(connector, clock, Patience::default());
        let opened = problems.check(format!("connector[{index}]"), opened);
        clouds.extend(opened.map(|source| (connector.name.clone(), source)));
    }
    problems.into_result().map(|()| clouds)
}

/// What administrators can run, with clouds that are open.
pub(super) fn connectors(
    config: &Config,
    directories: &Directories,
    clouds: &Clouds,
    metrics: &ConnectorMetrics,
) -> Connectors {
    let opened = |name: &str| clouds.get(name).cloned().ok_or_else(String::new);
    connectors_with(config, directories, metrics, opened)
}

/// The same where no gateway runs: what cannot be used keeps nobody from anything else.
pub(super) fn connectors_at_hand(
    config: &Config,
    directories: &Directories,
    clock: &Clock,
) -> Connectors {
    connectors_with(config, directories, &ConnectorMetrics::default(), |name| {
        let all = config.connectors.iter();
        let connector = all.clone().find(|connector| connector.name == name);
        let connector = connector.ok_or_else(String::new)?;
        cloud::open(connector, clock, Patience::default()).map_err(|error| error.to_string())
    })
}

fn connectors_with(
    config: &Config,
    directories: &Directories,
    metrics: &ConnectorMetrics,
    open: impl Fn(&str) -> Result<Arc<dyn Source>, String>,
) -> Connectors {
    let made = config.connectors.iter().map(|connector| {
        let made = open(&connector.name).and_then(|source| {
            let directory = directories[connector.directory()];
            let made = Connector::new(connector, directory, policy(config), source);
            let hints = connector.hints_address(&config.server.login_url);
            let made = made.map(|made| Arc::new(made.with_hints(hints).counting(metrics)));
            made.map_err(|error| format!("connector.{}: {error}", error.key()))
        });
        (connector.name.clone(), made)
    });
    Connectors::new(made.collect())
}

/// Whether names and filters of connectors can be used.
pub(super) fn check_rules(config: &Config, problems: &mut Problems) {
    let policy = policy(config);
    for (index, connector) in config.connectors.iter().enumerate() {
        if let Err(error) = Rules::of(connector, &policy) {
            problems.add(format!("connector[{index}].{}", error.key()), error);
        }
    }
}

/// Runs connectors when it is time for it, until the gateway stops.
pub(super) fn run_when_due(
    connectors: &Connectors,
    store: &crate::store::Store,
    clock: &Clock,
    background: &Background,
) {
    for connector in connectors.all() {
        let connector = connector.clone();
        let (store, clock, stopping) = (store.clone(), clock.clone(), background.stopping());
        let patience = Arc::new(tokio::sync::Mutex::new(crate::sync::Patience::default()));
        background.every("run connectors", LOOK_FOR_RUNS, move || {
            let (store, clock, stopping) = (store.clone(), clock.clone(), stopping.clone());
            let (connector, patience) = (connector.clone(), patience.clone());
            async move {
                let mut patience = patience.lock().await;
                let ran = connector.run_if_due(&store, &clock, &mut patience);
                // A run that is left here is gone on with when a gateway starts.
                tokio::select! {
                    ran = Box::pin(ran) => tell(&connector.name, ran),
                    () = stopping.cancelled() => {}
                }
            }
        });
    }
}

/// How often it is looked whether it is time for a run.
const LOOK_FOR_RUNS: std::time::Duration = std::time::Duration::from_secs(30);

pub(super) fn tell(
    connector: &str,
    ran: Result<Option<crate::sync::RunReport>, crate::sync::RunError>,
) {
    let see = "gatehouse sync status";
    match ran {
        Ok(None) => {}
        Ok(Some(report)) => {
            let size = report.directory.as_ref().map(|directory| directory.list.size.to_string());
            let held = report.directory.as_ref().is_some_and(|done| done.list.held.is_some());
            let is_kept = report.removed.as_ref().is_some_and(|removed| removed.held.is_some());
            let waits = report.forced.is_some() || !report.warnings.is_empty() || held || is_kept;
            if waits {
                tracing::warn!(
                    connector,
                    sync.run = report.run,
                    size,
                    see,
                    "a run waits, or has warnings"
                );
            } else {
                tracing::info!(connector, sync.run = report.run, size, "a run is done");
            }
        }
        Err(error) => tracing::error!(connector, %error, see, "a run failed"),
    }
}
