//! Trying what a cloud needs to say by itself what happens.

use secrecy::ExposeSecret as _;

use crate::{
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
            let tried = announcer.try_out(&address).await;
            probe.note("hints: ask for them", tried);
        }
        None => probe.note("hints: have a secret", try_secret(connector)),
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
