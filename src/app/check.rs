//! Tries everything that a configuration names, and collects everybody's problems with it.

use std::fs;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    alarms::check_alarms, applications::sign_out, certificates::OwnCertificates,
    connectors::check_rules, parts::configured, telemetry,
};
use crate::{
    config::{AppConfig, Config, MetadataSource, Problems, SamlConfig, check_secret_file},
    kerberos,
    login::{ACS_PATH, METADATA_PATH},
    policy::{self, RuleProblem, RuleWarning, Rules},
    provisioning::{Mapping, Realms},
    proxy::{IdentityHeaders, UpstreamTls},
    saml::{self, IdentityProvider, ServiceProvider},
    secrets::Sealer,
    server,
    telemetry::LogLevel,
};

/// Tries everything that the configuration names, and reports what cannot be used.
pub fn check(config: &Config, now: DateTime<Utc>) -> Result<(), Problems> {
    let mut problems = Problems::default();
    sealer(config, &mut problems);
    for (index, app) in config.apps.iter().enumerate() {
        rules(index, app, &mut problems);
        sign_out(index, app, &mut problems);
        let headers = IdentityHeaders::new(&app.identity_headers, app.kind);
        problems.check(format!("app[{index}].identity_headers"), headers);
        if let Some(tls) = &app.upstream_tls {
            problems.check(format!("app[{index}].upstream_tls"), UpstreamTls::new(Some(tls)));
        }
    }
    problems.check("telemetry.log_level", LogLevel::check(&config.telemetry.log_level));
    if let Some(otlp) = &config.telemetry.otlp {
        problems.check("telemetry.otlp.headers", telemetry::otlp_headers(otlp));
    }
    problems.check("saml", saml::self_test());
    for (index, idp) in config.saml.iter().enumerate() {
        let mapping = Mapping::new(&idp.name, &idp.domains, &idp.claims);
        problems.check(format!("saml[{index}].claims"), mapping);
        // What is at a URL is for those to say who ask for it.
        if let MetadataSource::File(_) = idp.metadata {
            problems.check(format!("saml[{index}].metadata"), identity_provider(idp, now));
        }
    }
    check_rules(config, &mut problems);
    check_alarms(config, &mut problems);
    if let Some(settings) = &config.kerberos {
        if let Err((index, problem)) = Realms::new(&settings.realm) {
            problems.add(format!("kerberos.realm[{index}]"), problem);
        }
        let keytab = &settings.keytab;
        if problems.check("kerberos.keytab", check_secret_file(keytab)).is_some() {
            problems.check("kerberos.keytab", kerberos::read_keytab(keytab));
        }
    }
    if let Err(found) = OwnCertificates::load(config, now) {
        problems.extend(found);
    }
    problems.into_result()
}

/// The rules of an application, compiled.
pub(super) fn rules(index: usize, app: &AppConfig, problems: &mut Problems) -> Option<Rules> {
    let report = |found: Vec<RuleProblem>, problems: &mut Problems| {
        for RuleProblem { rule, key, error } in found {
            problems.add(format!("app[{index}].rule[{rule}].{key}"), error);
        }
    };
    Rules::of(app).map_err(|found| report(found, problems)).ok()
}

/// What about a good configuration is probably not meant.
#[must_use]
pub fn warnings(config: &Config) -> Problems {
    let mut found = Problems::default();
    if let Some(warning) = server::too_few_descriptors(config.server.max_connections) {
        found.add("server.max_connections", warning);
    }
    for (index, app) in config.apps.iter().enumerate() {
        for RuleWarning { rule, key, text } in policy::warnings(app) {
            found.add(format!("app[{index}].rule[{rule}].{key}"), text);
        }
    }
    warn_of_peers(config, &mut found);
    found
}

/// Who asks passes requests to the gateway as well: sign-ins, and what they may not pass on themselves.
fn warn_of_peers(config: &Config, found: &mut Problems) {
    let Some(forward_auth) = &config.forward_auth else {
        return;
    };
    for peer in forward_auth.are_missing_in(&config.server.trusted_proxies) {
        let text = format!(
            "{peer} is not in server.trusted_proxies: of requests that it passes to the gateway itself, \
             sign-ins among them, its own address is taken for the client's"
        );
        found.add("forward_auth.peers", text);
    }
}

/// The master keys, as they were when somebody read them.
#[derive(Clone, Debug)]
pub(super) struct MasterKeys {
    master: SecretString,
    previous: Vec<SecretString>,
}

impl MasterKeys {
    /// Reads them.
    pub(super) fn read(config: &Config) -> Result<Self, Problems> {
        let (secrets, mut problems) = (&config.secrets, Problems::default());
        let master = problems.check("secrets.master_key", secrets.master_key.read());
        let previous = secrets.previous_master_keys.iter().enumerate();
        let previous: Vec<_> = previous
            .filter_map(|(index, source)| {
                problems.check(format!("secrets.previous_master_keys[{index}]"), source.read())
            })
            .collect();
        problems.into_result()?;
        // Without one, something was reported.
        master.map(|master| Self { master, previous }).ok_or_else(Problems::default)
    }

    /// What seals and tags with them.
    pub(super) fn sealer(&self) -> Result<Sealer, Problems> {
        configured("secrets.master_key", Sealer::new(&self.master, &self.previous))
    }

    /// What was sealed, and whom cookies are known by, cannot change while the gateway runs.
    pub(super) fn refuse_others(&self, config: &Config) -> Result<(), Problems> {
        let now = Self::read(config)?;
        let mut problems = Problems::default();
        if self.master.expose_secret() != now.master.expose_secret() {
            let problem = "has another key than the gateway was started with: start it again";
            problems.add("secrets.master_key", problem);
        }
        problems.into_result()
    }
}

/// What seals and tags, from the master keys.
pub(super) fn sealer(config: &Config, problems: &mut Problems) -> Option<Sealer> {
    let made = MasterKeys::read(config).and_then(|keys| keys.sealer());
    made.map_err(|found| problems.extend(found)).ok()
}

/// The gateway as identity providers see it.
pub fn service_provider(config: &Config) -> Result<ServiceProvider, url::ParseError> {
    let login_url = &config.server.login_url;
    let entity_id = login_url.join(METADATA_PATH)?;
    Ok(ServiceProvider::new(entity_id.to_string(), login_url.join(ACS_PATH)?))
}

/// An identity provider whose metadata is in a file.
pub fn identity_provider(
    saml: &SamlConfig,
    now: DateTime<Utc>,
) -> Result<IdentityProvider, String> {
    let MetadataSource::File(path) = &saml.metadata else {
        return Err("is at a URL: save it to a file first".to_owned());
    };
    let metadata =
        fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    IdentityProvider::from_metadata(&metadata, &saml.entity_id, now)
        .map_err(|problem| format!("{} {problem}", path.display()))
}
