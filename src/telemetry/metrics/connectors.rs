//! What is counted of connectors, and of who is told of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds of the buckets for phases of runs, in seconds: from one without changes to a million people.
const RUN_SECONDS: [f64; 9] = [0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0];

/// Runs of connectors, as this gateway has made them; gauges are what the database says.
#[derive(Clone, Debug)]
pub struct ConnectorMetrics {
    runs: Family<RunLabels, Counter>,
    run_seconds: Family<PhaseLabels, Histogram, fn() -> Histogram>,
    calls: Family<ConnectorLabels, Counter>,
    retries: Family<ConnectorLabels, Counter>,
    throttled_seconds: Family<ConnectorLabels, Counter<f64, AtomicU64>>,
    changes: Family<ChangeLabels, Counter>,
    last_success: Family<ConnectorLabels, Gauge>,
    held_plans: Family<ConnectorLabels, Gauge>,
    credential_expires: Family<ConnectorLabels, Gauge>,
    alarms_open: Family<AlarmLabels, Gauge>,
    /// Those that are among them.
    shown_alarms: Arc<Mutex<Vec<AlarmLabels>>>,
    deliveries: Family<DeliveryLabels, Counter>,
}

/// A connector.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ConnectorLabels {
    /// Its name.
    pub connector: Arc<str>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RunLabels {
    /// The connector.
    pub connector: Arc<str>,
    /// `applied`, `held`, `dry_run`, `forced_dry_run`, `failed`, `auth_failed` or `broken_off`.
    pub outcome: &'static str,
}

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PhaseLabels {
    /// The connector.
    pub connector: Arc<str>,
    /// `reading`, `folding` or `aligning`.
    pub phase: &'static str,
}

/// What runs have changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChangeLabels {
    /// The connector.
    pub connector: Arc<str>,
    /// `people`, `groups` or `memberships`.
    pub what: &'static str,
}

/// Alarms that are open.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AlarmLabels {
    /// What it is, as `alarm.on` has it.
    pub alarm: &'static str,
    /// The connector; empty for what belongs to none.
    pub connector: Arc<str>,
}

/// What became of messages about alarms.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DeliveryLabels {
    /// Who was to have it.
    pub receiver: Arc<str>,
    /// `delivered`, `failed` or `given_up`.
    pub outcome: &'static str,
}

/// What a run has cost and changed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunCounts {
    /// How long reading, folding and aligning took, in seconds, if it came to its end.
    pub seconds: Option<[f64; 3]>,
    /// Requests.
    pub calls: u64,
    /// Those of them that were made again.
    pub retries: u64,
    /// How long the cloud wanted to be waited for, in milliseconds.
    pub waited_ms: u64,
    /// Accounts that were made, changed or ended.
    pub people: u64,
    /// Groups that were.
    pub groups: u64,
    /// Memberships that began or ended.
    pub memberships: u64,
}

impl Default for ConnectorMetrics {
    fn default() -> Self {
        Self {
            runs: Family::default(),
            run_seconds: Family::new_with_constructor(|| Histogram::new(RUN_SECONDS)),
            calls: Family::default(),
            retries: Family::default(),
            throttled_seconds: Family::default(),
            changes: Family::default(),
            last_success: Family::default(),
            held_plans: Family::default(),
            credential_expires: Family::default(),
            alarms_open: Family::default(),
            shown_alarms: Arc::default(),
            deliveries: Family::default(),
        }
    }
}

impl ConnectorMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("connector_runs", "Runs of connectors that ended", self.runs.clone());
        let seconds = self.run_seconds.clone();
        registry.register("connector_run_seconds", "Seconds that parts of runs took", seconds);
        registry.register("connector_calls", "Requests to clouds", self.calls.clone());
        let retries = self.retries.clone();
        registry.register("connector_retries", "Requests to clouds made again", retries);
        let throttled = self.throttled_seconds.clone();
        registry.register(
            "connector_throttled_seconds",
            "Seconds that clouds wanted to be waited for",
            throttled,
        );
        registry.register("connector_changes", "What runs have changed", self.changes.clone());
        let success = self.last_success.clone();
        registry.register(
            "connector_last_success_timestamp_seconds",
            "When a run last came true",
            success,
        );
        let held = self.held_plans.clone();
        registry.register("connector_held_plans", "Plans that wait for an administrator", held);
        let expires = self.credential_expires.clone();
        registry.register(
            "connector_credential_expires_timestamp_seconds",
            "When what a connector proves itself with expires",
            expires,
        );
        registry.register("alarms_open", "Alarms that last", self.alarms_open.clone());
        let deliveries = self.deliveries.clone();
        registry.register("alarm_deliveries", "Messages about alarms", deliveries);
    }

    /// Counts a run that has ended, and what it has changed.
    pub fn count_run(&self, connector: &Arc<str>, outcome: &'static str, counts: &RunCounts) {
        self.runs.get_or_create(&RunLabels { connector: connector.clone(), outcome }).inc();
        let phases = ["reading", "folding", "aligning"].into_iter();
        for (phase, seconds) in phases.zip(counts.seconds.into_iter().flatten()) {
            let labels = PhaseLabels { connector: connector.clone(), phase };
            self.run_seconds.get_or_create(&labels).observe(seconds);
        }
        for (what, count) in [
            ("people", counts.people),
            ("groups", counts.groups),
            ("memberships", counts.memberships),
        ] {
            let labels = ChangeLabels { connector: connector.clone(), what };
            self.changes.get_or_create(&labels).inc_by(count);
        }
    }

    /// Counts what a run has asked, however it ended.
    pub fn count_questions(&self, connector: &Arc<str>, counts: &RunCounts) {
        let labels = ConnectorLabels { connector: connector.clone() };
        self.calls.get_or_create(&labels).inc_by(counts.calls);
        self.retries.get_or_create(&labels).inc_by(counts.retries);
        let seconds = std::time::Duration::from_millis(counts.waited_ms).as_secs_f64();
        self.throttled_seconds.get_or_create(&labels).inc_by(seconds);
    }

    /// Says how a connector is: when a run last came true, how many plans wait, when its credential expires; times are in
    /// seconds since 1970.
    pub fn show_connector(
        &self,
        connector: &Arc<str>,
        last_success: Option<i64>,
        held_plans: i64,
        credential_expires: Option<i64>,
    ) {
        let labels = ConnectorLabels { connector: connector.clone() };
        self.held_plans.get_or_create(&labels).set(held_plans);
        for (family, time) in
            [(&self.last_success, last_success), (&self.credential_expires, credential_expires)]
        {
            if let Some(time) = time {
                family.get_or_create(&labels).set(time);
            } else {
                family.remove(&labels);
            }
        }
    }

    /// Says nothing more of how a connector is.
    pub fn forget_connector(&self, connector: &str) {
        let labels = ConnectorLabels { connector: connector.into() };
        for family in [&self.held_plans, &self.last_success, &self.credential_expires] {
            family.remove(&labels);
        }
    }

    /// Says which alarms are open, and that no others are.
    pub fn show_alarms(&self, open: impl Iterator<Item = AlarmLabels>) {
        let mut counts = HashMap::new();
        for labels in open {
            *counts.entry(labels).or_insert(0) += 1;
        }
        let mut shown = self.shown_alarms.lock().unwrap_or_else(PoisonError::into_inner);
        for over in shown.iter().filter(|labels| !counts.contains_key(labels)) {
            self.alarms_open.remove(over);
        }
        for (labels, count) in &counts {
            self.alarms_open.get_or_create(labels).set(*count);
        }
        *shown = counts.into_keys().collect();
    }

    /// Counts what became of a message.
    pub fn count_delivery(&self, receiver: &str, outcome: &'static str) {
        let labels = DeliveryLabels { receiver: receiver.into(), outcome };
        self.deliveries.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(metrics: &ConnectorMetrics) -> String {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn what_is_over_is_not_shown_any_more() {
        let metrics = ConnectorMetrics::default();
        let corp: Arc<str> = "corp".into();
        let labels = AlarmLabels { alarm: "failed", connector: corp.clone() };
        metrics.show_alarms([labels].into_iter());
        metrics.show_connector(&corp, Some(7), 1, Some(9));
        let text = shown(&metrics);
        assert!(text.contains("alarms_open{alarm=\"failed\",connector=\"corp\"} 1"), "{text}");
        let expires = "connector_credential_expires_timestamp_seconds{connector=\"corp\"}";
        assert!(text.contains(&format!("{expires} 9")), "{text}");
        metrics.show_alarms(std::iter::empty());
        metrics.show_connector(&corp, Some(8), 0, None);
        let text = shown(&metrics);
        assert!(!text.contains("alarms_open{") && !text.contains(expires), "{text}");
        assert!(text.contains("corp"), "{text}");
        metrics.forget_connector("corp");
        assert!(!shown(&metrics).contains("corp"));
    }

    #[test]
    fn a_run_is_counted_with_what_it_changed_and_cost() {
        let metrics = ConnectorMetrics::default();
        let corp: Arc<str> = "corp".into();
        let counts = RunCounts { calls: 3, waited_ms: 1500, people: 2, ..RunCounts::default() };
        metrics.count_run(&corp, "applied", &counts);
        metrics.count_questions(&corp, &counts);
        let text = shown(&metrics);
        for line in [
            "connector_runs_total{connector=\"corp\",outcome=\"applied\"} 1",
            "connector_calls_total{connector=\"corp\"} 3",
            "connector_throttled_seconds_total{connector=\"corp\"} 1.5",
            "connector_changes_total{connector=\"corp\",what=\"people\"} 2",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
