//! Starting all of it.

use std::{sync::Arc, time::Duration};

use tokio_rustls::TlsAcceptor;

use super::{
    administration::admin,
    alarms::watch_alarms,
    applications::{applications, requests},
    background,
    chains::chains,
    check::{check, warnings},
    connectors::{connectors, run_when_due},
    crowd::{crowd, internal_server, put_accounts_first},
    gateway::{Deaf, Doors, Gateway},
    hints::{ears, follow_hints},
    metadata,
    parts::{Parts, configured},
    signing_in::login,
    upstreams::look_after,
};
use crate::{
    admin::{self, Admin},
    clock::Clock,
    config::{Config, Problems, ServerConfig},
    hints::Ears,
    http::{Pages, TrustedProxies},
    keyring::KeyringError,
    login::Login,
    router::{App, Router, own_routes},
    server::{self, Readiness, Server},
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
    check(config, clock.now())?;
    for warning in warnings(config).lines() {
        tracing::warn!(%warning, "probably not meant");
    }
    let store = Store::open(&store_options(config)?).await?;
    let doors = Doors::open(config).await?;
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
    let (parts, exporter) = Parts::new(config, clock, store).await?;
    let login = Arc::new(login(config, &parts)?);
    metadata::follow(&config.saml, &login, &parts.clock, &parts.background);

    let mut apps = applications(config, &parts.directories, &parts.shared())?;
    let admin = running_admin(config, &parts, &apps);
    admin.keep_up(&parts.background);
    run_when_due(&admin.connectors, &parts.store, &parts.clock, &parts.background);
    follow_hints(&admin.connectors, &parts);
    let ears = ears(config, &parts).await?;
    watch_alarms(config, &parts, &admin, &login);
    let crowd = crowd(config, &parts)?;
    put_accounts_first(&mut apps, &crowd);
    background::begin(config, &parts).await?;

    let readiness = Readiness::default();
    let health =
        server::internal_routes(readiness.clone(), parts.metrics.clone(), parts.sessions.clone())
            .merge(look_after(config, &parts.sites, &apps));
    let tls = browsers_tls(config)?;
    let router = Arc::new(router(config, &parts, login, ears, apps));
    Ok(Gateway {
        internal: internal_server(config, crowd, &router, health)?,
        server: Server::new(router, tls, config.server.max_connections),
        doors,
        admin,
        exporter,
        grace: Duration::from_secs(config.server.shutdown_grace_seconds),
        readiness,
        background: parts.background,
        sessions: parts.sessions,
        store: parts.store,
    })
}

/// What administrators act on. A gateway that runs can also follow a request to the application.
fn running_admin(config: &Config, parts: &Parts, apps: &[App]) -> Admin {
    let Parts { store, clock, directories, passwords, .. } = parts;
    let requests = requests(config, &parts.sites, apps);
    let metrics = &parts.metrics.connectors;
    let connectors = connectors(config, directories, &parts.clouds, metrics);
    Admin {
        chains: chains(config, directories, Some(parts.sessions.clone())),
        ..admin(config, store, clock, directories, requests, passwords.clone(), connectors)
    }
}

/// What browsers are spoken to with.
fn browsers_tls(config: &Config) -> Result<Option<TlsAcceptor>, Problems> {
    let accept = |tls| server::acceptor(tls, config.server.http2);
    let tls = config.server.tls.as_ref().map(accept).transpose();
    configured("server.tls", tls)
}

/// What leads requests to applications.
fn router(
    config: &Config,
    parts: &Parts,
    login: Arc<Login>,
    ears: Arc<Ears>,
    apps: Vec<App>,
) -> Router {
    let ServerConfig { tls, trusted_proxies, .. } = &config.server;
    Router {
        sites: parts.sites.clone(),
        proxied_only: tls.is_none() && !trusted_proxies.is_empty(),
        trusted: TrustedProxies::new(trusted_proxies.clone()),
        sessions: parts.sessions.clone(),
        login: login.clone(),
        apps,
        own: own_routes(login, parts.keyring.clone(), ears),
        pages: Pages::new(parts.sites.clone()),
        metrics: parts.metrics.clone(),
        tracer: parts.tracer.clone(),
        clock: parts.clock.clone(),
    }
}
