//! Looks what begins and what ends.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    Condition, Expiring, Receivers,
    delivering::GIVEN_UP_AFTER,
    facts::{ConnectorFacts, RememberedWarnings},
    of_connectors::conditions,
    planning::Planning,
};
use crate::{
    clock::Clock,
    notify::plain,
    store::{AlarmStep, Store, StoreError, StoredAlarm},
    sync::Connector,
    telemetry::{AlarmLabels, ConnectorMetrics},
};

/// Whoever has the watch has it for so long; if it dies, another gateway takes it then.
const HELD_FOR: TimeDelta = TimeDelta::seconds(60);

/// Looks what begins and what ends, at one gateway at a time.
#[derive(Debug)]
pub struct Watch<E> {
    store: Store,
    clock: Clock,
    holder: String,
    receivers: Receivers,
    connectors: Vec<Arc<Connector>>,
    /// What expires besides credentials of connectors.
    expiring: E,
    metrics: ConnectorMetrics,
    /// Warnings of the last runs, by connector.
    warnings: Mutex<BTreeMap<String, RememberedWarnings>>,
}

impl<E: Fn() -> Vec<Expiring>> Watch<E> {
    /// A watch that nobody has taken yet.
    #[must_use]
    pub fn new(
        (store, clock): (Store, Clock),
        receivers: Receivers,
        connectors: Vec<Arc<Connector>>,
        expiring: E,
        metrics: ConnectorMetrics,
    ) -> Self {
        let (holder, warnings) = (Uuid::new_v4().to_string(), Mutex::default());
        Self { store, clock, holder, receivers, connectors, expiring, metrics, warnings }
    }

    /// Looks once, and writes down what begins and what ends, with the messages that follow from it. At other gateways only
    /// the metrics follow.
    pub async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let holds = self.store.hold_alarm_watch(&self.holder, now, now + HELD_FOR).await?;
        let conditions = self.conditions(now).await?;
        if holds {
            self.write_down(&conditions, now).await?;
        }
        let open = self.store.list_open_alarms().await?;
        self.metrics.show_alarms(open.iter().filter_map(labels));
        Ok(())
    }

    /// Lets another gateway look, at once.
    pub async fn stop(&self) -> Result<(), StoreError> {
        self.store.release_alarm_watch(&self.holder).await
    }

    async fn conditions(&self, now: DateTime<Utc>) -> Result<Vec<Condition>, StoreError> {
        let (mut found, days) = (Vec::new(), self.receivers.warn_days());
        let mut remembered = self.warnings.lock().await;
        for connector in &self.connectors {
            let warnings = remembered.entry(connector.name.clone()).or_default();
            let facts = ConnectorFacts::read(&self.store, connector, warnings).await?;
            self.show(&facts);
            found.extend(conditions(&facts, days, now));
        }
        let expiring = (self.expiring)().into_iter();
        found.extend(expiring.filter_map(|expiring| expiring.condition(days, now)));
        Ok(found)
    }

    fn show(&self, facts: &ConnectorFacts) {
        let held = i64::try_from(facts.held.len()).unwrap_or(i64::MAX);
        self.metrics.show_connector(
            &facts.name.as_str().into(),
            facts.runs.true_at.map(|at| at.timestamp()),
            held,
            facts.expiry.as_ref().map(|expiry| expiry.at.timestamp()),
        );
    }

    async fn write_down(
        &self,
        conditions: &[Condition],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let open = self.store.list_open_alarms().await?;
        let told = self.store.list_last_told().await?;
        let planning = Planning::new(self.receivers.iter(), &told, now);
        let steps = planning.steps(conditions, &open);
        if !steps.is_empty() {
            let words = steps.clone();
            if self.store.take_alarm_steps(&self.holder, steps, now).await? {
                for step in &words {
                    log(step, &open, now);
                }
            }
        }
        let known: Vec<_> = self.receivers.iter().map(|receiver| &*receiver.name).collect();
        self.store.give_up_deliveries(&known, now, now - GIVEN_UP_AFTER).await.map(drop)
    }
}

/// The log hears what begins and what ends, whoever else does.
fn log(step: &AlarmStep, open: &[StoredAlarm], now: DateTime<Utc>) {
    match step {
        AlarmStep::Begin { key, condition, .. } => {
            let Ok(condition) = serde_json::from_str::<Condition>(condition) else { return };
            let (said, details) = (&condition.summary, plain(&condition.details.join("; ")));
            if condition.is_critical(now) {
                tracing::error!(alarm = key, details, "alarm: {said}");
            } else {
                tracing::warn!(alarm = key, details, "alarm: {said}");
            }
        }
        AlarmStep::End { id, .. } => {
            if let Some(alarm) = open.iter().find(|alarm| alarm.id == *id) {
                tracing::info!(alarm = alarm.key, "the alarm is over");
            }
        }
        AlarmStep::Update { .. } | AlarmStep::Tell { .. } => {}
    }
}

fn labels(alarm: &StoredAlarm) -> Option<AlarmLabels> {
    let condition: Condition = serde_json::from_str(&alarm.condition).ok()?;
    let connector = condition.connector.unwrap_or_default().into();
    Some(AlarmLabels { alarm: condition.kind.as_str(), connector })
}
