//! What everything else is made of.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use chrono::TimeDelta;

use super::{
    StartError,
    administration::{Directories, ensure_directories},
    applications::{Shared, sites},
    certificates::OwnCertificates,
    check::MasterKeys,
    connectors::{Clouds, open_clouds},
    telemetry,
    upstreams::NODES,
};
use crate::{
    clock::Clock,
    config::{Config, Problems},
    http::Sites,
    keyring::Keyring,
    lifecycle::Background,
    login::Limits,
    passwords::Passwords,
    secrets::{Sealer, Tagger},
    session::{SessionTimes, Sessions},
    store::Store,
    telemetry::{Exporter, Metrics, Tracer},
};

/// What lasts as long as the gateway, whatever its configuration becomes. Each is one, and shared.
#[derive(Debug)]
pub(super) struct Foundation {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) tracer: Tracer,
    pub(super) background: Background,
    pub(super) sessions: Arc<Sessions>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) certificates: OwnCertificates,
    pub(super) limits: Arc<Limits>,
    pub(super) master_keys: MasterKeys,
    editions: AtomicU64,
}

impl Foundation {
    /// All of it, and what exports spans if that is wanted.
    pub(super) async fn lay(
        config: &Config,
        clock: Clock,
        store: Store,
    ) -> Result<(Self, Option<Exporter>), StartError> {
        let metrics = Metrics::default();
        let master_keys = MasterKeys::read(config)?;
        let times = session_times(config);
        let sealer = master_keys.sealer()?;
        let sessions = Sessions::new(store.clone(), clock.clone(), &sealer, times).await?;
        let days = TimeDelta::days(config.secrets.signing_key_days.into());
        let keyring = Keyring::open(store.clone(), sealer, clock.clone(), days).await?;
        let (tracer, exporter) = telemetry::tracer(config, &metrics)?;
        let foundation = Self {
            certificates: OwnCertificates::load(config, clock.now())?,
            background: background(&metrics),
            sessions: Arc::new(sessions),
            keyring: Arc::new(keyring),
            limits: Arc::default(),
            editions: AtomicU64::new(0),
            store,
            clock,
            metrics,
            tracer,
            master_keys,
        };
        Ok((foundation, exporter))
    }
}

/// What everything else is made of. Each is one, and shared.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) tracer: Tracer,
    /// What runs for as long as this configuration does.
    pub(super) background: Background,
    pub(super) directories: Directories,
    pub(super) sessions: Arc<Sessions>,
    pub(super) sites: Arc<Sites>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) passwords: Passwords,
    pub(super) clouds: Clouds,
    pub(super) certificates: OwnCertificates,
    pub(super) limits: Arc<Limits>,
    pub(super) master_keys: MasterKeys,
    /// Makes the words that cookies name addresses of applications by.
    nodes: Tagger,
    /// What runs for as long as the gateway does.
    lasting: Background,
    edition: u64,
}

impl Parts {
    /// All of them, for a configuration of which the work is to run in `background`.
    pub(super) async fn new(
        config: &Config,
        foundation: &Foundation,
        background: Background,
    ) -> Result<Self, StartError> {
        let Foundation { store, clock, metrics, .. } = foundation;
        Ok(Self {
            directories: ensure_directories(config, store, clock).await?,
            passwords: passwords(config, store, clock, metrics)?,
            clouds: open_clouds(config, clock)?,
            sites: Arc::new(sites(config)),
            store: store.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            tracer: foundation.tracer.clone(),
            background,
            sessions: foundation.sessions.clone(),
            keyring: foundation.keyring.clone(),
            certificates: foundation.certificates.clone(),
            limits: foundation.limits.clone(),
            master_keys: foundation.master_keys.clone(),
            nodes: foundation.master_keys.sealer()?.tagger(NODES),
            lasting: foundation.background.clone(),
            edition: foundation.editions.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// What every application needs of them. What has become a tunnel goes on whatever the configuration becomes.
    pub(super) fn shared(&self) -> Shared {
        Shared {
            issuer: self.sites.login().origin().into(),
            keyring: Some(self.keyring.clone()),
            nodes: Some(self.nodes.clone()),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            tracer: self.tracer.clone(),
            background: self.lasting.clone(),
            edition: self.edition,
        }
    }

    /// A sealer of somebody's own: it is made of the master key, and cheap.
    pub(super) fn sealer(&self) -> Result<Sealer, Problems> {
        self.master_keys.sealer()
    }
}

/// What panics in it is counted.
fn background(metrics: &Metrics) -> Background {
    let metrics = metrics.clone();
    Background::default().heard_by(move |work| metrics.count_panic(work))
}

pub(super) fn session_times(config: &Config) -> SessionTimes {
    SessionTimes {
        idle: TimeDelta::seconds(config.session.idle_timeout_seconds.into()),
        absolute: TimeDelta::seconds(config.session.absolute_timeout_seconds.into()),
        outage: TimeDelta::seconds(config.session.outage_timeout_seconds.into()),
    }
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

/// A problem that only comes up when something is put to use.
pub(super) fn configured<T, E: std::fmt::Display>(
    key: &str,
    result: Result<T, E>,
) -> Result<T, Problems> {
    let mut problems = Problems::default();
    problems.check(key, result).ok_or(problems)
}
