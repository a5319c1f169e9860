//! The `[secrets]` table.

use std::path::PathBuf;

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

    /// Signs what the gateway asks of identity providers. Default: requests are not signed.
    pub saml_signing: Option<SamlSigningConfig>,
}

/// The key pair of the gateway as a SAML service provider.
#[derive(Clone, Debug, Deserialize)]
pub struct SamlSigningConfig {
    /// The private key, PEM (PKCS #8; RSA, or ECDSA on P-256).
    pub key: SecretSource,
    /// Its certificate, PEM, as the metadata shows it.
    pub certificate: PathBuf,
}
