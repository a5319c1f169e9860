//! A new configuration, while the gateway runs.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;

use super::{
    certificates::OwnCertificates,
    check::{check, warnings},
    generation::{Generation, Known},
    parts::Foundation,
    upstreams::take_over,
};
use crate::{
    config::{Config, Problems},
    lifecycle::Reloaded,
    router::Router,
    server::Asked,
    telemetry::{LogLevel, Metrics},
};

/// Where the configuration comes from, and what it says of the log.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) log_level: LogLevel,
}

/// What the gateway is made of by its configuration, in places where another one can be put.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) config: Config,
    pub(super) router: Arc<ArcSwap<Router>>,
    pub(super) asked: Arc<ArcSwap<Asked>>,
    pub(super) control: Arc<ArcSwap<axum::Router>>,
    pub(super) source: Option<Source>,
    generation: Generation,
}

impl Current {
    pub(super) fn new(config: Config, generation: Generation) -> Self {
        take_over(&generation.router.apps, &[]);
        Self {
            config,
            router: Arc::new(ArcSwap::new(generation.router.clone())),
            asked: Arc::new(ArcSwap::new(generation.asked.clone())),
            control: Arc::new(ArcSwap::from_pointee(generation.admin.clone().routes())),
            source: None,
            generation,
        }
    }

    /// Reads the configuration again, and puts what it makes in the place of what is there. If anything is wrong with it,
    /// nothing changes. Requests that are under way end as they have begun; connections, sessions and what was counted stay.
    pub(super) async fn reload(&mut self, foundation: &Foundation) -> Result<Reloaded, String> {
        let Some(Source { path, log_level }) = &self.source else {
            return Err("this gateway was not started from a file".to_owned());
        };
        let file = path.display();
        let refuse = |problems: Problems| format!("{file} has problems:\n{problems}");
        let (config, differences) = Config::load(path).map_err(refuse)?.succeed(&self.config);
        config.check_again().map_err(|problems| {
            let stays = differences.at_start.join(", ");
            format!(
                "{file} wants a restart, for with {stays} as before it has problems:\n{problems}"
            )
        })?;
        let now = foundation.clock.now();
        check(&config, now).map_err(refuse)?;
        foundation.master_keys.refuse_others(&config).map_err(refuse)?;
        for warning in warnings(&config).lines() {
            tracing::warn!(%warning, "probably not meant");
        }
        let certificates = OwnCertificates::load(&config, now).map_err(refuse)?;
        let login = &self.generation.router.login;
        let known = Known { config: &self.config, login };
        let next = Box::pin(Generation::begin(&config, foundation, Some(known))).await;
        let next = next.map_err(|error| error.to_string())?;
        // Nothing is in the way any more: from here on, nothing can fail. The log's words were looked at by `check`.
        foundation.certificates.replace_by(&certificates, &foundation.metrics.listening);
        let _ = log_level.set(&config.telemetry.log_level);
        self.put(config, next, &foundation.metrics);
        Ok(Reloaded { changed: differences.now, needs_restart: differences.at_start })
    }

    fn put(&mut self, config: Config, next: Generation, metrics: &Metrics) {
        take_over(&next.router.apps, &self.generation.router.apps);
        self.router.store(next.router.clone());
        self.asked.store(next.asked.clone());
        self.control.store(Arc::new(next.admin.clone().routes()));
        std::mem::replace(&mut self.generation, next).end();
        let before = std::mem::replace(&mut self.config, config);
        let now = &self.config.connectors;
        for old in before.connectors.iter().filter(|old| now.iter().all(|it| it.name != old.name)) {
            metrics.connectors.forget_connector(&old.name);
        }
    }
}
