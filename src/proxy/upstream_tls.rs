//! TLS to applications: whom the gateway trusts there, and who it is itself. Nothing switches verification off.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject as _},
};
use tokio_rustls::TlsConnector;

use crate::config::{SecretError, UpstreamTlsConfig, check_secret_file};

/// Why TLS cannot be spoken to an application.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamTlsError {
    /// No certificate in the file.
    #[error("{0} has no usable certificate in PEM: {1}")]
    Certificate(PathBuf, pem::Error),
    /// A certificate in the file that nobody can be trusted by.
    #[error("{0} has a certificate that cannot be trusted: {1}")]
    Root(PathBuf, rustls::Error),
    /// A key that others could read, or that cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No key in the file.
    #[error("{0} has no usable private key in PEM: {1}")]
    Key(PathBuf, pem::Error),
    /// The two do not belong together, or are of a kind that nobody takes.
    #[error("the certificate and the key cannot be used together: {0}")]
    Pair(#[from] rustls::Error),
    /// Not the name of a host.
    #[error("server_name: {0:?} names no host")]
    Name(String),
}

/// Whom the gateway trusts at an application, and who it is there.
pub struct UpstreamTls {
    current: ArcSwap<ClientConfig>,
    files: UpstreamTlsConfig,
    /// The name that the application's certificate must have, if not that of its address.
    pub(super) server_name: Option<ServerName<'static>>,
    seen: Mutex<Stamps>,
}

/// What tells a file from the one that was there before.
type Stamps = Vec<Option<(u64, i64, i64, u64)>>;

impl std::fmt::Debug for UpstreamTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UpstreamTls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl UpstreamTls {
    /// As an application's table has it; without one, whom this machine trusts.
    pub fn new(config: Option<&UpstreamTlsConfig>) -> Result<Self, UpstreamTlsError> {
        let files = config.cloned().unwrap_or_default();
        let name = files.server_name.clone().map(|name| {
            ServerName::try_from(name.clone()).map_err(|_| UpstreamTlsError::Name(name))
        });
        let seen = Mutex::new(stamps(&files));
        let current = ArcSwap::from_pointee(load(&files)?);
        Ok(Self { current, server_name: name.transpose()?, files, seen })
    }

    pub(super) fn connector(&self) -> TlsConnector {
        TlsConnector::from(self.current.load_full())
    }

    /// Whether there is something that could change.
    pub(super) fn has_files(&self) -> bool {
        self.files.ca.is_some() || self.files.certificate.is_some()
    }

    /// Takes files that have changed since the last time, for connections from now on. Those that cannot be used are
    /// told of once, and what was good stays.
    pub(super) fn follow(&self, app: &str) {
        let now = stamps(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return;
        }
        *seen = now;
        match load(&self.files) {
            Ok(tls) => {
                self.current.store(Arc::new(tls));
                tracing::info!(app, "certificates for TLS to an application have changed");
            }
            Err(error) => tracing::error!(
                app, %error, "changed certificates for TLS to an application cannot be used: those of before are"
            ),
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn load(files: &UpstreamTlsConfig) -> Result<ClientConfig, UpstreamTlsError> {
    let roots = files.ca.as_deref().map_or_else(|| Ok(system_roots()), own_roots)?;
    let tls = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let Some((certificate, key)) = files.pair() else {
        return Ok(tls.with_no_client_auth());
    };
    check_secret_file(key)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| UpstreamTlsError::Key(key.clone(), error))?;
    Ok(tls.with_client_auth_cert(certificates(certificate)?, key)?)
}

/// Whom this machine trusts.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::warn!(%error, "some of the machine's certificates cannot be read");
    }
    roots.add_parsable_certificates(loaded.certs);
    roots
}

fn own_roots(ca: &Path) -> Result<RootCertStore, UpstreamTlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|error| UpstreamTlsError::Root(ca.to_owned(), error))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, UpstreamTlsError> {
    let failed = |error| UpstreamTlsError::Certificate(path.to_owned(), error);
    let read = CertificateDer::pem_file_iter(path).map_err(failed)?;
    let certificates = read.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if certificates.is_empty() { Err(failed(pem::Error::NoItemsFound)) } else { Ok(certificates) }
}

fn stamps(files: &UpstreamTlsConfig) -> Stamps {
    let stamp = |found: io::Result<fs::Metadata>| {
        found.ok().map(|found| (found.ino(), found.mtime(), found.mtime_nsec(), found.size()))
    };
    let files = [&files.ca, &files.certificate, &files.key];
    files.into_iter().flatten().map(|path| stamp(fs::metadata(path))).collect()
}
