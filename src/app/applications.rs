//! The applications behind the gateway: for requests, and for questions about them.

use std::sync::Arc;

use super::{administration::Directories, check::rules, start::configured};
use crate::{
    admin::{AskedApp, Requests},
    config::{AppConfig, Config, Problems},
    http::Sites,
    lifecycle::Background,
    proxy::{IdentityHeaders, ManagedHeaders, Target, Upstream},
    router::App,
    server,
};

/// Every application, ready for requests.
pub(super) fn applications(
    config: &Config,
    directories: &Directories,
    background: &Background,
) -> Result<Vec<App>, Problems> {
    let managed = ManagedHeaders::new(config.apps.iter().map(|app| &app.identity_headers));
    let managed = Arc::new(managed);
    let trust = configured("app.upstream", server::trust())?;
    let apps = config.apps.iter().enumerate().map(|(index, app)| {
        let key = |key: &str| format!("app[{index}].{key}");
        let target = configured(&key("upstream"), Target::new(&app.upstream, &trust))?;
        let identity = IdentityHeaders::new(&app.identity_headers);
        let identity = configured(&key("identity_headers"), identity)?;
        let upstream = Upstream::new(target, identity, managed.clone(), background.clone());
        let mut problems = Problems::default();
        let rules = rules(index, app, &mut problems).ok_or(problems)?;
        Ok(application(app, rules, upstream, directories))
    });
    apps.collect()
}

fn application(
    app: &AppConfig,
    rules: crate::policy::Rules,
    upstream: Upstream,
    directories: &Directories,
) -> App {
    App {
        rules: Arc::new(rules),
        upstream: Arc::new(upstream),
        name: app.name.clone(),
        default_groups: app.default_groups.clone(),
        directories: app.directories.iter().map(|name| directories[name]).collect(),
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
    });
    let ways = config.ways_to_sign_in().into_iter().map(str::to_owned).collect();
    Requests { sites: sites.clone(), apps: asked.collect(), ways }
}
