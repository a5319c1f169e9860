//! What machines ask: is it alive, is it ready, what has it counted; and applications, who is there.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use axum::{
    Router, body::Body, extract::State, http::StatusCode, response::IntoResponse, routing::get,
};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{BREATH, HANDSHAKE, HEAD, TAKE, connection, patient_stream::PatientStream};
use crate::{
    crowd::CrowdServer,
    http::Response,
    router::ForwardAuth,
    session::Sessions,
    telemetry::{Metrics, Seldom},
};

/// Proxies ask with all of a browser's head.
const MAX_HEAD_BYTES: usize = connection::MAX_HEAD_BYTES as usize;

/// How often the log says that all places are taken.
const WARN_EVERY: Duration = Duration::from_mins(1);

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

/// What applications and proxies ask about people, if any may.
#[derive(Debug, Default)]
pub struct Asked {
    /// Applications that know a Crowd server.
    pub crowd: Option<CrowdServer>,
    /// Proxies that pass requests on by themselves.
    pub forward_auth: Option<ForwardAuth>,
}

/// Serves machines, in HTTP/1.1: some of them read nothing else.
#[derive(Clone, Debug)]
pub struct InternalServer {
    routes: Router,
    /// Another one with each configuration.
    asked: Arc<ArcSwap<Asked>>,
    tls: Option<Tls>,
    http: http1::Builder,
    places: Arc<Semaphore>,
    metrics: Metrics,
    /// When the log has said that all places are taken.
    warning: Arc<Seldom>,
}

#[derive(Clone)]
struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl InternalServer {
    /// Of [`internal_routes`], what applications ask of a Crowd server if any may, and what proxies ask.
    #[must_use]
    pub fn new(
        routes: Router,
        asked: Arc<ArcSwap<Asked>>,
        tls: Option<TlsAcceptor>,
        max_connections: usize,
        metrics: Metrics,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEAD_BYTES);
        let places = Arc::new(Semaphore::new(max_connections));
        let warning = Arc::new(Seldom::every(WARN_EVERY));
        Self { routes, asked, tls: tls.map(Tls), http, places, metrics, warning }
    }

    /// Takes connections until `stop`, then lets those that are there end, but waits no longer than
    /// `grace`.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken, grace: Duration) {
        let connections = GracefulShutdown::new();
        loop {
            // Who comes when all places are taken waits in the kernel's queue.
            let accepted = tokio::select! {
                accepted = async { (self.place().await, listener.accept().await) } => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                (place, Ok((stream, peer))) => {
                    let (server, watcher) = (self.clone(), connections.watcher());
                    tokio::spawn(async move {
                        server.connect(stream, peer, watcher).await;
                        drop(place);
                    });
                }
                (_, Err(error)) => {
                    tracing::warn!(%error, "an internal connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        drop(listener);
        if timeout(grace, connections.shutdown()).await.is_err() {
            tracing::warn!("gave up waiting for internal requests to end");
        }
    }

    /// A place for one more connection; nobody ever closes the semaphore.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if self.places.available_permits() == 0 {
            self.metrics.count_refused("internal-connections-full");
            if self.warning.is_due() {
                tracing::warn!(
                    "server.max_connections are open at server.internal_listen: applications and probes wait"
                );
            }
        }
        self.places.clone().acquire_owned().await.ok()
    }

    async fn connect(self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let _ = stream.set_nodelay(true);
        let peer = peer.ip().to_canonical();
        let Some(Tls(tls)) = self.tls.clone() else {
            return self.speak(stream, peer, watcher).await;
        };
        match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, client = %peer, "no TLS"),
            Err(_) => tracing::debug!(client = %peer, "no TLS in time"),
        }
    }

    async fn speak<S>(self, stream: S, peer: IpAddr, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let http = self.http.clone();
        let server = Arc::new(self);
        let service = service_fn(move |request: Request<Incoming>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.respond(request.map(Body::new), peer).await) }
        });
        let stream = TokioIo::new(PatientStream::new(stream, (), TAKE));
        if let Err(error) = watcher.watch(http.serve_connection(stream, service)).await {
            tracing::debug!(%error, client = %peer, "an internal connection broke");
        }
    }

    async fn respond(&self, request: Request<Body>, peer: IpAddr) -> Response {
        let (asked, path) = (self.asked.load_full(), request.uri().path());
        match (&asked.crowd, &asked.forward_auth) {
            (Some(crowd), _) if CrowdServer::has(path) => crowd.respond(request, peer).await,
            (_, Some(proxies)) if ForwardAuth::has(path) => proxies.respond(request, peer).await,
            _ => match self.routes.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        }
    }
}
