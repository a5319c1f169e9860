//! An empty handler behind the listener that applications ask.

use std::{sync::Arc, time::Duration};

use axum::Router;
use gatehouse::{server::InternalServer, telemetry::Metrics};
use tokio_util::sync::CancellationToken;

/// Serves until it is killed.
pub async fn serve(port: u16) {
    let routes = Router::new().fallback(async || "");
    let server = InternalServer::new(routes, Arc::default(), None, 1000, Metrics::default());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    server.serve(listener, CancellationToken::new(), Duration::ZERO).await;
}
