//! The Crowd server, from the configuration.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    administration::{Directories, policy},
    parts::Parts,
};
use crate::{
    config::{AppConfig, Config, CrowdConfig, NewAccounts, Problems},
    crowd::{
        AccountFirst, Application, Applications, CookieSettings, Copies, Crowd, CrowdServer,
        deliver_webhooks,
    },
    http::TrustedProxies,
    router::App,
};

/// All that applications ask.
pub(super) fn crowd(config: &Config, parts: &Parts) -> Result<Arc<Crowd>, Problems> {
    let Parts { store, clock, background, metrics, .. } = parts;
    let crowd = Arc::new(Crowd {
        store: store.clone(),
        clock: clock.clone(),
        sessions: parts.sessions.clone(),
        passwords: parts.passwords.clone(),
        managed_groups: policy(config).managed_groups,
        applications: crowd_applications(config, &parts.directories),
        copies: Arc::new(Copies::new(store.clone(), clock.clone(), background.clone())),
        sealer: Arc::new(parts.sealer()?),
        trusted: TrustedProxies::new(config.server.trusted_proxies.clone()),
        metrics: metrics.clone(),
        background: background.clone(),
    });
    if !crowd.applications.is_empty() {
        deliver_webhooks(&crowd);
    }
    Ok(crowd)
}

/// What answers them, if any may ask.
pub(super) fn crowd_server(config: &Config, crowd: Arc<Crowd>) -> Option<CrowdServer> {
    let asked = config.apps.iter().any(|app| !app.crowd.is_empty());
    let server = &config.server;
    let secure = server.internal_tls.is_some() || server.internal_encrypted_elsewhere;
    asked.then(|| CrowdServer::new(crowd, secure))
}

/// Every application that may ask.
pub(super) fn crowd_applications(config: &Config, directories: &Directories) -> Applications {
    let apps = config.apps.iter().enumerate();
    let all = apps.flat_map(|(index, app)| app.crowd.iter().map(move |crowd| (index, app, crowd)));
    Applications::new(
        all.map(|(index, app, crowd)| application(index, app, crowd, directories)).collect(),
    )
}

fn application(
    index: usize,
    app: &AppConfig,
    crowd: &CrowdConfig,
    directories: &Directories,
) -> Application {
    let names = crowd.directories.as_ref().unwrap_or(&app.directories);
    let host = app.url.host_str().unwrap_or_default();
    Application {
        name: Arc::from(crowd.application(&app.name)),
        app: index,
        directories: names.iter().map(|name| directories[name]).collect(),
        credentials: crowd.credentials.clone(),
        networks: crowd.networks.clone(),
        single_sign_on: crowd.single_sign_on,
        cookie: CookieSettings {
            name: crowd.cookie.clone(),
            domain: host.to_owned(),
            secure: app.url.scheme() == "https",
        },
        sessions_without_password: crowd.sessions_without_password,
        sign_out: app.sessions.sign_out,
        writable: crowd.writable,
        new_accounts: crowd.new_accounts.unwrap_or_else(|| new_accounts(app)),
        account_wait: TimeDelta::seconds(crowd.account_wait_seconds.into()),
    }
}

/// An app that is signed in to with Crowd's cookie asks for everybody who comes, in whichever of its directories
/// they are.
fn new_accounts(app: &AppConfig) -> NewAccounts {
    let asks = app.crowd.iter().any(|crowd| crowd.single_sign_on);
    if asks { NewAccounts::Notify } else { NewAccounts::Sync }
}

/// Has newcomers wait until apps know them.
pub(super) fn put_accounts_first(apps: &mut [App], crowd: &Crowd) {
    for (index, app) in apps.iter_mut().enumerate() {
        let (name, copies, metrics) =
            (app.name.clone(), crowd.copies.clone(), crowd.metrics.clone());
        app.account_first = AccountFirst::new(name, index, &crowd.applications, copies, metrics);
    }
}
