//! The applications behind the gateway: for requests, and for questions about them.

use std::{sync::Arc, time::Duration};

use super::{
    administration::Directories,
    check::rules,
    parts::configured,
    upstreams::{addresses, system_trust},
};
use crate::{
    admin::{AskedApp, Requests},
    clock::Clock,
    config::{AppConfig, Config, Problems, SignOutConfig},
    http::{AppCookies, Origins, Sites},
    keyring::Keyring,
    lifecycle::Background,
    policy::Paths,
    proxy::{Identity, IdentityHeaders, Limits, ManagedHeaders, SingleSignOn, Upstream},
    router::App,
    secrets::Tagger,
    telemetry::{Forwarded, Metrics, Tracer},
};

/// What every application needs.
pub(super) struct Shared {
    pub(super) issuer: Arc<str>,
    pub(super) keyring: Option<Arc<Keyring>>,
    /// Makes the words that cookies name addresses by; none if the master key cannot be read.
    pub(super) nodes: Option<Tagger>,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) tracer: Tracer,
    pub(super) background: Background,
    /// Which configuration it is.
    pub(super) edition: u64,
}

/// Every application, ready for requests.
pub(super) fn applications(
    config: &Config,
    directories: &Directories,
    shared: &Shared,
) -> Result<Vec<App>, Problems> {
    let managed = ManagedHeaders::new(config.apps.iter().map(|app| &app.identity_headers));
    let managed = Arc::new(managed);
    let trust = system_trust()?;
    let cookies = app_cookies(config, &sites(config));
    let apps = config.apps.iter().zip(cookies).enumerate().map(|(index, (app, cookies))| {
        let key = |key: &str| format!("app[{index}].{key}");
        let headers = IdentityHeaders::new(&app.identity_headers, app.kind);
        let headers = configured(&key("identity_headers"), headers)?;
        let name: Arc<str> = app.name.as_str().into();
        let addresses = addresses((index, app), &name, &trust, shared)?;
        let identity = shared.identity(name.clone(), headers);
        let (tracer, background) = (shared.tracer.clone(), shared.background.clone());
        let crowd = SingleSignOn::of(&app.name, &app.crowd);
        let managed = managed.clone();
        let upstream =
            Upstream::new(addresses, identity, crowd, managed, limits(app), tracer, background);
        let mut problems = Problems::default();
        let sign_out = sign_out(index, app, &mut problems);
        let rules = rules(index, app, &mut problems);
        let (Some(rules), Some(sign_out)) = (rules, sign_out) else {
            return Err(problems);
        };
        Ok(App {
            rules: Arc::new(rules),
            upstream: Arc::new(upstream),
            forwarded: Arc::new(Forwarded::new(name.clone(), shared.metrics.clone())),
            name,
            default_groups: app.default_groups.clone(),
            directories: app.directories.iter().map(|name| directories[name]).collect(),
            origins: origins(config, index),
            cookies,
            sign_out,
            account_first: None,
        })
    });
    apps.collect()
}

/// In which cookies each application keeps sessions of its own.
pub(super) fn app_cookies(config: &Config, sites: &Sites) -> Vec<AppCookies> {
    let places = config.apps.iter().zip(sites.places());
    places.map(|(app, (_, place))| AppCookies::new(place, app.sessions.cookies(app.kind))).collect()
}

/// Where people sign out of an application, and of the gateway with it.
pub(super) fn sign_out(index: usize, app: &AppConfig, problems: &mut Problems) -> Option<Paths> {
    let paths = match app.sessions.sign_out {
        SignOutConfig::Everywhere => app.sessions.sign_out_paths(app.kind),
        SignOutConfig::App => Vec::new(),
    };
    let report = |(number, problem)| {
        problems.add(format!("app[{index}].sessions.sign_out_paths[{number}]"), problem);
    };
    Paths::below(app.prefix(), &paths).map_err(report).ok()
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
            edition: self.edition,
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
    let forward_auth = config.forward_auth.is_some();
    Requests { sites: sites.clone(), apps: asked.collect(), ways, hidden_way, forward_auth }
}
