//! Listening: connections in, answers out, and an orderly end.

mod internal;
mod tls;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use self::{
    internal::{Readiness, internal_routes},
    tls::{TlsError, acceptor, trust},
};
use crate::router::Router;

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
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl Server {
    /// With TLS: HTTP/2 or HTTP/1.1, as browsers wish. Without: HTTP/1.1 only, so that nobody can begin
    /// HTTP/2 unasked.
    #[must_use]
    pub fn new(router: Arc<Router>, tls: Option<TlsAcceptor>) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        if tls.is_none() {
            http = http.http1_only();
        }
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(MAX_HEAD_BYTES as usize);
        http.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_BYTES);
        Self { router, tls, http: Arc::new(http) }
    }

    /// Takes connections until `stop`, then lets those that are there end, but waits no longer than
    /// `grace`.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken, grace: Duration) {
        let connections = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (server, watcher) = (self.clone(), connections.watcher());
                    tokio::spawn(async move { server.connect(stream, peer.ip(), watcher).await });
                }
                Err(error) => {
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

    async fn connect(
        self,
        stream: TcpStream,
        peer: IpAddr,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        // A small answer goes out at once.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.speak(stream, peer, watcher).await,
            Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream, peer, watcher).await,
                Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS"),
                Err(_) => tracing::debug!(%peer, "no TLS in time"),
            },
        }
    }

    async fn speak<S>(
        &self,
        stream: S,
        peer: IpAddr,
        watcher: hyper_util::server::graceful::Watcher,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move { Ok::<_, std::convert::Infallible>(router.respond(request, peer).await) }
        });
        let connection = self.http.serve_connection_with_upgrades(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection.into_owned()).await {
            tracing::debug!(%error, %peer, "a connection broke");
        }
    }
}
