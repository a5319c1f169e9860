//! What machines ask: is it alive, is it ready, what has it counted.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};

use crate::{session::Sessions, telemetry::Metrics};

/// Whether new requests are welcome. It does not follow the database: known sessions are served without
/// it, and gateways that all turn unready together would be a longer outage than its own.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Everything is there.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The gateway is about to stop.
    pub fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
struct Internal {
    readiness: Readiness,
    metrics: Metrics,
    sessions: Arc<Sessions>,
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn internal_routes(readiness: Readiness, metrics: Metrics, sessions: Arc<Sessions>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(show_readiness))
        .route("/metrics", get(show_metrics))
        .with_state(Internal { readiness, metrics, sessions })
}

async fn show_readiness(State(internal): State<Internal>) -> impl IntoResponse {
    if internal.readiness.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting or stopping\n")
    }
}

async fn show_metrics(State(internal): State<Internal>) -> impl IntoResponse {
    let cached = i64::try_from(internal.sessions.cached()).unwrap_or(i64::MAX);
    internal.metrics.cached_sessions.set(cached);
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match internal.metrics.render() {
        Ok(text) => ([("content-type", media_type)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
