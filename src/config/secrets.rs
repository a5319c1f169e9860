//! The `[secrets]` table.

use serde::Deserialize;

use super::{Problems, SecretSource};

/// What the gateway seals and signs with.
#[derive(Clone, Debug, Deserialize)]
pub struct SecretsConfig {
    /// At least 32 random bytes that every other key is derived from.
    pub master_key: SecretSource,

    /// Master keys of before, newest first: what they sealed can still be opened.
    #[serde(default)]
    pub previous_master_keys: Vec<SecretSource>,

    /// So many days after a key began to sign what applications are told, another one follows. Default: 90.
    #[serde(default = "default_signing_key_days")]
    pub signing_key_days: u32,
}

impl SecretsConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        if !(2..=3650).contains(&self.signing_key_days) {
            problems.add("secrets.signing_key_days", "must be between 2 and 3650");
        }
    }
}

fn default_signing_key_days() -> u32 {
    90
}
