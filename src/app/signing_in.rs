//! The ways to sign in, from the configuration.

use super::{
    administration::{policy, targets},
    applications::app_cookies,
    check::{identity_provider, service_provider},
    parts::{Parts, configured},
};
use crate::{
    config::{Config, MetadataSource, Problems, SamlConfig},
    kerberos::Acceptor,
    login::{Forms, Login, Provider, Tickets},
    provisioning::{Mapping, Realms},
    sync::Lookup,
};

/// All that leads to a session.
pub(super) fn login(config: &Config, parts: &Parts) -> Result<Login, Problems> {
    Ok(Login {
        sites: parts.sites.clone(),
        app_cookies: app_cookies(config, &parts.sites),
        sessions: parts.sessions.clone(),
        store: parts.store.clone(),
        clock: parts.clock.clone(),
        sealer: parts.sealer()?,
        service_provider: configured("server.login_url", service_provider(config))?,
        providers: providers(config, parts)?,
        tickets: tickets(config)?,
        passwords: parts.passwords.clone(),
        targets: targets(config, &parts.directories),
        policy: policy(config),
        metrics: parts.metrics.clone(),
        tracer: parts.tracer.clone(),
        limits: parts.limits.clone(),
        forms: Forms::new(config.session.max_saved_post_bytes),
    })
}

fn providers(config: &Config, parts: &Parts) -> Result<Vec<Provider>, Problems> {
    let mut problems = Problems::default();
    let mut providers = Vec::new();
    for (index, saml) in config.saml.iter().enumerate() {
        let mapping = Mapping::new(&saml.name, &saml.domains, &saml.claims);
        let mapping = configured(&format!("saml[{index}].claims"), mapping)?;
        let provider = Provider::new(saml, mapping, lookup(saml, parts));
        if let MetadataSource::File(_) = saml.metadata {
            let metadata = identity_provider(saml, parts.clock.now());
            if let Some(metadata) = problems.check(format!("saml[{index}].metadata"), metadata) {
                provider.know(metadata);
            }
        }
        providers.push(provider);
    }
    problems.into_result().map(|()| providers)
}

/// Whom else is asked of who signs in.
fn lookup(saml: &SamlConfig, parts: &Parts) -> Option<Lookup> {
    let config = saml.lookup.as_ref()?;
    let source = parts.clouds.get(&config.connector)?;
    Some(Lookup::new(source.clone(), config, parts.clock.clone()))
}

fn tickets(config: &Config) -> Result<Option<Tickets>, Problems> {
    let Some(kerberos) = &config.kerberos else {
        return Ok(None);
    };
    let acceptor = Acceptor::start(&kerberos.keytab, kerberos.threads);
    let acceptor = configured("kerberos.keytab", acceptor)?;
    let realms = Realms::new(&kerberos.realm).map_err(|(index, problem)| {
        let mut problems = Problems::default();
        problems.add(format!("kerberos.realm[{index}]"), problem);
        problems
    })?;
    Ok(Some(Tickets { acceptor, realms }))
}
