//! The `[[alarm]]` tables: who is told when something needs somebody.

use serde::Deserialize;

use super::{ConnectorConfig, MailConfig, Problems, WebhookConfig};

/// Who is told, of what, and by which way. One of `webhook` and `mail` has to be there.
#[derive(Clone, Debug, Deserialize)]
pub struct AlarmConfig {
    /// What logs and the command line call it.
    pub name: String,

    /// Where messages are posted to.
    pub webhook: Option<WebhookConfig>,

    /// Whom messages are mailed to.
    pub mail: Option<MailConfig>,

    /// Of what: `failed`, `auth_failed`, `waits`, `warnings`, `overdue`, `credential_expires`, `certificate_expires`.
    /// Default: of all.
    #[serde(default = "AlarmKind::all")]
    pub on: Vec<AlarmKind>,

    /// Of which connectors. Default: of all, and of what belongs to no connector.
    #[serde(default)]
    pub connectors: Vec<String>,

    /// How often it is said again for as long as it lasts. Default: 24.
    #[serde(default = "a_day")]
    pub repeat_hours: u32,

    /// How many days before something expires it is said. Default: 30, 14, 7 and 1.
    #[serde(default = "warn_days")]
    pub warn_days: Vec<u32>,
}

/// What somebody may have to be told of.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// A connector's run has failed.
    Failed,
    /// A connector's cloud does not take its credential, or does not let it read.
    AuthFailed,
    /// What a run would do waits for an administrator.
    Waits,
    /// A run has not read everything.
    Warnings,
    /// No run of a connector has come true for long.
    Overdue,
    /// What a connector proves itself with expires.
    CredentialExpires,
    /// A certificate of the gateway or of an identity provider expires.
    CertificateExpires,
}

impl AlarmKind {
    /// Each of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        vec![
            Self::Failed,
            Self::AuthFailed,
            Self::Waits,
            Self::Warnings,
            Self::Overdue,
            Self::CredentialExpires,
            Self::CertificateExpires,
        ]
    }

    /// The word for it, in the configuration, in keys and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::AuthFailed => "auth_failed",
            Self::Waits => "waits",
            Self::Warnings => "warnings",
            Self::Overdue => "overdue",
            Self::CredentialExpires => "credential_expires",
            Self::CertificateExpires => "certificate_expires",
        }
    }
}

impl AlarmConfig {
    pub(super) fn check(&self, key: &str, connectors: &[ConnectorConfig], problems: &mut Problems) {
        super::check_name(&format!("{key}.name"), &self.name, problems);
        match (&self.webhook, &self.mail) {
            (Some(webhook), None) => webhook.check(&format!("{key}.webhook"), problems),
            (None, Some(mail)) => mail.check(&format!("{key}.mail"), problems),
            _ => problems.add(key, "say one of webhook and mail"),
        }
        if self.on.is_empty() {
            problems.add(format!("{key}.on"), "would say nothing: leave it out for everything");
        }
        for name in &self.connectors {
            if !connectors.iter().any(|connector| connector.name == *name) {
                let problem = format!("there is no [[connector]] called {name:?}");
                problems.add(format!("{key}.connectors"), problem);
            }
        }
        if !(1..=MOST_HOURS).contains(&self.repeat_hours) {
            let problem = format!("must be between 1 and {MOST_HOURS}");
            problems.add(format!("{key}.repeat_hours"), problem);
        }
        if self.warn_days.is_empty() || self.warn_days.iter().any(|days| *days > MOST_DAYS) {
            let problem = format!("must be numbers of days, up to {MOST_DAYS}");
            problems.add(format!("{key}.warn_days"), problem);
        }
    }
}

/// Four weeks.
const MOST_HOURS: u32 = 28 * 24;

const MOST_DAYS: u32 = 366;

fn a_day() -> u32 {
    24
}

fn warn_days() -> Vec<u32> {
    vec![30, 14, 7, 1]
}
