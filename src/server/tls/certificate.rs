//! A certificate with its key, as it is in two files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::provider;
use crate::{
    config::{SecretError, TlsConfig, check_secret_file},
    secrets::{CertificateFacts, Hash, read_certificate, sha256},
};

/// Why a certificate cannot be used. All say which file is to blame.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be read.
    #[error("{path} cannot be read: {1}", path = .0.display())]
    Unreadable(PathBuf, io::Error),
    /// The key may be read by everybody, or by nobody.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// No certificate in the file.
    #[error("{path} has no usable certificate in PEM: {1}", path = .0.display())]
    NoCertificate(PathBuf, pem::Error),
    /// A certificate whose words nobody understands.
    #[error("{path} has a certificate that cannot be read", path = .0.display())]
    Malformed(PathBuf),
    /// No key in the file.
    #[error("{path} has no usable private key in PEM: {1}", path = .0.display())]
    NoKey(PathBuf, pem::Error),
    /// The two do not belong together, or are of a kind that nobody takes.
    #[error("{path} and {key} cannot be used together: {2}", path = .0.display(), key = .1.display())]
    Pair(PathBuf, PathBuf, rustls::Error),
    /// It is over.
    #[error("{path} has a certificate that expired on {date}", path = .0.display(), date = .1.format("%Y-%m-%d"))]
    Expired(PathBuf, DateTime<Utc>),
    /// It has not begun.
    #[error("{path} has a certificate that is good from {date} on", path = .0.display(), date = .1.format("%Y-%m-%d"))]
    NotYet(PathBuf, DateTime<Utc>),
    /// It could be chosen for no client.
    #[error("{path} has a certificate that names no host, so nobody would be shown it", path = .0.display())]
    NoHost(PathBuf),
}

/// What two files hold, not yet looked at.
pub(super) struct Files {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Files {
    /// Reads both. The key must not be open to every user of the machine.
    pub(super) fn read(config: &TlsConfig) -> Result<Self, CertificateError> {
        check_secret_file(&config.key)?;
        Ok(Self { certificate: read(&config.certificate)?, key: read(&config.key)?.into() })
    }

    /// What tells them from what was there before.
    pub(super) fn digest(&self) -> Hash {
        sha256(&[sha256(&self.certificate), sha256(&self.key)].concat())
    }

    /// The certificate, if it can be used now.
    pub(super) fn open(
        &self,
        config: &TlsConfig,
        now: DateTime<Utc>,
    ) -> Result<Loaded, CertificateError> {
        let path = || config.certificate.clone();
        let chain = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| CertificateError::NoCertificate(path(), error))?;
        let Some(leaf) = chain.first() else {
            return Err(CertificateError::NoCertificate(path(), pem::Error::NoItemsFound));
        };
        let facts = read_certificate(leaf).ok_or_else(|| CertificateError::Malformed(path()))?;
        if facts.not_after < now {
            return Err(CertificateError::Expired(path(), facts.not_after));
        }
        if facts.not_before > now {
            return Err(CertificateError::NotYet(path(), facts.not_before));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| CertificateError::NoKey(config.key.clone(), error))?;
        let pair = |error| CertificateError::Pair(path(), config.key.clone(), error);
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(pair)?;
        Ok(Loaded { key: Arc::new(key), facts, digest: self.digest() })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|error| CertificateError::Unreadable(path.to_owned(), error))
}

/// A certificate that can be used.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) facts: CertificateFacts,
    pub(super) digest: Hash,
}
