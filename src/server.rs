//! Listening: connections in, answers out, and an orderly end.

mod broken;
mod connection;
mod descriptors;
mod entrance;
mod inherited;
mod internal;
mod leaving;
mod only_http1;
mod patient_stream;
mod places;
pub mod proxy_header;
mod pulse;
mod tls;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use self::{
    connection::Http,
    places::{ClientPlace, Place, Places},
    pulse::HEAD,
};
pub use self::{
    descriptors::{raise_limits, too_few_descriptors},
    entrance::Entrance,
    inherited::Inherited,
    internal::{Asked, InternalServer, Readiness, internal_routes},
    leaving::Leaving,
    tls::{CertificateError, Certificates, InUse, KeyPair, Look, acceptor},
};
use crate::{http::Peer, router::Router};

/// A client that has connected says what it wants, or goes.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Who takes nothing of an answer for so long has gone, or means harm.
const TAKE: Duration = Duration::from_mins(5);

/// No kernel has more of them wait at a listener, and a flood must not keep the gateway from ending.
const MOST_WAITING: usize = 4096;

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

/// Takes an address, before anything is served; or the socket that somebody else has opened there.
pub async fn bind(
    key: &'static str,
    address: SocketAddr,
    inherited: &mut Inherited,
) -> Result<TcpListener, BindError> {
    let bound = match inherited.take(address) {
        Some(listener) => TcpListener::from_std(listener),
        None => TcpListener::bind(address).await,
    };
    bound.map_err(|error| BindError { key, address, error })
}

/// How many connections there may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Of everybody; others wait.
    pub most: usize,
    /// Of one client; more are closed.
    pub most_per_client: usize,
    /// How long one may be open that nobody uses.
    pub keep_alive: Duration,
}

/// Those who wait in the kernel's queue when a listener closes. The runtime is not asked: it says that nobody waits when
/// others are to have their turn.
fn waiting(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok()).take(MOST_WAITING);
    let accepted = accepted.filter_map(|(stream, peer)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    });
    accepted.collect()
}

/// A connection's places.
type Held = (Place, Option<ClientPlace>);

/// Serves browsers.
#[derive(Clone)]
pub struct Server {
    /// Where requests go: a new one with each configuration, and each request keeps to its own.
    router: Arc<ArcSwap<Router>>,
    tls: Option<TlsAcceptor>,
    http: Http,
    /// Of all listeners together.
    places: Places,
    keep_alive: Duration,
    leaving: Leaving,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

impl Server {
    /// With TLS: HTTP/2 or HTTP/1.1, as browsers wish. Without: HTTP/1.1 only.
    #[must_use]
    pub fn new(
        router: Arc<ArcSwap<Router>>,
        tls: Option<TlsAcceptor>,
        limits: ConnectionLimits,
        leaving: Leaving,
    ) -> Self {
        let metrics = router.load().metrics.clone();
        let places = Places::new(limits.most, limits.most_per_client, metrics);
        Self { router, tls, http: Http::new(), places, keep_alive: limits.keep_alive, leaving }
    }

    /// Takes connections until the gateway closes, then lets those that are there end, but waits no longer than `grace`.
    pub async fn serve(self, (listener, entrance): (TcpListener, Entrance), grace: Duration) {
        let (connections, mut late) = (TaskTracker::new(), None);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.leaving.closing() => break,
            };
            let accepted = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(BREATH).await;
                    continue;
                }
            };
            // Who comes when all places are taken waits, most of them in the kernel's queue.
            tokio::select! {
                place = self.places.take() => self.welcome(accepted, entrance, place, &connections),
                () = self.leaving.closing() => {
                    late = Some(accepted);
                    break;
                }
            }
        }
        let ending = async {
            // Who has been told by the kernel that they are connected is served.
            for accepted in late.into_iter().chain(waiting(listener)) {
                let place = self.places.take().await;
                self.welcome(accepted, entrance, place, &connections);
            }
            connections.close();
            connections.wait().await;
        };
        if timeout(grace, ending).await.is_err() {
            tracing::warn!(connections = connections.len(), "gave up waiting for requests to end");
        }
    }

    /// Serves a connection beside all others.
    fn welcome(
        &self,
        (stream, peer): (TcpStream, SocketAddr),
        entrance: Entrance,
        place: Place,
        connections: &TaskTracker,
    ) {
        let server = self.clone();
        connections.spawn(async move {
            server.connect(stream, peer, entrance, place).await;
        });
    }

    async fn connect(self, stream: TcpStream, peer: SocketAddr, entrance: Entrance, place: Place) {
        // A small answer goes out at once.
        let _ = stream.set_nodelay(true);
        let address = peer.ip().to_canonical();
        match entrance {
            Entrance::Browsers => self.admit(stream, Peer::direct(address), place).await,
            Entrance::Balancers => {
                let router = self.router.load_full();
                match entrance::welcome(stream, address, &router.trusted).await {
                    Ok((stream, peer)) => self.admit(stream, peer, place).await,
                    Err(error) => self.broke(error.code(), address, &error),
                }
            }
        }
    }

    /// Speaks with a client that has not too many connections already.
    async fn admit<S>(&self, stream: S, peer: Peer, place: Place)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // One load balancer is many clients.
        if self.router.load().trusted.has(peer.client) {
            return self.secure(stream, peer, (place, None)).await;
        }
        if let Some(of_client) = self.places.take_for(peer.client) {
            self.secure(stream, peer, (place, Some(of_client))).await;
        }
    }

    /// A connection that ended, and why it was refused if it was: nobody can be answered on it.
    fn broke(&self, code: Option<&'static str>, client: IpAddr, cause: &dyn std::fmt::Display) {
        if let Some(code) = code {
            self.router.load().metrics.count_refused(code);
            tracing::info!(code, %client, %cause, "connection refused");
        } else {
            tracing::debug!(%client, %cause, "a connection broke");
        }
    }

    async fn secure<S>(&self, stream: S, peer: Peer, held: Held)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Each way in a box of its own: else every connection would have room for all of them, for as long as it is open.
        let Some(tls) = &self.tls else {
            return Box::pin(self.speak_http1(stream, peer, held)).await;
        };
        match Box::pin(timeout(HANDSHAKE, tls.accept(stream))).await {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Box::pin(self.speak_http2(stream, peer, held)).await;
            }
            Ok(Ok(stream)) => Box::pin(self.speak_http1(stream, peer, held)).await,
            Ok(Err(error)) => self.broke(tls::reason(&error), peer.client, &error),
            Err(_) => self.broke(Some("tls-late"), peer.client, &"no handshake in time"),
        }
    }
}
