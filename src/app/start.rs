//! Starting all of it.

use std::{sync::Arc, time::Duration};

use super::{
    background,
    check::{check, warnings},
    doors::Doors,
    gateway::{Deaf, Gateway},
    generation::Generation,
    parts::{Foundation, configured},
    reload::Current,
    upstreams,
};
use crate::{
    admin,
    clock::Clock,
    config::{Config, Problems},
    keyring::KeyringError,
    lifecycle::Orders,
    server::{
        self, ConnectionLimits, Inherited, InternalServer, Leaving, Readiness, Server, raise_limits,
    },
    store::{Store, StoreError, StoreOptions},
};

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration, or a file that it names.
    #[error("{0}")]
    Configuration(#[from] Problems),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys that sign.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// An address.
    #[error(transparent)]
    Bind(#[from] server::BindError),
    /// The control socket.
    #[error(transparent)]
    Socket(#[from] admin::SocketError),
    /// It had started, and nobody listens any more.
    #[error(transparent)]
    Deaf(#[from] Deaf),
}

/// Makes everything ready, or says what is wrong with it. Addresses are taken, and not yet served.
pub async fn start(config: &Config, clock: Clock) -> Result<Gateway, StartError> {
    start_with(config, clock, Inherited::none()).await
}

/// The same, with sockets that somebody else has opened.
pub async fn start_with(
    config: &Config,
    clock: Clock,
    inherited: Inherited,
) -> Result<Gateway, StartError> {
    raise_limits();
    check(config, clock.now())?;
    for warning in warnings(config).lines() {
        tracing::warn!(%warning, "probably not meant");
    }
    let store = Store::open(&store_options(config)?).await?;
    let doors = Doors::open(config, inherited).await?;
    assemble(config, clock, store, doors).await
}

/// How the database is opened.
pub(crate) fn store_options(config: &Config) -> Result<StoreOptions, Problems> {
    let mut problems = Problems::default();
    let password = config.store.password.as_ref().map(crate::config::SecretSource::read);
    let password = problems.check("store.password", password.transpose());
    problems.into_result()?;
    Ok(StoreOptions { url: config.store.url.clone(), password: password.flatten() })
}

async fn assemble(
    config: &Config,
    clock: Clock,
    store: Store,
    doors: Doors,
) -> Result<Gateway, StartError> {
    let (foundation, exporter) = Foundation::lay(config, clock, store).await?;
    background::begin(config, &foundation).await?;
    let generation = Generation::begin(config, &foundation, None).await?;
    let current = Current::new(config.clone(), generation);
    let (readiness, leaving) = (Readiness::default(), Leaving::default());
    Ok(Gateway {
        server: server(config, &foundation, &current, leaving.clone())?,
        internal: internal_server(config, &foundation, &current, &readiness)?,
        orders: Orders::channel(),
        doors,
        exporter,
        readiness,
        leaving,
        foundation,
        current,
    })
}

/// What serves browsers.
fn server(
    config: &Config,
    foundation: &Foundation,
    current: &Current,
    leaving: Leaving,
) -> Result<Server, Problems> {
    let certificates = foundation.certificates.browsers.clone();
    let http2 = config.server.http2;
    let tls = certificates.map(|certificates| server::acceptor(certificates, http2));
    let tls = configured("server.tls", tls.transpose())?;
    let limits = ConnectionLimits {
        most: config.server.max_connections,
        most_per_client: config.server.max_connections_per_client(),
        keep_alive: Duration::from_secs(config.server.keep_alive_seconds),
    };
    Ok(Server::new(current.router.clone(), tls, limits, leaving))
}

/// What serves machines.
fn internal_server(
    config: &Config,
    foundation: &Foundation,
    current: &Current,
    readiness: &Readiness,
) -> Result<InternalServer, Problems> {
    // HTTP/1.1 only: some who ask read nothing else.
    let certificates = foundation.certificates.machines.clone();
    let tls = certificates.map(|certificates| server::acceptor(certificates, false));
    let tls = configured("server.internal_tls", tls.transpose())?;
    let (metrics, most) = (foundation.metrics.clone(), config.server.max_connections);
    let sessions = foundation.sessions.clone();
    let routes = server::internal_routes(readiness.clone(), metrics.clone(), sessions)
        .merge(upstreams::status(&current.router));
    Ok(InternalServer::new(routes, Arc::clone(&current.asked), tls, most, metrics))
}
