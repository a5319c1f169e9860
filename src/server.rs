//! Listening: connections in, answers out, and an orderly end.

mod broken;
mod entrance;
mod internal;
mod only_http1;
mod patient_stream;
pub mod proxy_header;
mod tls;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use self::{
    entrance::Entrance,
    internal::{InternalServer, Readiness, internal_routes},
    tls::{TlsError, acceptor},
};
use self::{only_http1::OnlyHttp1, patient_stream::PatientStream};
use crate::{http::Peer, router::Router};

/// A client that has connected says what it wants, or goes.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// From the first to the last byte of a request's head.
const HEAD: Duration = Duration::from_secs(30);

/// A Kerberos ticket with many groups takes 64 KiB of header, in base64.
const MAX_HEAD_BYTES: u32 = 128 * 1024;

/// Who does not answer is gone: a computer that was put to sleep says no goodbye.
const PING: Duration = Duration::from_secs(30);

/// What a browser asks for at a time on one connection.
const MAX_STREAMS: u32 = 100;

/// Who takes nothing of an answer for so long has gone, or means harm.
const TAKE: Duration = Duration::from_mins(5);

/// While there are no more file descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// An address that cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen at {key} {address}: {error}{}", remedy(.error))]
pub struct BindError {
    key: &'static str,
    address: SocketAddr,
    error: io::Error,
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program has the port: stop it, or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
        _ => "",
    }
}

/// Takes an address, before anything is served.
pub async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| BindError { key, address, error })
}

/// Serves browsers.
#[derive(Clone)]
pub struct Server {
    router: Arc<Router>,
    tls: Option<TlsAcceptor>,
    http: Arc<auto::Builder<TokioExecutor>>,
    /// Of all listeners together.
    places: Arc<Semaphore>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl Server {
    /// With TLS: HTTP/2 or HTTP/1.1, as browsers wish. Without: HTTP/1.1 only.
    #[must_use]
    pub fn new(router: Arc<Router>, tls: Option<TlsAcceptor>, max_connections: usize) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(MAX_HEAD_BYTES as usize);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_BYTES);
        let places = Arc::new(Semaphore::new(max_connections));
        Self { router, tls, http: Arc::new(http), places }
    }

    /// Takes connections until `stop`, then lets those that are there end, but waits no longer than
    /// `grace`.
    pub async fn serve(
        self,
        (listener, entrance): (TcpListener, Entrance),
        stop: CancellationToken,
        grace: Duration,
    ) {
        let connections = GracefulShutdown::new();
        loop {
            // Who comes when all places are taken waits, most of them in the kernel's queue.
            let accepted = tokio::select! {
                accepted = async { (listener.accept().await, self.place().await) } => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                (Ok((stream, peer)), place) => {
                    let (server, watcher) = (self.clone(), connections.watcher());
                    tokio::spawn(async move {
                        server.connect(stream, peer, entrance, watcher).await;
                        drop(place);
                    });
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
        drop(listener);
        if timeout(grace, connections.shutdown()).await.is_err() {
            tracing::warn!("gave up waiting for requests to end");
        }
    }

    /// A place for one more connection; nobody ever closes the semaphore.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if self.places.available_permits() == 0 {
            self.router.metrics.count_refused("connections-full");
            tracing::warn!("server.max_connections are open: others wait");
        }
        self.places.clone().acquire_owned().await.ok()
    }

    async fn connect(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        entrance: Entrance,
        watcher: Watcher,
    ) {
        // A small answer goes out at once.
        let _ = stream.set_nodelay(true);
        let address = peer.ip().to_canonical();
        match entrance {
            Entrance::Browsers => self.secure(stream, Peer::direct(address), watcher).await,
            Entrance::Balancers => {
                match entrance::welcome(stream, address, &self.router.trusted).await {
                    Ok((stream, peer)) => self.secure(stream, peer, watcher).await,
                    Err(error) => self.broke(error.code(), address, &error),
                }
            }
        }
    }

    /// A connection that ended, and why it was refused if it was: nobody can be answered on it.
    fn broke(&self, code: Option<&'static str>, client: IpAddr, cause: &dyn std::fmt::Display) {
        if let Some(code) = code {
            self.router.metrics.count_refused(code);
            tracing::info!(code, %client, %cause, "connection refused");
        } else {
            tracing::debug!(%client, %cause, "a connection broke");
        }
    }

    async fn secure<S>(&self, stream: S, peer: Peer, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(tls) = &self.tls else {
            return self.speak(OnlyHttp1::unless(false, stream), peer, watcher).await;
        };
        match timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.speak(OnlyHttp1::unless(http2, stream), peer, watcher).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, client = %peer.client, "no TLS"),
            Err(_) => tracing::debug!(client = %peer.client, "no TLS in time"),
        }
    }

    async fn speak<S>(&self, stream: S, peer: Peer, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (router, served) = (self.router.clone(), Arc::new(AtomicBool::new(false)));
        let serving = served.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            serving.store(true, Ordering::Relaxed);
            let router = router.clone();
            // In a box: hyper moves what answers a request several times, and that has room for each way of answering.
            Box::pin(async move {
                Ok::<_, std::convert::Infallible>(router.respond(request, peer).await)
            })
        });
        let stream = TokioIo::new(PatientStream::new(stream, TAKE));
        let connection = self.http.serve_connection_with_upgrades(stream, service);
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            let code = broken::reason(&*error, served.load(Ordering::Relaxed));
            self.broke(code, peer.client, &error);
        }
    }
}
