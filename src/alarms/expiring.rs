//! What expires: credentials of connectors, certificates.

use chrono::{DateTime, TimeDelta, Utc};

use super::Condition;
use crate::config::AlarmKind;

/// Something that expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// Of whom, such as `idp:corp`.
    pub subject: String,
    /// What it is: [`AlarmKind::CredentialExpires`] or [`AlarmKind::CertificateExpires`].
    pub kind: AlarmKind,
    /// The connector, if it is one's.
    pub connector: Option<String>,
    /// What it is in words, such as `corp: the client secret`.
    pub what: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What to do before.
    pub todo: String,
}

impl Expiring {
    /// The condition, if it expires within so many days.
    #[must_use]
    pub fn condition(self, within_days: u32, now: DateTime<Utc>) -> Option<Condition> {
        let is_near = self.at - now <= TimeDelta::days(within_days.into());
        is_near.then(|| Condition {
            key: format!("{}:{}", self.subject, self.kind.as_str()),
            kind: self.kind,
            connector: self.connector,
            summary: format!("{} expires on {}", self.what, self.at.format("%Y-%m-%d")),
            details: Vec::new(),
            todo: self.todo,
            expires_at: Some(self.at),
        })
    }
}
