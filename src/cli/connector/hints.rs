//! Trying what a cloud needs to say by itself what happens.

use http::Method;
use secrecy::ExposeSecret as _;

use crate::{
    cli::control::{Control, ControlError},
    cloud::{Probe, Source},
    config::{Config, ConnectorConfig},
};

/// A secret that is shorter could be guessed.
const SHORTEST: usize = 20;

/// Tries all of it, if it is wanted.
pub(super) async fn try_hints(
    config: &Config,
    connector: &ConnectorConfig,
    source: &dyn Source,
    probe: &mut Probe,
) {
    let Some(address) = connector.hints_address(&config.server.login_url) else { return };
    // The configuration has checked that nobody can read along.
    probe.note("hints: have an address", Ok::<_, String>(format!("{address}, by https")));
    match source.announcer() {
        Some(announcer) => {
            let trial = Trial::begin(config, connector).await;
            let tried = announcer.try_out(&address).await;
            probe.note("hints: ask for them", tried);
            trial.end().await;
        }
        None => probe.note("hints: have a secret", try_secret(connector)),
    }
}

/// A running gateway answers a cloud only while it has asked that cloud for something, or knows that somebody tries.
struct Trial {
    gateway: Option<Control>,
    path: String,
}

impl Trial {
    async fn begin(config: &Config, connector: &ConnectorConfig) -> Self {
        let path = format!("/connectors/{}/hints/trial", connector.name);
        // Where none runs, nobody would answer the cloud anyway, and the cloud says so.
        let gateway = Control::running(config).await;
        if let Some(gateway) = &gateway {
            let _: Result<i64, ControlError> = gateway.ask(Method::POST, &path).await;
        }
        Self { gateway, path }
    }

    async fn end(self) {
        if let Some(gateway) = self.gateway {
            // It would end by itself.
            let _: Result<(), ControlError> = gateway.ask(Method::DELETE, &self.path).await;
        }
    }
}

fn try_secret(connector: &ConnectorConfig) -> Result<String, String> {
    let secret = connector.hints.as_ref().and_then(|hints| hints.secret.as_ref());
    let secret = secret.ok_or("hints.secret is missing")?;
    let secret = secret.read().map_err(|error| format!("hints.secret: {error}"))?;
    if secret.expose_secret().len() < SHORTEST {
        return Err(format!(
            "hints.secret is shorter than {SHORTEST} characters: `openssl rand -base64 32`"
        ));
    }
    Ok("an administrator makes the event hook with it (docs/connectors.md)".to_owned())
}
