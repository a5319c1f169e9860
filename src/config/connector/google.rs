//! `[connector.google]`.

use serde::Deserialize;
use url::Url;

use super::{Problems, check_url};
use crate::config::SecretSource;

/// A customer of Google Workspace, and the service account that the gateway is there.
#[derive(Clone, Debug, Deserialize)]
pub struct GoogleConfig {
    /// The service account's key, as Google gives it (JSON). Domain-wide delegation has to be granted to it.
    pub key: SecretSource,
    /// The address of the administrator for whom it asks: one who may only read is enough.
    pub admin: String,
    /// The customer. Default: the administrator's own.
    #[serde(default = "own")]
    pub customer: String,
    /// Whether who is in a group of a group counts as a member of both. Default: true.
    #[serde(default = "yes")]
    pub nested_groups: bool,
    /// Custom schemas whose fields are read as well, such as `Employee`. Default: none.
    #[serde(default)]
    pub custom_schemas: Vec<String>,
    /// Where the API is. Default: `https://admin.googleapis.com`.
    pub api: Option<Url>,
}

impl GoogleConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        if !self.admin.contains('@') {
            problems.add(format!("{key}.admin"), "must be an administrator's address");
        }
        if self.customer.is_empty()
            || !self.customer.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            problems.add(
                format!("{key}.customer"),
                "must be my_customer, or the customer's id, such as C01abc23d",
            );
        }
        let is_name = |name: &String| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        };
        if !self.custom_schemas.iter().all(is_name) {
            problems.add(format!("{key}.custom_schemas"), "must be names of custom schemas");
        }
        if let Some(api) = &self.api {
            check_url(&format!("{key}.api"), api, problems);
        }
    }
}

fn own() -> String {
    "my_customer".to_owned()
}

fn yes() -> bool {
    true
}
