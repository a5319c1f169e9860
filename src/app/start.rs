//! Starting and stopping all of it.

use std::{future::Future, sync::Arc, time::Duration};

use chrono::TimeDelta;
use tokio::{net::TcpListener, net::UnixListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    administration::{admin, ensure_directories, policy, targets},
    applications::{Shared, app_cookies, applications, requests, sites},
    chains::chains,
    check::{check, identity_provider, sealer, service_provider, warnings},
    crowd::{crowd_applications, put_accounts_first},
    metadata, telemetry,
};
use crate::{
    admin::{self, Admin},
    clock::Clock,
    config::{Config, MetadataSource, Problems},
    crowd::{Copies, Crowd, CrowdServer, deliver_webhooks},
    http::{Pages, TrustedProxies},
    kerberos::Acceptor,
    keyring::{Keyring, KeyringError},
    lifecycle::Background,
    login::{Forms, Limits, Login, Provider, Tickets},
    passwords::Passwords,
    provisioning::{Mapping, Realms},
    router::{Router, own_routes},
    secrets::Sealer,
    server::{self, Entrance, InternalServer, Readiness, Server},
    session::{SessionTimes, Sessions},
    store::{Store, StoreError, StoreOptions},
    sync,
    telemetry::{Exporter, Metrics},
};

/// An ending reaches every replica within a second.
const LOOK_FOR_ENDINGS: Duration = Duration::from_millis(500);

/// How often is written who was seen.
const WRITE_SEEN: Duration = Duration::from_mins(1);

/// How often is looked for plans that another gateway has left.
const LOOK_FOR_PLANS: Duration = Duration::from_secs(30);

/// A key that was retired is worth nothing within seconds, on every replica.
const LOOK_FOR_KEYS: Duration = Duration::from_secs(5);

/// How often what has expired is deleted.
const PURGE: Duration = Duration::from_mins(10);

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
}

/// A gateway that has everything it needs.
#[derive(Debug)]
pub struct Gateway {
    server: Server,
    listeners: Vec<(TcpListener, Entrance)>,
    internal: (TcpListener, InternalServer),
    control: (UnixListener, Admin),
    exporter: Option<Exporter>,
    sessions: Arc<Sessions>,
    store: Store,
    readiness: Readiness,
    background: Background,
    grace: Duration,
}

/// Makes everything ready, or says what is wrong with it. Addresses are taken, and not yet served.
pub async fn start(config: &Config, clock: Clock) -> Result<Gateway, StartError> {
    check(config, clock.now())?;
    for warning in warnings(config).lines() {
        tracing::warn!(%warning, "probably not meant");
    }
    let mut problems = Problems::default();
    let sealer = sealer(config, &mut problems);
    problems.into_result()?;
    let sealer = sealer.ok_or_else(Problems::default)?;

    let store = Store::open(&store_options(config)?).await?;
    let doors = Doors {
        listeners: bind_all(config).await?,
        internal: server::bind("server.internal_listen", config.server.internal_listen).await?,
        control: admin::bind_socket(&config.admin.socket).await?,
    };
    assemble(config, clock, sealer, store, doors).await
}

/// How the database is opened.
pub(crate) fn store_options(config: &Config) -> Result<StoreOptions, Problems> {
    let mut problems = Problems::default();
    let password = config.store.password.as_ref().map(crate::config::SecretSource::read);
    let password = problems.check("store.password", password.transpose());
    problems.into_result()?;
    Ok(StoreOptions { url: config.store.url.clone(), password: password.flatten() })
}

async fn bind_all(config: &Config) -> Result<Vec<(TcpListener, Entrance)>, server::BindError> {
    let mut listeners = Vec::new();
    for address in &config.server.listen {
        listeners.push((server::bind("server.listen", *address).await?, Entrance::Browsers));
    }
    for address in &config.server.proxy_protocol_listen {
        let listener = server::bind("server.proxy_protocol_listen", *address).await?;
        listeners.push((listener, Entrance::Balancers));
    }
    Ok(listeners)
}

/// Where the gateway listens.
struct Doors {
    listeners: Vec<(TcpListener, Entrance)>,
    internal: TcpListener,
    control: UnixListener,
}

async fn assemble(
    config: &Config,
    clock: Clock,
    sealer: Sealer,
    store: Store,
    doors: Doors,
) -> Result<Gateway, StartError> {
    let background = Background::default();
    let metrics = Metrics::default();
    let readiness = Readiness::default();
    let directories = ensure_directories(config, &store, &clock).await?;
    let times = session_times(config);
    let sessions = Arc::new(Sessions::new(store.clone(), clock.clone(), &sealer, times).await?);
    let sites = Arc::new(sites(config));
    let keyring = Arc::new(open_keyring(config, &store, &clock).await?);
    let (tracer, exporter) = telemetry::tracer(config, &metrics)?;
    let passwords = passwords(config, &store, &clock, &metrics)?;

    let login = Arc::new(Login {
        sites: sites.clone(),
        app_cookies: app_cookies(config, &sites),
        sessions: sessions.clone(),
        store: store.clone(),
        clock: clock.clone(),
        sealer,
        service_provider: configured("server.login_url", service_provider(config))?,
        providers: providers(config, &clock)?,
        tickets: tickets(config)?,
        passwords: passwords.clone(),
        targets: targets(config, &directories),
        policy: policy(config),
        metrics: metrics.clone(),
        tracer: tracer.clone(),
        limits: Limits::default(),
        forms: Forms::new(config.session.max_saved_post_bytes),
    });
    metadata::follow(&config.saml, &login, &clock, &background);

    let shared = Shared {
        issuer: sites.login().origin().into(),
        keyring: Some(keyring.clone()),
        clock: clock.clone(),
        metrics: metrics.clone(),
        tracer: tracer.clone(),
        background: background.clone(),
    };
    let mut apps = applications(config, &directories, &shared)?;
    let requests = requests(config, &sites, &apps);
    let admin = Admin {
        chains: chains(config, &directories, Some(sessions.clone())),
        ..admin(config, &store, &clock, &directories, requests, passwords.clone())
    };
    admin.keep_up(&background);
    go_on_with_plans(&store, &clock, &background).await?;

    let crowd = Arc::new(Crowd {
        store: store.clone(),
        clock: clock.clone(),
        sessions: sessions.clone(),
        passwords: passwords.clone(),
        managed_groups: policy(config).managed_groups,
        applications: crowd_applications(config, &directories),
        copies: Arc::new(Copies::new(store.clone(), clock.clone(), background.clone())),
        sealer: Arc::new(own_sealer(config)?),
        trusted: TrustedProxies::new(config.server.trusted_proxies.clone()),
        metrics: metrics.clone(),
        background: background.clone(),
    });
    put_accounts_first(&mut apps, &crowd);
    if !crowd.applications.is_empty() {
        deliver_webhooks(&crowd);
    }

    let accept = |tls| server::acceptor(tls, config.server.http2);
    let tls = config.server.tls.as_ref().map(accept).transpose();
    let tls = configured("server.tls", tls)?;
    let router = Router {
        sites: sites.clone(),
        proxied_only: tls.is_none() && !config.server.trusted_proxies.is_empty(),
        trusted: TrustedProxies::new(config.server.trusted_proxies.clone()),
        sessions: sessions.clone(),
        login: login.clone(),
        apps,
        own: own_routes(login, keyring.clone()),
        pages: Pages::new(sites),
        metrics: metrics.clone(),
        tracer,
        clock: clock.clone(),
    };
    follow_keys(keyring, &background);
    let health = server::internal_routes(readiness.clone(), metrics, sessions.clone());
    Ok(Gateway {
        server: Server::new(Arc::new(router), tls, config.server.max_connections),
        listeners: doors.listeners,
        internal: (doors.internal, internal_server(config, crowd, health)?),
        control: (doors.control, admin),
        exporter,
        grace: Duration::from_secs(config.server.shutdown_grace_seconds),
        readiness,
        background: work(background, &sessions, &store, &clock, &retention(config)),
        sessions,
        store,
    })
}

/// Passwords, as the configuration says.
pub(super) fn passwords(
    config: &Config,
    store: &Store,
    clock: &Clock,
    metrics: &Metrics,
) -> Result<Passwords, Problems> {
    let passwords =
        Passwords::new(&config.passwords, store.clone(), clock.clone(), metrics.clone());
    configured("passwords", passwords)
}

/// What machines are served by.
fn internal_server(
    config: &Config,
    crowd: Arc<Crowd>,
    health: axum::Router,
) -> Result<InternalServer, Problems> {
    // HTTP/1.1 only: some who ask read nothing else.
    let tls = config.server.internal_tls.as_ref().map(|tls| server::acceptor(tls, false));
    let tls = configured("server.internal_tls", tls.transpose())?;
    let asked = config.apps.iter().any(|app| !app.crowd.is_empty());
    let secure = tls.is_some() || config.server.internal_encrypted_elsewhere;
    let crowd = asked.then(|| CrowdServer::new(crowd, secure));
    Ok(InternalServer::new(health, crowd, tls, config.server.max_connections))
}

fn session_times(config: &Config) -> SessionTimes {
    SessionTimes {
        idle: TimeDelta::seconds(config.session.idle_timeout_seconds.into()),
        absolute: TimeDelta::seconds(config.session.absolute_timeout_seconds.into()),
    }
}

/// How long what nobody needs any more is kept.
struct Retention {
    /// Sessions that nobody uses.
    sessions: TimeDelta,
    /// Changes; for ever, if nothing is said.
    changes: Option<TimeDelta>,
}

fn retention(config: &Config) -> Retention {
    Retention {
        sessions: session_times(config).idle,
        changes: config.store.keep_changes_days.map(|days| TimeDelta::days(days.into())),
    }
}

/// A problem that only comes up when something is put to use.
pub(super) fn configured<T, E: std::fmt::Display>(
    key: &str,
    result: Result<T, E>,
) -> Result<T, Problems> {
    let mut problems = Problems::default();
    problems.check(key, result).ok_or(problems)
}

fn providers(config: &Config, clock: &Clock) -> Result<Vec<Provider>, Problems> {
    let mut problems = Problems::default();
    let mut providers = Vec::new();
    for (index, saml) in config.saml.iter().enumerate() {
        let mapping = Mapping::new(&saml.name, &saml.domains, &saml.claims);
        let mapping = configured(&format!("saml[{index}].claims"), mapping)?;
        let provider = Provider::new(saml, mapping);
        if let MetadataSource::File(_) = saml.metadata {
            let metadata = identity_provider(saml, clock.now());
            if let Some(metadata) = problems.check(format!("saml[{index}].metadata"), metadata) {
                provider.know(metadata);
            }
        }
        providers.push(provider);
    }
    problems.into_result().map(|()| providers)
}

fn tickets(config: &Config) -> Result<Option<Tickets>, Problems> {
    let Some(kerberos) = &config.kerberos else {
        return Ok(None);
    };
    let acceptor = Acceptor::start(&kerberos.keytab, kerberos.threads);
    let acceptor = configured("kerberos.keytab", acceptor)?;
    let realms = Realms::new(&kerberos.realm).map_err(|(index, problem)| {
        let mut problems = Problems::default();
        problems.add(format!("kerberos.realm[{index}]"), problem);
        problems
    })?;
    Ok(Some(Tickets { acceptor, realms }))
}

/// A sealer of somebody's own: it is made of the master key, and cheap.
fn own_sealer(config: &Config) -> Result<Sealer, Problems> {
    let mut problems = Problems::default();
    sealer(config, &mut problems).ok_or(problems)
}

async fn open_keyring(
    config: &Config,
    store: &Store,
    clock: &Clock,
) -> Result<Keyring, StartError> {
    let sealer = own_sealer(config)?;
    let days = TimeDelta::days(config.secrets.signing_key_days.into());
    Ok(Keyring::open(store.clone(), sealer, clock.clone(), days).await?)
}

fn follow_keys(keyring: Arc<Keyring>, background: &Background) {
    background.every(LOOK_FOR_KEYS, move || {
        let keyring = keyring.clone();
        async move {
            report("look for signing keys", keyring.follow().await);
        }
    });
}

/// Takes up plans that were left when a gateway ended: now, and later those of other gateways.
async fn go_on_with_plans(
    store: &Store,
    clock: &Clock,
    background: &Background,
) -> Result<(), StoreError> {
    // Nobody can have begun one yet that this gateway would take for left.
    let alone = matches!(store, Store::Sqlite { .. });
    let left = sync::left_plans(store, clock, alone).await?;
    let (first_store, first_clock) = (store.clone(), clock.clone());
    background.spawn(async move {
        report("apply plans", sync::go_on(&first_store, &first_clock, left).await);
    });
    let (store, clock) = (store.clone(), clock.clone());
    background.every(LOOK_FOR_PLANS, move || {
        let (store, clock) = (store.clone(), clock.clone());
        async move {
            let left = sync::left_plans(&store, &clock, false).await;
            if let Some(left) = report("look for plans", left) {
                report("apply plans", sync::go_on(&store, &clock, left).await);
            }
        }
    });
    Ok(())
}

/// What runs besides requests.
fn work(
    background: Background,
    sessions: &Arc<Sessions>,
    store: &Store,
    clock: &Clock,
    &Retention { sessions: idle, changes: keep }: &Retention,
) -> Background {
    let forgetting = sessions.clone();
    background.every(LOOK_FOR_ENDINGS, move || {
        let sessions = forgetting.clone();
        async move {
            report("look for ended sessions", sessions.forget_ended().await);
        }
    });
    let writing = sessions.clone();
    background.every(WRITE_SEEN, move || {
        let sessions = writing.clone();
        async move {
            report("write down who was seen", sessions.write_seen().await);
        }
    });
    let (store, clock) = (store.clone(), clock.clone());
    background.every(PURGE, move || {
        let (store, now) = (store.clone(), clock.now());
        async move {
            report("delete what has expired", store.delete_expired(now, now - idle).await);
            if let Some(keep) = keep {
                report("delete old changes", store.delete_changes_before(now - keep).await);
            }
        }
    });
    background
}

/// What fails now is tried again the next time.
fn report<T, E: std::fmt::Display>(work: &str, result: Result<T, E>) -> Option<T> {
    let failed = |error: &E| tracing::error!(%error, work, "background work failed");
    result.inspect_err(failed).ok()
}

impl Gateway {
    /// Serves until `stop` is ready, then lets running requests end.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        let (stopping, closing) = (CancellationToken::new(), CancellationToken::new());
        let mut servers = JoinSet::new();
        for listener in self.listeners {
            servers.spawn(self.server.clone().serve(listener, stopping.clone(), self.grace));
        }
        let mut others = JoinSet::new();
        let (listener, internal) = self.internal;
        others.spawn(internal.serve(listener, closing.clone(), self.grace));
        let (socket, admin) = self.control;
        others.spawn(admin::serve_socket(socket, admin, closing.clone()));
        if let Some(exporter) = self.exporter {
            others.spawn(exporter.run(closing.clone()));
        }
        self.readiness.begin();
        tracing::info!("ready");

        stop.await;
        tracing::info!("stopping");
        self.readiness.end();
        stopping.cancel();
        // Tunnels end with the background work, not by themselves.
        self.background.stop();
        servers.join_all().await;
        self.background.shut_down(self.grace).await;
        report("write down who was seen", self.sessions.write_seen().await);
        closing.cancel();
        let _ = tokio::time::timeout(self.grace, others.join_all()).await;
        self.store.close().await;
        tracing::info!("stopped");
    }
}
