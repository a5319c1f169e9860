//! The applications behind the gateway: for requests, and for questions about them.

use std::{sync::Arc, time::Duration};

use super::{administration::Directories, check::rules, start::configured};
use crate::{
    admin::{AskedApp, Requests},
    clock::Clock,
    config::{AppConfig, Config, Problems},
    http::{Origins, Sites},
    keyring::Keyring,
    lifecycle::Background,
    proxy::{Identity, IdentityHeaders, Limits, ManagedHeaders, Target, Upstream},
    router::App,
    server,
    telemetry::{Metrics, Tracer},
};

/// What every application needs.
pub(super) struct Shared {
    pub(super) issuer: Arc<str>,
    pub(super) keyring: Option<Arc<Keyring>>,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) tracer: Tracer,
    pub(super) background: Background,
}

/// Every application, ready for requests.
pub(super) fn applications(
    config: &Config,
    directories: &Directories,
    shared: &Shared,
) -> Result<Vec<App>, Problems> {
    let managed = ManagedHeaders::new(config.apps.iter().map(|app| &app.identity_headers));
    let managed = Arc::new(managed);
    let trust = configured("app.upstream", server::trust())?;
    let apps = config.apps.iter().enumerate().map(|(index, app)| {
        let key = |key: &str| format!("app[{index}].{key}");
        let target = configured(&key("upstream"), Target::new(&app.upstream, &trust))?;
        let headers = IdentityHeaders::new(&app.identity_headers, app.kind);
        let headers = configured(&key("identity_headers"), headers)?;
        let name: Arc<str> = app.name.as_str().into();
        let identity = shared.identity(name.clone(), headers);
        let (tracer, background) = (shared.tracer.clone(), shared.background.clone());
        let upstream =
            Upstream::new(target, identity, managed.clone(), limits(app), tracer, background);
        let mut problems = Problems::default();
        let rules = rules(index, app, &mut problems).ok_or(problems)?;
        Ok(application(app, name, rules, upstream, directories, origins(config, index)))
    });
    apps.collect()
}

impl Shared {
    fn identity(&self, app: Arc<str>, headers: IdentityHeaders) -> Identity {
        Identity {
            headers,
            app,
            issuer: self.issuer.clone(),
            keyring: self.keyring.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        }
    }
}

fn limits(app: &AppConfig) -> Limits {
    Limits {
        max_head_bytes: app.max_upstream_head_bytes,
        patience: Duration::from_secs(app.answer_timeout_seconds.into()),
    }
}

/// Whose pages may change things at an application: if nothing else is said, those of all applications,
/// which link to one another and trust each other.
fn origins(config: &Config, index: usize) -> Origins {
    let app = &config.apps[index];
    match &app.allowed_origins {
        Some(origins) => Origins::new(&app.url, origins.iter()),
        None => Origins::new(&app.url, config.apps.iter().map(|app| &app.url)),
    }
}

fn application(
    app: &AppConfig,
    name: Arc<str>,
    rules: crate::policy::Rules,
    upstream: Upstream,
    directories: &Directories,
    origins: Origins,
) -> App {
    App {
        rules: Arc::new(rules),
        upstream: Arc::new(upstream),
        name,
        default_groups: app.default_groups.clone(),
        directories: app.directories.iter().map(|name| directories[name]).collect(),
        origins,
        account_first: None,
    }
}

/// The places of the login host and of every application.
pub(super) fn sites(config: &Config) -> Sites {
    let apps = config.apps.iter().map(|app| (app.name.as_str(), &app.url));
    Sites::new(&config.server.login_url, apps)
}

/// What requests meet, for questions about them.
pub(super) fn requests(config: &Config, sites: &Arc<Sites>, apps: &[App]) -> Requests {
    let asked = apps.iter().map(|app| AskedApp {
        rules: app.rules.clone(),
        upstream: app.upstream.clone(),
        directories: app.directories.clone(),
        origins: app.origins.clone(),
    });
    let ways = config.ways_to_sign_in().into_iter().map(str::to_owned).collect();
    let hidden_way = config.hidden_way_to_sign_in();
    Requests { sites: sites.clone(), apps: asked.collect(), ways, hidden_way }
}
