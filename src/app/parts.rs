//! What everything else is made of.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    StartError,
    administration::{Directories, ensure_directories},
    applications::{Shared, sites},
    check::sealer,
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
    passwords::Passwords,
    secrets::{Sealer, Tagger},
    session::{SessionTimes, Sessions},
    store::Store,
    telemetry::{Exporter, Metrics, Tracer},
};

/// What everything else is made of. Each is one, and shared.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) tracer: Tracer,
    pub(super) background: Background,
    pub(super) directories: Directories,
    pub(super) sessions: Arc<Sessions>,
    pub(super) sites: Arc<Sites>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) passwords: Passwords,
    pub(super) clouds: Clouds,
    pub(super) nodes: Tagger,
}

impl Parts {
    /// All of them, and what exports spans if that is wanted.
    pub(super) async fn new(
        config: &Config,
        clock: Clock,
        store: Store,
    ) -> Result<(Self, Option<Exporter>), StartError> {
        let metrics = Metrics::default();
        let directories = ensure_directories(config, &store, &clock).await?;
        let sealer = own_sealer(config)?;
        let times = session_times(config);
        let sessions = Sessions::new(store.clone(), clock.clone(), &sealer, times).await?;
        let keyring = open_keyring(config, &store, &clock).await?;
        let (tracer, exporter) = telemetry::tracer(config, &metrics)?;
        let passwords = passwords(config, &store, &clock, &metrics)?;
        let clouds = open_clouds(config, &clock)?;
        let parts = Self {
            background: background(&metrics),
            sessions: Arc::new(sessions),
            sites: Arc::new(sites(config)),
            keyring: Arc::new(keyring),
            store,
            clock,
            metrics,
            tracer,
            directories,
            passwords,
            clouds,
            nodes: sealer.tagger(NODES),
        };
        Ok((parts, exporter))
    }

    /// What every application needs of them.
    pub(super) fn shared(&self) -> Shared {
        Shared {
            issuer: self.sites.login().origin().into(),
            keyring: Some(self.keyring.clone()),
            nodes: Some(self.nodes.clone()),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            tracer: self.tracer.clone(),
            background: self.background.clone(),
        }
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
    }
}

/// A sealer of somebody's own: it is made of the master key, and cheap.
pub(super) fn own_sealer(config: &Config) -> Result<Sealer, Problems> {
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
