//! The `[store]` table.

use serde::Deserialize;

use super::{Problems, SecretSource};

/// Where the gateway remembers things.
#[derive(Clone, Debug, Deserialize)]
pub struct StoreConfig {
    /// `sqlite:///path/to/file` for one gateway, `postgres://user@host/database` for several.
    pub url: String,

    /// The password of the PostgreSQL user, if it has one.
    pub password: Option<SecretSource>,

    /// So many days of the change log are kept, and with them what can be undone. Default: all of it.
    pub keep_changes_days: Option<u32>,
}

impl StoreConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if !known.iter().any(|scheme| self.url.starts_with(scheme)) {
            problems.add("store.url", "must begin with sqlite:// or postgres://");
        }
        if self.keep_changes_days.is_some_and(|days| !(1..=36_500).contains(&days)) {
            problems.add("store.keep_changes_days", "must be between 1 and 36500");
        }
        let password = url::Url::parse(&self.url).is_ok_and(|url| url.password().is_some());
        if password {
            problems.add("store.url", "must not hold the password: move it to store.password");
        }
    }
}
