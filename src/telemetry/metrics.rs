//! What the gateway counts.

mod connectors;
mod listening;
mod upstreams;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

pub use self::{
    connectors::{AlarmLabels, ConnectorMetrics, RunCounts},
    listening::ListeningMetrics,
    upstreams::UpstreamMetrics,
};

/// Upper bounds of the buckets for durations, in seconds: from a look-up to a slow upstream.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Every metric, updated by name rather than by string.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Logins that ended, one way or the other.
    pub logins: Family<LoginLabels, Counter>,
    /// Requests that were answered.
    pub requests: Family<RequestLabels, Counter>,
    /// Requests and connections that the gateway let nowhere, by the code of what was wrong.
    pub refused: Family<RefusedLabels, Counter>,
    /// How long the answer's head took.
    pub request_seconds: Family<AppLabels, Histogram, fn() -> Histogram>,
    /// What applications were not told of somebody, for want of room.
    pub identity_left_out: Family<LeftOutLabels, Counter>,
    /// What became of spans.
    pub spans: Family<SpanLabels, Counter>,
    /// Sessions in memory.
    pub cached_sessions: Gauge,
    /// Browsers that were signed in again and again without effect.
    pub login_loops: Family<LoopLabels, Counter>,
    /// What was refused because there was too much of it.
    pub limited: Family<LimitLabels, Counter>,
    /// Forms that came without a session.
    pub saved_forms: Family<FormLabels, Counter>,
    /// Passwords of accounts for emergencies.
    pub break_glass: Family<BreakGlassLabels, Counter>,
    /// Questions of applications that know the gateway as a Crowd server.
    pub crowd_requests: Family<CrowdLabels, Counter>,
    /// How often applications were told what has changed, or read everything.
    pub crowd_syncs: Family<SyncLabels, Counter>,
    /// Pings that applications were sent.
    pub crowd_webhooks: Family<SyncLabels, Counter>,
    /// What clouds have said by themselves, and what became of it.
    pub hints: Family<HintLabels, Counter>,
    /// Background work that has panicked: each time is a mistake in the gateway.
    pub background_panics: Family<WorkLabels, Counter>,
    /// Newcomers whom an application could not know yet.
    pub account_waits: Family<WaitLabels, Counter>,
    /// Runs of connectors, and who is told of them.
    pub connectors: ConnectorMetrics,
    /// Connections, and certificates.
    pub listening: ListeningMetrics,
    /// Addresses of applications.
    pub upstreams: UpstreamMetrics,
    registry: Arc<Mutex<Registry>>,
}

/// What became of what an application was told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SyncLabels {
    /// What it calls itself.
    pub application: Arc<str>,
    /// Of synchronisations `events`, `full` or `expired`; of pings `told`, `failed` or `given_up`.
    pub outcome: &'static str,
}

/// What became of what a cloud has said.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HintLabels {
    /// The connector.
    pub connector: String,
    /// Of messages `heard`, `echoed`, `unasked`, `unproved`, `unreadable` or `no_room`; of people `looked` or `failed`; `run`.
    pub outcome: &'static str,
}

/// Background work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WorkLabels {
    /// What it does, in a few words.
    pub work: &'static str,
}

/// What became of newcomers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct WaitLabels {
    /// The app.
    pub app: Arc<str>,
    /// `page` for each time that the page was shown; `given_up` for who had waited long enough; `no_copy` if the
    /// application has never copied anything.
    pub outcome: &'static str,
}

/// What an application has asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CrowdLabels {
    /// What it calls itself; empty if it has not proved who it is.
    pub application: Arc<str>,
    /// The first word of the resource, such as `user`; `other` for those that are not there.
    pub resource: &'static str,
    /// The first digit of the status, such as `2xx`.
    pub status: &'static str,
}

/// How a login was tried, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LoginLabels {
    /// The method.
    pub method: LoginMethod,
    /// The end.
    pub outcome: LoginOutcome,
    /// Why: the code of the check that refused it, or `ok`.
    pub reason: &'static str,
}

/// Where a browser goes round in circles.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LoopLabels {
    /// The app.
    pub app: String,
}

/// What there was too much of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LimitLabels {
    /// `failures`, `account` or `begun`.
    pub limit: &'static str,
}

/// What became of a form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FormLabels {
    /// `kept`, `sent`, `too_large` or `no_room`.
    pub outcome: &'static str,
}

/// What became of a password of an account for emergencies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BreakGlassLabels {
    /// The end.
    pub outcome: LoginOutcome,
}

/// How somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "they are the labels")]
pub enum LoginMethod {
    /// By ticket.
    kerberos,
    /// By assertion.
    saml,
    /// By a password of the gateway's own.
    password,
}

impl LoginMethod {
    /// The word for it in the log and the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::kerberos => "kerberos",
            Self::saml => "saml",
            Self::password => "password",
        }
    }
}

/// How a login ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "they are the labels")]
pub enum LoginOutcome {
    /// With a session.
    accepted,
    /// Without one.
    refused,
}

/// The classes of statuses, by their first digits.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The app; empty for the gateway's own pages.
    pub app: Arc<str>,
    /// What was decided: `forward`, `login`, `wait`, `refuse` or `own`.
    pub decision: &'static str,
    /// The code of the error, or `ok`.
    pub reason: &'static str,
    /// The first digit of the status, such as `2xx`.
    pub status: &'static str,
}

/// An app; empty for the gateway's own pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AppLabels {
    /// Its name.
    pub app: Arc<str>,
}

/// What an app was not told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LeftOutLabels {
    /// Its name.
    pub app: Arc<str>,
    /// `user`, `email`, `name`, `group`, `assertion` or `assertion_group`.
    pub what: &'static str,
}

/// What became of spans.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SpanLabels {
    /// `exported`; `dropped` because too many waited; or `failed` because the collector did not take them.
    pub outcome: &'static str,
}

/// Why a request or a connection was refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusedLabels {
    /// The code, which the log line and the error page's JSON have too.
    pub reason: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            logins: Family::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            refused: Family::default(),
            identity_left_out: Family::default(),
            spans: Family::default(),
            cached_sessions: Gauge::default(),
            login_loops: Family::default(),
            limited: Family::default(),
            saved_forms: Family::default(),
            break_glass: Family::default(),
            crowd_requests: Family::default(),
            crowd_syncs: Family::default(),
            crowd_webhooks: Family::default(),
            hints: Family::default(),
            background_panics: Family::default(),
            account_waits: Family::default(),
            connectors: ConnectorMetrics::default(),
            listening: ListeningMetrics::default(),
            upstreams: UpstreamMetrics::default(),
            registry: Arc::new(Mutex::new(Registry::with_prefix("gatehouse"))),
        };
        let mut registry = metrics.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register("logins", "Logins that ended", metrics.logins.clone());
        registry.register("requests", "Requests that were answered", metrics.requests.clone());
        registry.register("refused", "Requests and connections refused", metrics.refused.clone());
        registry.register(
            "request_seconds",
            "Seconds until the head of the answer",
            metrics.request_seconds.clone(),
        );
        registry.register(
            "identity_left_out",
            "What applications were not told, because it does not fit",
            metrics.identity_left_out.clone(),
        );
        registry.register("spans", "What became of spans", metrics.spans.clone());
        registry.register(
            "cached_sessions",
            "Sessions held in memory",
            metrics.cached_sessions.clone(),
        );
        let loops = metrics.login_loops.clone();
        registry.register("login_loops", "Browsers signed in again and again", loops);
        let limited = metrics.limited.clone();
        registry.register("limited", "Requests refused because there were too many", limited);
        let forms = metrics.saved_forms.clone();
        registry.register("saved_forms", "Forms that came without a session", forms);
        let broken = metrics.break_glass.clone();
        registry.register("break_glass", "Passwords of accounts for emergencies", broken);
        let crowd = metrics.crowd_requests.clone();
        registry.register("crowd_requests", "Questions of applications to the Crowd server", crowd);
        let syncs = metrics.crowd_syncs.clone();
        registry.register("crowd_syncs", "Applications that bring their copies up to date", syncs);
        let webhooks = metrics.crowd_webhooks.clone();
        registry.register("crowd_webhooks", "Pings that applications were sent", webhooks);
        let hints = metrics.hints.clone();
        registry.register("hints", "What clouds have said by themselves", hints);
        let panics = metrics.background_panics.clone();
        registry.register("background_panics", "Background work that has panicked", panics);
        let waits = metrics.account_waits.clone();
        registry.register("account_waits", "Newcomers whom an app could not know yet", waits);
        metrics.connectors.register(&mut registry);
        metrics.listening.register(&mut registry);
        metrics.upstreams.register(&mut registry);
        drop(registry);
        metrics
    }
}

impl Metrics {
    /// Everything that was counted, in the text format of `OpenMetrics`.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        text::encode(&mut text, &registry)?;
        Ok(text)
    }

    /// Counts a request or a connection that was refused.
    pub fn count_refused(&self, reason: &'static str) {
        self.refused.get_or_create(&RefusedLabels { reason }).inc();
    }

    /// Counts a login.
    pub fn count_login(&self, method: LoginMethod, outcome: LoginOutcome, reason: &'static str) {
        self.logins.get_or_create(&LoginLabels { method, outcome, reason }).inc();
    }

    /// Counts what was refused because there was too much of it.
    pub fn count_limited(&self, limit: &'static str) {
        self.limited.get_or_create(&LimitLabels { limit }).inc();
    }

    /// Counts a try of an account for emergencies.
    pub fn count_break_glass(&self, right: bool) {
        let outcome = if right { LoginOutcome::accepted } else { LoginOutcome::refused };
        self.break_glass.get_or_create(&BreakGlassLabels { outcome }).inc();
    }

    /// Counts a question of an application.
    pub fn count_crowd(&self, application: Arc<str>, resource: &'static str, status: &'static str) {
        self.crowd_requests.get_or_create(&CrowdLabels { application, resource, status }).inc();
    }

    /// Counts that an application brings its copy up to date.
    pub fn count_crowd_sync(&self, application: &Arc<str>, outcome: &'static str) {
        let labels = SyncLabels { application: application.clone(), outcome };
        self.crowd_syncs.get_or_create(&labels).inc();
    }

    /// Counts a ping.
    pub fn count_webhook(&self, application: &Arc<str>, outcome: &'static str) {
        let labels = SyncLabels { application: application.clone(), outcome };
        self.crowd_webhooks.get_or_create(&labels).inc();
    }

    /// Counts something that a cloud has said, or what became of it.
    pub fn count_hint(&self, connector: &str, outcome: &'static str) {
        self.count_hints(connector, outcome, 1);
    }

    /// The same, of several.
    pub fn count_hints(&self, connector: &str, outcome: &'static str, count: u64) {
        let labels = HintLabels { connector: connector.to_owned(), outcome };
        self.hints.get_or_create(&labels).inc_by(count);
    }

    /// Counts that background work has panicked.
    pub fn count_panic(&self, work: &'static str) {
        self.background_panics.get_or_create(&WorkLabels { work }).inc();
    }

    /// Counts a newcomer.
    pub fn count_account_wait(&self, app: &Arc<str>, outcome: &'static str) {
        self.account_waits.get_or_create(&WaitLabels { app: app.clone(), outcome }).inc();
    }

    /// Counts what became of a form.
    pub fn count_form(&self, outcome: &'static str) {
        self.saved_forms.get_or_create(&FormLabels { outcome }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_logins_by_method_and_reason() {
        let metrics = Metrics::default();
        metrics.count_login(LoginMethod::saml, LoginOutcome::refused, "signature-missing");
        let text = metrics.render().unwrap();
        let line = r#"gatehouse_logins_total{method="saml",outcome="refused",reason="signature-missing"} 1"#;
        assert!(text.contains(line), "{text}");
    }
}
