//! The configuration file: what it may say, and what it must not.
//!
//! `docs/configuration.md` names every key. A [`Config`] is well formed; whether the files it names
//! can be used is for those who use them to say.

mod admin;
mod alarm;
mod alarm_mail;
mod alarm_webhook;
mod app;
mod app_connections;
mod app_health;
mod app_sessions;
mod app_upstream_tls;
mod app_upstreams;
mod claims;
mod connector;
mod crowd;
mod forward_auth;
mod identity_headers;
mod internal_url;
mod kerberos;
mod lookup;
mod otlp;
mod passwords;
mod places;
mod problems;
mod provisioning;
mod rule;
mod saml;
mod secret_source;
mod secrets;
mod server;
mod session;
mod store;
mod succession;
mod telemetry;
mod urls;

use std::{collections::BTreeSet, path::Path};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

pub use self::{
    admin::AdminConfig,
    alarm::{AlarmConfig, AlarmKind},
    alarm_mail::{MailConfig, MailEncryption, MailTls},
    alarm_webhook::{WebhookConfig, WebhookUrl},
    app::{AppConfig, AppKind, PresetConfig},
    app_connections::ConnectionsConfig,
    app_health::HealthConfig,
    app_sessions::{AppSessionsConfig, SignOutConfig},
    app_upstream_tls::UpstreamTlsConfig,
    claims::{
        Claim, ClaimsConfig, ExampleConfig, LetterCase, Otherwise, TransformConfig, UsernamePart,
        is_attribute_name,
    },
    connector::{
        AttributeCondition, CloudConfig, ConnectorConfig, ConnectorGroupsConfig,
        ConnectorUsersConfig, EntraCertificate, EntraConfig, GoogleConfig, GroupNameExample,
        GroupRename, GuardConfig, HINTS_PATH, HintsConfig, Leaving, LeavingConfig, LeavingGroups,
        NationalCloud, OktaConfig, SameName, ShownGroups, UserKind, whole_pattern,
    },
    crowd::{CredentialHash, CrowdConfig, NewAccounts},
    forward_auth::ForwardAuthConfig,
    identity_headers::{HeaderEncoding, IdentityHeadersConfig},
    kerberos::{KerberosConfig, PrincipalPart, RealmConfig},
    lookup::{LookupConfig, LookupGroups, LookupOtherwise},
    otlp::OtlpConfig,
    passwords::{PasswordSignIn, PasswordsConfig},
    problems::Problems,
    provisioning::{LinkExisting, ProvisioningConfig, WithoutGroupClaim},
    rule::{DecisionConfig, HeaderConfig, RuleConfig},
    saml::{MetadataSource, SamlConfig},
    secret_source::{SecretError, SecretSource, check_secret_file},
    secrets::SecretsConfig,
    server::{ServerConfig, TlsConfig},
    session::SessionConfig,
    store::StoreConfig,
    succession::Differences,
    telemetry::{LogFormat, TelemetryConfig},
};

/// What logins by ticket are called in rules.
pub const KERBEROS: &str = "kerberos";

/// What logins by a password of the gateway's own are called in rules.
pub const PASSWORD: &str = "password";

/// Everything the configuration file says, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the gateway listens.
    pub server: ServerConfig,
    /// Where it remembers things.
    pub store: StoreConfig,
    /// What it seals and signs with.
    pub secrets: SecretsConfig,
    /// How it is controlled.
    pub admin: AdminConfig,
    /// How it says what it does.
    pub telemetry: TelemetryConfig,
    /// The applications behind it.
    pub apps: Vec<AppConfig>,
    /// Who asks about requests that they pass on by themselves; nobody if absent.
    pub forward_auth: Option<ForwardAuthConfig>,
    /// The identity providers that people log in with.
    pub saml: Vec<SamlConfig>,
    /// Logins by ticket; off if absent.
    pub kerberos: Option<KerberosConfig>,
    /// Passwords of the gateway's own.
    pub passwords: PasswordsConfig,
    /// How long people stay logged in.
    pub session: SessionConfig,
    /// What a login may do to the directory.
    pub provisioning: ProvisioningConfig,
    /// The clouds that are read.
    pub connectors: Vec<ConnectorConfig>,
    /// Who is told when something needs somebody.
    pub alarms: Vec<AlarmConfig>,
    /// What the file says, word by word.
    document: Table,
}

impl Config {
    /// Reads and checks the file, reporting all its problems at once.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let text = problems.check(path.display(), std::fs::read_to_string(path));
        match text {
            Some(text) => Self::parse(&text),
            None => Err(problems),
        }
    }

    /// Like [`Config::load`], from text already read.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let Some(table) = problems.check("the file is not TOML", text.parse::<Table>()) else {
            return Err(problems);
        };
        let document = table.clone();
        let mut tables = Tables { table, problems };

        let server = tables.required("server");
        let store = tables.required("store");
        let secrets = tables.required("secrets");
        let config = Self::assemble(&mut tables, server, store, secrets, document);
        let mut problems = tables.into_problems();
        if let Some(config) = &config {
            config.check(&mut problems);
        }
        problems.into_result()?;
        // Nothing is missing if nothing was reported.
        config.ok_or_else(Problems::default)
    }

    /// Looks once more whether everything is good together, after something of it was put in the place of what the file says.
    pub fn check_again(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        self.check(&mut problems);
        problems.into_result()
    }

    fn assemble(
        tables: &mut Tables,
        server: Option<ServerConfig>,
        store: Option<StoreConfig>,
        secrets: Option<SecretsConfig>,
        document: Table,
    ) -> Option<Self> {
        let admin = tables.optional("admin").unwrap_or_default();
        let telemetry = tables.optional("telemetry").unwrap_or_default();
        let apps = tables.list("app");
        let forward_auth = tables.optional("forward_auth");
        let saml = tables.list("saml");
        let kerberos = tables.optional("kerberos");
        let passwords = tables.optional("passwords").unwrap_or_default();
        let session = tables.optional("session").unwrap_or_default();
        let provisioning = tables.optional("provisioning").unwrap_or_default();
        let connectors = tables.list("connector");
        let alarms = tables.list("alarm");
        Some(Self {
            server: server?,
            store: store?,
            secrets: secrets?,
            admin,
            telemetry,
            apps,
            forward_auth,
            saml,
            kerberos,
            passwords,
            session,
            provisioning,
            connectors,
            alarms,
            document,
        })
    }

    fn check(&self, problems: &mut Problems) {
        self.server.check(problems);
        self.store.check(problems);
        self.secrets.check(problems);
        self.telemetry.check(problems);
        for (index, app) in self.apps.iter().enumerate() {
            app.check(&format!("app[{index}]"), problems);
        }
        if let Some(forward_auth) = &self.forward_auth {
            forward_auth.check(problems);
        }
        for (index, saml) in self.saml.iter().enumerate() {
            saml.check(&format!("saml[{index}]"), problems);
        }
        if let Some(kerberos) = &self.kerberos {
            kerberos.check(problems);
        }
        self.passwords.check(problems);
        self.session.check(problems);
        self.provisioning.check(problems);
        for (index, connector) in self.connectors.iter().enumerate() {
            let key = format!("connector[{index}]");
            connector.check(&key, problems);
            connector.check_beside(&key, &self.provisioning.directory, &self.saml, problems);
            connector.check_hints_beside(&key, &self.server.login_url, problems);
            let is_own = |other: &ConnectorConfig| {
                other.directory().to_lowercase() == connector.directory().to_lowercase()
            };
            if self.connectors[..index].iter().any(is_own) {
                let problem = format!("{:?} follows another connector", connector.directory());
                problems.add(format!("{key}.directory"), problem);
            }
        }
        check_unique("app", self.apps.iter().map(|app| &app.name), problems);
        check_unique("saml", self.saml.iter().map(|saml| &saml.name), problems);
        let connectors = self.connectors.iter().map(|connector| &connector.name);
        check_unique("connector", connectors, problems);
        for (index, alarm) in self.alarms.iter().enumerate() {
            alarm.check(&format!("alarm[{index}]"), &self.connectors, problems);
        }
        check_unique("alarm", self.alarms.iter().map(|alarm| &alarm.name), problems);
        self.check_lookups(problems);
        self.check_internal_in_clear(problems);
        self.check_crowd_applications(problems);
        self.check_ways_to_sign_in(problems);
        places::check_places(&self.server, &self.apps, problems);
        self.check_completeness(problems);
    }

    fn check_lookups(&self, problems: &mut Problems) {
        for (index, saml) in self.saml.iter().enumerate() {
            let Some(lookup) = &saml.lookup else {
                continue;
            };
            if !self.connectors.iter().any(|connector| connector.name == lookup.connector) {
                let problem = format!("there is no [[connector]] called {:?}", lookup.connector);
                problems.add(format!("saml[{index}].lookup.connector"), problem);
            }
        }
    }

    /// How people can sign in, as rules name it: by ticket first.
    #[must_use]
    pub fn ways_to_sign_in(&self) -> Vec<&str> {
        let by_ticket = self.kerberos.iter().map(|_| KERBEROS);
        let by_assertion = self.saml.iter().map(|saml| saml.name.as_str());
        let is_for_everybody = self.passwords.sign_in == PasswordSignIn::Everybody;
        let by_password = is_for_everybody.then_some(PASSWORD);
        by_ticket.chain(by_assertion).chain(by_password).collect()
    }

    /// A way to sign in that is offered only where a rule asks for it.
    #[must_use]
    pub fn hidden_way_to_sign_in(&self) -> Option<&'static str> {
        (self.passwords.sign_in == PasswordSignIn::BreakGlass).then_some(PASSWORD)
    }

    /// What machines ask must not cross the network in clear.
    fn check_internal_in_clear(&self, problems: &mut Problems) {
        let asked_by = [
            (self.apps.iter().any(|app| !app.crowd.is_empty()), "applications ask", "passwords"),
            (self.forward_auth.is_some(), "peers ask (forward_auth)", "sessions' cookies"),
        ];
        let asked_by = asked_by.iter().find(|(asked, ..)| *asked);
        if let Some((_, who, what)) = asked_by.filter(|_| self.server.is_internal_in_clear()) {
            let problem = format!(
                "needed where {who} over the network, for {what} come so: name certificate and key; or set \
                 internal_encrypted_elsewhere, if something else encrypts what comes to internal_listen"
            );
            problems.add("server.internal_tls", problem);
        }
    }

    /// Their names are what they are told apart by, in whichever case.
    fn check_crowd_applications(&self, problems: &mut Problems) {
        let mut seen = BTreeSet::new();
        for (index, app) in self.apps.iter().enumerate() {
            for (number, crowd) in app.crowd.iter().enumerate() {
                let name = crowd.application(&app.name);
                if !seen.insert(name.to_lowercase()) {
                    let key = format!("app[{index}].crowd[{number}].application");
                    problems.add(key, format!("{name:?} is there twice"));
                }
            }
        }
    }

    fn check_ways_to_sign_in(&self, problems: &mut Problems) {
        let ours = [(KERBEROS, "ticket"), (PASSWORD, "password")];
        for (index, saml) in self.saml.iter().enumerate() {
            for (name, what) in ours.iter().filter(|(name, _)| saml.name == *name) {
                let problem = format!("{name:?} is what logins by {what} are called");
                problems.add(format!("saml[{index}].name"), problem);
            }
        }
        let mut known = self.ways_to_sign_in();
        known.extend(self.hidden_way_to_sign_in());
        for (index, app) in self.apps.iter().enumerate() {
            for (number, rule) in app.rule.iter().enumerate() {
                rule.check_sign_in(&format!("app[{index}].rule[{number}]"), &known, problems);
            }
        }
    }

    fn check_completeness(&self, problems: &mut Problems) {
        if self.apps.is_empty() {
            problems.add("app", "name at least one application in an [[app]] table");
        }
        let by_password = self.passwords.sign_in == PasswordSignIn::Everybody;
        if self.saml.is_empty() && self.kerberos.is_none() && !by_password {
            problems.add("saml", "nobody could log in: add a [[saml]] or a [kerberos] table");
        }
    }
}

/// The tables of a file that nobody has asked for yet.
struct Tables {
    table: Table,
    problems: Problems,
}

impl Tables {
    fn required<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        if !self.table.contains_key(key) {
            self.problems.add(key, "the table is missing");
        }
        self.optional(key)
    }

    fn optional<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let value = self.table.remove(key)?;
        self.read(key, value)
    }

    fn list<T: DeserializeOwned>(&mut self, key: &str) -> Vec<T> {
        match self.table.remove(key) {
            None => Vec::new(),
            Some(Value::Array(values)) => values
                .into_iter()
                .enumerate()
                .filter_map(|(index, value)| self.read(&format!("{key}[{index}]"), value))
                .collect(),
            Some(_) => {
                self.problems.add(key, format!("write [[{key}]], for there can be several"));
                Vec::new()
            }
        }
    }

    fn read<T: DeserializeOwned>(&mut self, key: &str, value: Value) -> Option<T> {
        let mut unknown = Vec::new();
        let read = serde_ignored::deserialize(value, |path| unknown.push(path.to_string()));
        for path in unknown {
            self.problems.add(format!("{key}.{path}"), "there is no such key");
        }
        // The library ends its messages with a line break.
        let read = read.map_err(|error: toml::de::Error| error.to_string().trim_end().to_owned());
        self.problems.check(key, read)
    }

    fn into_problems(mut self) -> Problems {
        for key in self.table.keys() {
            self.problems.add(key, "there is no such table");
        }
        self.problems
    }
}

/// Names become parts of URLs, log lines and sources of memberships.
fn check_name(key: &str, name: &str, problems: &mut Problems) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        problems.add(key, format!("{name:?} must be of a-z, 0-9, - and _"));
    }
}

fn check_unique<'a>(key: &str, names: impl Iterator<Item = &'a String>, problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            problems.add(format!("{key}.name"), format!("{name:?} is there twice"));
        }
    }
}

#[cfg(test)]
mod tests;
