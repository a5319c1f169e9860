//! What clouds say by themselves: who listens, who looks, and who asks them to.

use std::{sync::Arc, time::Duration};

use super::{background::report, parts::Parts};
use crate::{
    admin::Connectors,
    clock::Clock,
    cloud::HintFormat,
    config::{Config, ConnectorConfig},
    hints::{Ear, Ears, Inbox, Proofs},
    store::{Store, StoreError},
    sync::{Connector, Looked, Subscriber},
    telemetry::Metrics,
};

/// Whom the cloud has named is looked at within seconds.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is looked whether the cloud has to be asked for something.
const LOOK_AFTER_SUBSCRIPTIONS: Duration = Duration::from_secs(5);

/// What is listened to.
pub(super) async fn ears(config: &Config, parts: &Parts) -> Result<Arc<Ears>, StoreError> {
    let Parts { store, clock, background, sites, metrics, .. } = parts;
    let mut ears = Vec::new();
    for connector in &config.connectors {
        ears.extend(ear(connector, store).await?);
    }
    let inbox = Inbox::open(store.clone(), clock.clone(), background);
    let stored = (store.clone(), clock.clone());
    Ok(Arc::new(Ears::new(ears, sites.clone(), stored, inbox, metrics.clone())))
}

async fn ear(config: &ConnectorConfig, store: &Store) -> Result<Option<Ear>, StoreError> {
    let (Some(hints), Some(cloud)) = (&config.hints, config.cloud()) else { return Ok(None) };
    Ok(Some(Ear {
        name: config.name.clone(),
        connector: store.ensure_connector(&config.name).await?,
        format: HintFormat::of(cloud),
        proofs: Proofs::new(hints.secret.clone()),
    }))
}

/// Looks at whom clouds have named, and has them name whom something becomes of, until the gateway stops.
pub(super) fn follow_hints(connectors: &Connectors, parts: &Parts) {
    for connector in connectors.all() {
        subscribe(connector.clone(), parts);
        if connector.hints.is_some() {
            look(connector.clone(), parts);
        }
    }
}

/// Also of connectors that are to hear nothing any more: their clouds are told so.
fn subscribe(connector: Arc<Connector>, parts: &Parts) {
    let (store, clock) = (parts.store.clone(), parts.clock.clone());
    let subscriber = Arc::new(tokio::sync::Mutex::new(Subscriber::default()));
    parts.background.every("ask for hints", LOOK_AFTER_SUBSCRIPTIONS, move || {
        let (store, clock): (Store, Clock) = (store.clone(), clock.clone());
        let (connector, subscriber) = (connector.clone(), subscriber.clone());
        async move {
            let mut subscriber = subscriber.lock().await;
            report("ask for hints", subscriber.keep(&connector, &store, &clock).await);
        }
    });
}

fn look(connector: Arc<Connector>, parts: &Parts) {
    let (store, clock, metrics) = (parts.store.clone(), parts.clock.clone(), parts.metrics.clone());
    let stopping = parts.background.stopping();
    parts.background.every("look at hints", LOOK, move || {
        let (store, clock, metrics) = (store.clone(), clock.clone(), metrics.clone());
        let (connector, stopping) = (connector.clone(), stopping.clone());
        async move {
            let looking = Box::pin(connector.look_at_hints(&store, &clock));
            // What is left here is looked at when a gateway starts.
            if let Some(looked) = stopping.run_until_cancelled(looking).await
                && let Some(looked) = report("look at hints", looked)
            {
                tell(&connector.name, looked, &metrics);
            }
        }
    });
}

fn tell(connector: &str, looked: Looked, metrics: &Metrics) {
    let Looked { users, changed, failed, run } = looked;
    if users > 0 {
        metrics.count_hints(connector, "looked", users);
        tracing::info!(connector, users, changed, "looked at whom the cloud has named");
    }
    if let Some(error) = failed {
        metrics.count_hint(connector, "failed");
        tracing::warn!(connector, %error, "somebody whom the cloud has named cannot be looked at yet");
    }
    if let Some(run) = run {
        metrics.count_hint(connector, "run");
        super::connectors::tell(connector, run.map(Some));
    }
}
