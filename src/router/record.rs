//! What is known of a request once it has been answered: a line in the log, numbers, a span.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use http::{Method, Request, Version};
use http_body::Body as _;

use crate::{
    clock::Clock,
    http::{Arrival, RefusedBecause, Response},
    session::Visitor,
    telemetry::{AppLabels, CLASSES, Forwarded, Metrics, RequestLabels, Span, SpanKind, Tracer},
};

/// The label of what belongs to no application.
static NO_APP: LazyLock<Arc<str>> = LazyLock::new(|| "".into());

/// What became of a request, as far as it is known.
pub(super) struct Record {
    method: Method,
    path: String,
    version: Version,
    pub(super) app: Option<Arc<str>>,
    /// Where its application's requests are counted that are passed on.
    pub(super) forwarded: Option<Arc<Forwarded>>,
    /// `forward`, `authorize`, `login`, `wait`, `refuse` or `own`.
    pub(super) decision: &'static str,
    /// The number of the rule that decided, from 0.
    pub(super) rule: Option<usize>,
    pub(super) visitor: Option<Arc<Visitor>>,
}

impl Record {
    /// Of a request that nobody has decided about: it stays refused until somebody does.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            version: request.version(),
            app: None,
            forwarded: None,
            decision: "refuse",
            rule: None,
            visitor: None,
        }
    }

    /// Tells everybody.
    pub(super) fn tell(
        &self,
        arrival: &Arrival,
        response: &Response,
        metrics: &Metrics,
        tracer: &Tracer,
        clock: &Clock,
    ) {
        let took = arrival.started.elapsed();
        let reason = response.extensions().get().map(|RefusedBecause(code)| *code);
        self.count(response, reason, took, metrics);
        self.log(arrival, response, reason, took);
        tracer.record(&arrival.context, || self.span(arrival, response, reason, clock.now(), took));
    }

    fn log(
        &self,
        arrival: &Arrival,
        response: &Response,
        reason: Option<&'static str>,
        took: Duration,
    ) {
        let user = self.visitor.as_ref().map(|visitor| &*visitor.account.user.profile.username);
        tracing::info!(
            target: "gatehouse::access",
            trace = %arrival.trace, trace_id = %arrival.context.trace(),
            client = %arrival.client, host = arrival.site.authority(),
            http_version = version(self.version), method = %self.method, path = self.path,
            app = self.app.as_deref().unwrap_or_default(), decision = self.decision,
            rule = self.rule, reason, user.name = user, status = response.status().as_u16(),
            bytes = response.body().size_hint().exact(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        );
    }

    /// No label is a client's to choose.
    fn count(
        &self,
        response: &Response,
        reason: Option<&'static str>,
        took: Duration,
        metrics: &Metrics,
    ) {
        let class = usize::from(response.status().as_u16() / 100) - 1;
        if let ("forward", None, Some(forwarded)) = (self.decision, reason, &self.forwarded) {
            return forwarded.count(class, took);
        }
        let app = self.app.as_ref().unwrap_or(&NO_APP);
        let labels = RequestLabels {
            app: app.clone(),
            decision: self.decision,
            reason: reason.unwrap_or("ok"),
            status: CLASSES.get(class).copied().unwrap_or("?"),
        };
        metrics.requests.get_or_create(&labels).inc();
        let labels = AppLabels { app: app.clone() };
        metrics.request_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Names of OpenTelemetry's conventions for HTTP, where there are some. Who it was is for the log alone.
    fn span(
        &self,
        arrival: &Arrival,
        response: &Response,
        reason: Option<&'static str>,
        now: DateTime<Utc>,
        took: Duration,
    ) -> Span {
        let scheme = if arrival.site.is_secure() { "https" } else { "http" };
        // A name that anybody can make up is none.
        let method = if reason == Some("method") { "_OTHER" } else { self.method.as_str() };
        let rule = self.rule.and_then(|rule| u16::try_from(rule).ok());
        Span::new(&arrival.context, SpanKind::Request, method.to_owned(), now, took)
            .with("http.request.method", method.to_owned())
            .with("url.scheme", scheme)
            .with("url.path", self.path.clone())
            .with("server.address", arrival.site.authority().to_owned())
            .with("client.address", arrival.client.to_string())
            .with("network.protocol.version", version(self.version))
            .with("http.response.status_code", response.status().as_u16())
            .with("gatehouse.trace", arrival.trace.to_string())
            .with("gatehouse.decision", self.decision)
            .with_some("gatehouse.app", self.app.as_deref().map(str::to_owned))
            .with_some("gatehouse.rule", rule)
            .with_some("error.type", reason)
            .failed(response.status().is_server_error())
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_11 => "1.1",
        Version::HTTP_10 => "1.0",
        _ => "?",
    }
}
