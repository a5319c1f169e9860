//! What somebody should know of.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::config::AlarmKind;

/// What somebody should know of. It says the same for as long as nothing changes: what only the clock changes, such as how
/// many days are left, is worked out when it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is and of what, such as `connector:corp:failed`.
    pub key: String,
    /// What it is.
    pub kind: AlarmKind,
    /// The connector, if it is one's.
    pub connector: Option<String>,
    /// A sentence.
    pub summary: String,
    /// What is known besides, a line each. Others may have written it: names of groups, what clouds say of errors.
    pub details: Vec<String>,
    /// What to do about it.
    pub todo: String,
    /// When something expires.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Condition {
    /// Whether it stops something, rather than being about to.
    #[must_use]
    pub fn is_critical(&self, now: DateTime<Utc>) -> bool {
        match self.kind {
            AlarmKind::Failed | AlarmKind::AuthFailed | AlarmKind::Overdue => true,
            AlarmKind::Waits | AlarmKind::Warnings => false,
            AlarmKind::CredentialExpires | AlarmKind::CertificateExpires => self.has_expired(now),
        }
    }

    /// Whether it is of something that has expired.
    #[must_use]
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}
