//! What is counted of the addresses of applications.

use std::sync::Arc;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// How addresses of applications are doing, and what becomes of requests there.
#[derive(Clone, Debug, Default)]
pub struct UpstreamMetrics {
    up: Family<AddressLabels, Gauge>,
    turns: Family<TurnLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    retries: Family<RetryLabels, Counter>,
}

/// An address of an application.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AddressLabels {
    /// The app.
    pub app: Arc<str>,
    /// Host and port.
    pub address: Arc<str>,
}

/// An address that was taken out, or in again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TurnLabels {
    /// The app.
    pub app: Arc<str>,
    /// Host and port.
    pub address: Arc<str>,
    /// `out` or `in`.
    pub turn: &'static str,
}

/// What failed at an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FailureLabels {
    /// The app.
    pub app: Arc<str>,
    /// Host and port.
    pub address: Arc<str>,
    /// The code of the error, or `check`.
    pub reason: &'static str,
}

/// Requests that were sent once more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RetryLabels {
    /// The app.
    pub app: Arc<str>,
    /// `unsent` where nothing had reached the application before, `repeated`, or `over_budget` if it was not sent again.
    pub outcome: &'static str,
}

impl UpstreamMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "upstream_up",
            "Addresses of apps that are not left out",
            self.up.clone(),
        );
        let turns = self.turns.clone();
        registry.register("upstream_turns", "Addresses that were taken out, and in again", turns);
        let failures = self.failures.clone();
        registry.register("upstream_failures", "What failed at addresses of apps", failures);
        let retries = self.retries.clone();
        registry.register("upstream_retries", "Requests that were sent once more", retries);
    }

    /// Says whether requests go to an address.
    pub fn set_up(&self, app: &Arc<str>, address: &Arc<str>, is_up: bool) {
        let labels = AddressLabels { app: app.clone(), address: address.clone() };
        self.up.get_or_create(&labels).set(is_up.into());
    }

    /// Says nothing more of how an address is.
    pub fn forget(&self, app: &Arc<str>, address: &Arc<str>) {
        self.up.remove(&AddressLabels { app: app.clone(), address: address.clone() });
    }

    /// Counts that an address was taken out, or in again.
    pub fn count_turn(&self, app: &Arc<str>, address: &Arc<str>, is_up: bool) {
        self.set_up(app, address, is_up);
        let turn = if is_up { "in" } else { "out" };
        let labels = TurnLabels { app: app.clone(), address: address.clone(), turn };
        self.turns.get_or_create(&labels).inc();
    }

    /// Counts a failure.
    pub fn count_failure(&self, app: &Arc<str>, address: &Arc<str>, reason: &'static str) {
        let labels = FailureLabels { app: app.clone(), address: address.clone(), reason };
        self.failures.get_or_create(&labels).inc();
    }

    /// Counts a request that was sent once more, or would have been.
    pub fn count_retry(&self, app: &Arc<str>, outcome: &'static str) {
        self.retries.get_or_create(&RetryLabels { app: app.clone(), outcome }).inc();
    }
}
