//! When what a connector proves itself with expires, where nobody else says so.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::ConnectorConfig;

impl ConnectorConfig {
    /// When the credential expires, if the configuration says so: at the beginning of that day.
    #[must_use]
    pub fn credential_expires_at(&self) -> Option<DateTime<Utc>> {
        self.credential_expires.map(|day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc())
    }

    pub(super) fn check_alarms(&self, key: &str, problems: &mut super::Problems) {
        if !(2..=MOST_INTERVALS).contains(&self.overdue_intervals) {
            let problem = format!("must be between 2 and {MOST_INTERVALS}");
            problems.add(format!("{key}.overdue_intervals"), problem);
        }
    }
}

const MOST_INTERVALS: u32 = 1000;

pub(super) fn three() -> u32 {
    3
}
