//! Where applications are, how the gateway finds out how they are there, and who asks.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use http::StatusCode;
use url::Url;

use super::{applications::Shared, parts::configured};
use crate::{
    config::{AppConfig, Config, ConnectionsConfig, HealthConfig, Problems},
    http::{Place, Sites},
    lifecycle::Background,
    proxy::{
        AddressRules, Addresses, HealthRules, Page, PlaceLimits, PoolLimits, UpstreamTls,
        status_routes,
    },
    router::{App, Router},
    secrets::Tagger,
};

/// What the words are made for that cookies name addresses by.
pub(super) const NODES: &str = "nodes";

/// Whom this machine trusts: for all applications that say nothing else.
pub(super) fn system_trust() -> Result<Arc<UpstreamTls>, Problems> {
    configured("app.upstream", UpstreamTls::new(None)).map(Arc::new)
}

/// All addresses of an application.
pub(super) fn addresses(
    (index, app): (usize, &AppConfig),
    name: &Arc<str>,
    trust: &Arc<UpstreamTls>,
    shared: &Shared,
) -> Result<Addresses, Problems> {
    let key = |key: &str| format!("app[{index}].{key}");
    let tls = match &app.upstream_tls {
        None => trust.clone(),
        own => Arc::new(configured(&key("upstream_tls"), UpstreamTls::new(own.as_ref()))?),
    };
    let rules = AddressRules {
        tls,
        pool: pool_limits(&app.connections),
        places: place_limits(&app.connections),
        health: health_rules(app),
    };
    let nodes = shared.nodes.as_ref();
    let urls =
        app.addresses().map(|url| (url, nodes.map(|key| id(key, app, url)).unwrap_or_default()));
    let key = key(if app.upstreams.is_empty() { "upstream" } else { "upstreams" });
    configured(&key, Addresses::new(name, urls, rules, &shared.metrics.upstreams))
}

/// What browsers know an address by: the same at every gateway and after every start, and a riddle to everybody else.
fn id(nodes: &Tagger, app: &AppConfig, url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    let place = format!("{} {}:{port}", app.name, url.host_str().unwrap_or_default());
    BASE64.encode(&nodes.tag(place.as_bytes())[..12])
}

fn pool_limits(connections: &ConnectionsConfig) -> PoolLimits {
    PoolLimits {
        connect_patience: seconds(connections.connect_timeout_seconds),
        max_idle: connections.max_idle as usize,
        idle: seconds(connections.idle_seconds),
    }
}

fn place_limits(connections: &ConnectionsConfig) -> Option<PlaceLimits> {
    connections.max_requests.map(|places| PlaceLimits {
        places: places as usize,
        max_waiting: connections.max_waiting as usize,
        patience: seconds(connections.max_wait_seconds),
    })
}

fn health_rules(app: &AppConfig) -> HealthRules {
    let HealthConfig { failures, window_seconds, successes, .. } =
        app.health.clone().unwrap_or_default();
    let is_checked = app.health_path().is_some();
    HealthRules { failures, window: seconds(window_seconds), successes, is_checked }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

/// Has every application looked after, until another configuration takes the place of this one or the gateway stops.
pub(super) fn look_after(config: &Config, sites: &Sites, apps: &[App], background: &Background) {
    for ((config, (_, place)), app) in config.apps.iter().zip(sites.places()).zip(apps) {
        app.upstream.look_after(page(config, place), background);
    }
}

/// Puts applications in the place of those of before, if there were any.
pub(super) fn take_over(apps: &[App], before: &[App]) {
    for app in apps {
        let old = before.iter().find(|old| old.name == app.name);
        app.upstream.begin(old.map(|old| &*old.upstream));
    }
    for old in before.iter().filter(|old| apps.iter().all(|app| app.name != old.name)) {
        old.upstream.end();
    }
}

/// Where machines can ask how applications are: those of the configuration by then.
pub(super) fn status(router: &Arc<ArcSwap<Router>>) -> axum::Router {
    let router = router.clone();
    status_routes(move || router.load().apps.iter().map(|app| app.upstream.status()).collect())
}

/// The page that says how an application is, if it is to be asked for.
fn page(app: &AppConfig, place: &Place) -> Option<Page> {
    let target = app.health_path()?;
    let health = app.health.clone().unwrap_or_default();
    Some(Page {
        host: place.site.authority().to_owned(),
        is_secure: place.site.is_secure(),
        target,
        status: StatusCode::from_u16(health.status).unwrap_or(StatusCode::OK),
        contains: health.contains(app.kind).map(str::to_owned),
        interval: seconds(health.interval_seconds),
        patience: seconds(health.timeout_seconds),
    })
}
