//! The `[secrets]` table.

use serde::Deserialize;

use super::SecretSource;

/// What the gateway seals and signs with.
#[derive(Clone, Debug, Deserialize)]
pub struct SecretsConfig {
    /// At least 32 random bytes that every other key is derived from.
    pub master_key: SecretSource,

    /// Master keys of before, newest first: what they sealed can still be opened.
    #[serde(default)]
    pub previous_master_keys: Vec<SecretSource>,
}
