//! The `[[connector]]` tables: clouds whose users and groups the gateway keeps in step with.

mod candidate;
mod credential;
mod defaults;
mod entra;
mod google;
mod group_names;
mod groups;
mod guard;
mod hints;
mod leaving;
mod okta;
mod patterns;
mod users;

use std::path::PathBuf;

use chrono::NaiveDate;
use serde::Deserialize;
use url::Url;

use super::{ClaimsConfig, Problems, SamlConfig, urls};

pub use self::{
    entra::{EntraCertificate, EntraConfig, NationalCloud},
    google::GoogleConfig,
    group_names::{GroupNameExample, GroupRename},
    groups::{ConnectorGroupsConfig, SameName, ShownGroups},
    guard::GuardConfig,
    hints::{HINTS_PATH, HintsConfig},
    leaving::{Leaving, LeavingConfig, LeavingGroups},
    okta::OktaConfig,
    patterns::whole_pattern,
    users::{AttributeCondition, ConnectorUsersConfig, UserKind},
};

/// A cloud that is read.
#[derive(Clone, Debug, Deserialize)]
pub struct ConnectorConfig {
    /// What logs and the command line call it.
    pub name: String,

    /// The directory that follows the cloud; nobody else's. Default: the connector's name.
    pub directory: Option<String>,

    /// The identity provider (`[[saml]]`) of the same people, if the subject of its logins is the cloud's id for them: who
    /// logs in is whom the connector knows. Default: none.
    pub saml: Option<String>,

    /// Domains that the cloud may speak for: who is known by an address in one of them to another issuer of the domain is
    /// the same person. Default: none, or those of `saml`.
    #[serde(default)]
    pub domains: Vec<String>,

    /// How often it is asked what has changed. Default: 60.
    #[serde(default = "an_hour")]
    pub interval_minutes: u32,

    /// How often it is asked for everything. Default: 24.
    #[serde(default = "a_day")]
    pub full_hours: u32,

    /// How many questions are asked at a time. Default: 4.
    #[serde(default = "a_few")]
    pub requests_at_once: u32,

    /// Who comes.
    #[serde(default)]
    pub users: ConnectorUsersConfig,

    /// Which groups are shown.
    #[serde(default)]
    pub groups: ConnectorGroupsConfig,

    /// What becomes of whom and what the cloud has not any more.
    #[serde(default)]
    pub leaving: LeavingConfig,

    /// How much a run may take away by itself, and from whom nothing.
    #[serde(default)]
    pub guard: GuardConfig,

    /// Which attributes say what; default: as the cloud has them.
    #[serde(default)]
    pub claims: ClaimsConfig,

    /// Entra ID, by Microsoft Graph. One of `entra`, `okta` and `google` has to be there.
    pub entra: Option<EntraConfig>,

    /// Okta.
    pub okta: Option<OktaConfig>,

    /// Google Workspace.
    pub google: Option<GoogleConfig>,

    /// Whether the cloud says by itself that something has happened, and where. Default: it does not.
    pub hints: Option<HintsConfig>,

    /// The proxy that leads there, such as `http://proxy.example.com:3128`. Default: none.
    pub proxy: Option<Url>,

    /// A file with certificates (PEM) that are trusted there, beside the system's; for a proxy that looks inside.
    pub ca: Option<PathBuf>,

    /// How much of what the cloud lets anybody ask the connector uses at most, in percent. Default: 50.
    #[serde(default = "half")]
    pub quota_percent: u32,

    /// How long an answer may take. Default: 60.
    #[serde(default = "a_minute")]
    pub timeout_seconds: u32,

    /// After so many intervals in which no run has come true, it is an alarm. Default: 3.
    #[serde(default = "credential::three")]
    pub overdue_intervals: u32,

    /// The day on which the secret, key or token expires, such as `2027-05-01`, where the cloud does not say. Default: never.
    pub credential_expires: Option<NaiveDate>,
}

/// Which cloud a connector reads.
#[derive(Clone, Copy, Debug)]
pub enum CloudConfig<'a> {
    /// Entra ID.
    Entra(&'a EntraConfig),
    /// Okta.
    Okta(&'a OktaConfig),
    /// Google Workspace.
    Google(&'a GoogleConfig),
}

impl ConnectorConfig {
    /// Which cloud it reads: of a checked configuration, always one.
    #[must_use]
    pub fn cloud(&self) -> Option<CloudConfig<'_>> {
        match (&self.entra, &self.okta, &self.google) {
            (Some(entra), None, None) => Some(CloudConfig::Entra(entra)),
            (None, Some(okta), None) => Some(CloudConfig::Okta(okta)),
            (None, None, Some(google)) => Some(CloudConfig::Google(google)),
            _ => None,
        }
    }

    /// The directory that follows the cloud.
    #[must_use]
    pub fn directory(&self) -> &str {
        self.directory.as_deref().unwrap_or(&self.name)
    }

    /// Which attributes say what, with what the cloud calls them where nothing is said.
    #[must_use]
    pub fn claims(&self) -> ClaimsConfig {
        let mut claims = self.claims.clone();
        if let Some(cloud) = self.cloud() {
            defaults::fill(&mut claims, cloud);
        }
        claims.transform.extend(self.groups.transforms());
        claims
    }

    /// Whose people it reads, as a text that is another one for other people: what was read before is worth nothing then.
    #[must_use]
    pub fn reads(&self) -> String {
        match self.cloud() {
            Some(CloudConfig::Entra(entra)) => format!(
                "entra {} {} {:?} {:?} {:?}",
                entra.tenant, entra.client_id, entra.cloud, entra.graph, entra.application
            ),
            Some(CloudConfig::Okta(okta)) => {
                format!("okta {} {:?} {:?}", okta.org, okta.client_id, okta.application)
            }
            Some(CloudConfig::Google(google)) => format!(
                "google {} {} {} {:?}",
                google.admin, google.customer, google.nested_groups, google.api
            ),
            None => String::new(),
        }
    }

    /// What is made of what it reads, as a text that is another one if that changes.
    #[must_use]
    pub fn rules(&self) -> String {
        let Self { directory, saml, domains, users, groups, leaving, guard, .. } = self;
        let (reads, leaving, guard) = (self.reads(), leaving.rules(), guard.rules());
        format!(
            "{reads} {directory:?} {saml:?} {domains:?} {users:?} {groups:?} {:?}{leaving}{guard}",
            self.claims()
        )
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        super::check_name(&format!("{key}.name"), &self.name, problems);
        self.check_runs(key, problems);
        self.check_hints(&format!("{key}.hints"), problems);
        self.check_alarms(key, problems);
        self.users.check(&format!("{key}.users"), problems);
        self.groups.check(&format!("{key}.groups"), problems);
        self.leaving.check(&format!("{key}.leaving"), problems);
        self.guard.check(&format!("{key}.guard"), problems);
        self.claims().check(&format!("{key}.claims"), problems);
        for (name, sources) in [("subject", &self.claims.subject), ("groups", &self.claims.groups)]
        {
            if !sources.is_empty() {
                let problem = "says nothing here: the cloud has ids of its own, and says who is in which group";
                problems.add(format!("{key}.claims.{name}"), problem);
            }
        }
        match self.cloud() {
            Some(CloudConfig::Entra(entra)) => entra.check(&format!("{key}.entra"), problems),
            Some(CloudConfig::Okta(okta)) => okta.check(&format!("{key}.okta"), problems),
            Some(CloudConfig::Google(google)) => google.check(&format!("{key}.google"), problems),
            None => {
                let problem = "say one of entra, okta and google: a connector reads one cloud";
                problems.add(key, problem);
            }
        }
        if let Some(proxy) = &self.proxy {
            if !matches!(proxy.scheme(), "http" | "https") || proxy.host().is_none() {
                problems.add(format!("{key}.proxy"), "must begin with http:// or https://");
            }
            if proxy.password().is_some() {
                let problem =
                    "must not have a password in it: let the proxy know the gateway by its address";
                problems.add(format!("{key}.proxy"), problem);
            }
        }
        if !(1..=100).contains(&self.quota_percent) {
            problems.add(format!("{key}.quota_percent"), "must be between 1 and 100");
        }
        if !(5..=600).contains(&self.timeout_seconds) {
            problems.add(format!("{key}.timeout_seconds"), "must be between 5 and 600");
        }
    }
}

impl ConnectorConfig {
    fn check_runs(&self, key: &str, problems: &mut Problems) {
        if ["status", "history", "preview", "undo"].contains(&self.name.as_str()) {
            problems
                .add(format!("{key}.name"), "is a command of `gatehouse sync`: choose another one");
        }
        for (name, value, most) in [
            ("interval_minutes", self.interval_minutes, 7 * 24 * 60),
            ("full_hours", self.full_hours, 7 * 24),
            ("requests_at_once", self.requests_at_once, 32),
        ] {
            if !(1..=most).contains(&value) {
                problems.add(format!("{key}.{name}"), format!("must be between 1 and {most}"));
            }
        }
    }

    /// What can only be said beside the other tables.
    pub(super) fn check_beside(
        &self,
        key: &str,
        logins_go_to: &str,
        saml: &[SamlConfig],
        problems: &mut Problems,
    ) {
        if self.directory().to_lowercase() == logins_go_to.to_lowercase() {
            let problem = "is provisioning.directory, whose other accounts would be missing at the cloud: name \
                           one of its own";
            problems.add(format!("{key}.directory"), problem);
        }
        let Some(name) = &self.saml else {
            return;
        };
        match saml.iter().find(|saml| saml.name == *name) {
            None => {
                problems.add(format!("{key}.saml"), format!("there is no [[saml]] named {name:?}"));
            }
            Some(saml) if saml.claims.subject.is_empty() => {
                let problem =
                    format!("{name:?} needs claims.subject: the attribute that has the cloud's id");
                problems.add(format!("{key}.saml"), problem);
            }
            Some(_) if !self.domains.is_empty() => {
                let problem = format!("are those of the [[saml]] named {name:?}: say them there");
                problems.add(format!("{key}.domains"), problem);
            }
            Some(_) => {}
        }
    }
}

/// Groups are named as they are called, by the beginning of their names and a `*`, by `re:` and a pattern, or by `id:` and
/// their id.
fn check_group_names(key: &str, names: &[String], problems: &mut Problems) {
    for name in names {
        if let Some(pattern) = name.strip_prefix("re:") {
            problems.check(key, whole_pattern(pattern));
            continue;
        }
        let stars = name.matches('*').count();
        let is_id = name.starts_with("id:");
        if name.is_empty()
            || name == "id:"
            || (!is_id && (stars > 1 || (stars == 1 && !name.ends_with('*'))))
        {
            let problem = format!(
                "{name:?} must be a name, the beginning of names and a *, re: and a regular expression, or id: \
                 and an id"
            );
            problems.add(key, problem);
        }
    }
}

/// Credentials go there: in clear only to this machine.
fn check_url(key: &str, url: &Url, problems: &mut Problems) {
    problems.check(key, urls::check_origin(url));
}

fn half() -> u32 {
    50
}

fn a_minute() -> u32 {
    60
}

fn an_hour() -> u32 {
    60
}

fn a_day() -> u32 {
    24
}

fn a_few() -> u32 {
    4
}
