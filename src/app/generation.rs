//! What a configuration makes of the gateway. A new configuration makes another one of it, which takes the place of the
//! one before as a whole.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{
    StartError,
    administration::admin,
    alarms::watch_alarms,
    applications::{applications, requests},
    chains::chains,
    connectors::{connectors, run_when_due},
    crowd::{crowd, crowd_server, put_accounts_first},
    hints::{ears, follow_hints},
    metadata,
    parts::{Foundation, Parts},
    signing_in::login,
    upstreams::look_after,
};
use crate::{
    admin::Admin,
    config::{Config, Problems},
    hints::Ears,
    http::{Pages, TrustedProxies},
    lifecycle::Background,
    login::Login,
    router::{App, ForwardAuth, Router, own_routes},
    server::Asked,
    store::StoreError,
};

/// It asks the store for little.
const LONGEST_BEGINNING: Duration = Duration::from_secs(30);

/// All that follows from a configuration.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) router: Arc<Router>,
    pub(super) asked: Arc<Asked>,
    pub(super) admin: Admin,
    background: Background,
}

/// What is known of identity providers already, and by which configuration.
pub(super) struct Known<'a> {
    pub(super) config: &'a Config,
    pub(super) login: &'a Login,
}

impl Generation {
    /// Makes all of it, and begins its work.
    pub(super) async fn begin(
        config: &Config,
        foundation: &Foundation,
        known: Option<Known<'_>>,
    ) -> Result<Self, StartError> {
        let background = foundation.background.part();
        let making = Self::make(config, foundation, known, background.clone());
        // Of a network that is gone nobody tells whoever waits for the store, and a gateway that reloads must still be able
        // to stop.
        let made = timeout(LONGEST_BEGINNING, making).await;
        let late = Err(StoreError::Timeout(LONGEST_BEGINNING.as_secs()).into());
        let made = made.unwrap_or(late);
        if made.is_err() {
            background.stop();
        }
        made
    }

    /// Asks its work to stop. Whoever still has something of it keeps it.
    pub(super) fn end(&self) {
        self.background.stop();
    }

    async fn make(
        config: &Config,
        foundation: &Foundation,
        known: Option<Known<'_>>,
        background: Background,
    ) -> Result<Self, StartError> {
        let parts = Parts::new(config, foundation, background).await?;
        let login = Arc::new(login(config, &parts)?);
        if let Some(known) = known {
            known.pass_on(config, &login);
        }
        let mut apps = applications(config, &parts.directories, &parts.shared())?;
        let admin = running_admin(config, &parts, &apps)?;
        let crowd = crowd(config, &parts)?;
        put_accounts_first(&mut apps, &crowd);
        let ears = ears(config, &parts).await?;

        metadata::follow(&config.saml, &login, &parts.clock, &parts.background);
        admin.keep_up(&parts.background);
        run_when_due(&admin.connectors, &parts.store, &parts.clock, &parts.background);
        follow_hints(&admin.connectors, &parts);
        watch_alarms(&parts, &admin, &login);
        look_after(config, &parts.sites, &apps, &parts.background);
        let router = Arc::new(router(config, &parts, login, ears, apps));
        let (crowd, forward_auth) = (crowd_server(config, crowd), forward_auth(config, &router));
        Ok(Self {
            router,
            asked: Arc::new(Asked { crowd, forward_auth }),
            admin,
            background: parts.background,
        })
    }
}

impl Known<'_> {
    /// Nobody has to wait until metadata is fetched that was there already.
    fn pass_on(&self, config: &Config, login: &Login) {
        for (saml, provider) in config.saml.iter().zip(&login.providers) {
            let old = self.config.saml.iter().zip(&self.login.providers);
            let same = old.into_iter().find(|(old, _)| {
                (&old.name, &old.entity_id, &old.metadata)
                    == (&saml.name, &saml.entity_id, &saml.metadata)
            });
            if let Some((_, old)) = same
                && provider.identity_provider().is_none()
            {
                provider.know_as(old);
            }
        }
    }
}

/// What administrators act on. A gateway that runs can also follow a request to the application.
fn running_admin(config: &Config, parts: &Parts, apps: &[App]) -> Result<Admin, Problems> {
    let Parts { store, clock, directories, passwords, .. } = parts;
    let requests = requests(config, &parts.sites, apps);
    let metrics = &parts.metrics.connectors;
    let connectors = connectors(config, directories, &parts.clouds, metrics);
    Ok(Admin {
        chains: chains(config, directories, Some(parts.sessions.clone())),
        sealer: Some(Arc::new(parts.sealer()?)),
        ..admin(config, store, clock, directories, requests, passwords.clone(), connectors)
    })
}

/// What browsers are served by.
fn router(
    config: &Config,
    parts: &Parts,
    login: Arc<Login>,
    ears: Arc<Ears>,
    apps: Vec<App>,
) -> Router {
    Router {
        sites: parts.sites.clone(),
        proxied_only: !config.server.speaks_tls() && !config.server.trusted_proxies.is_empty(),
        trusted: TrustedProxies::new(config.server.trusted_proxies.clone()),
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

/// What answers proxies that ask, if any may.
fn forward_auth(config: &Config, router: &Arc<Router>) -> Option<ForwardAuth> {
    let peers = &config.forward_auth.as_ref()?.peers;
    Some(ForwardAuth::new(router.clone(), peers, &config.server.trusted_proxies))
}
