//! The `[app.upstream_tls]` tables.

use std::path::PathBuf;

use serde::Deserialize;

use super::Problems;

/// How TLS is spoken to an app. Its certificate is always verified; nothing switches that off.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct UpstreamTlsConfig {
    /// A file with the certificates (PEM) that are trusted there, instead of the system's: a CA's, or the app's own.
    pub ca: Option<PathBuf>,
    /// The certificate that the gateway shows there, and its intermediates, PEM. Default: none.
    pub certificate: Option<PathBuf>,
    /// That certificate's private key, PEM.
    pub key: Option<PathBuf>,
    /// The name that the app's certificate must have. Default: the host of its address.
    pub server_name: Option<String>,
}

impl UpstreamTlsConfig {
    /// Both files of the gateway's own certificate, if it has one there.
    #[must_use]
    pub fn pair(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.certificate.as_ref().zip(self.key.as_ref())
    }

    pub(super) fn check(&self, key: &str, speaks_tls: bool, problems: &mut Problems) {
        if !speaks_tls {
            problems.add(key, "no address of the app begins with https://");
        }
        if self.certificate.is_some() != self.key.is_some() {
            problems.add(key, "certificate and key belong together: name both");
        }
    }
}
