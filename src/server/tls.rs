//! TLS to browsers.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsConfig;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in the file.
    #[error("{0} has no usable certificate in PEM: {1}")]
    Certificate(String, pem::Error),
    /// No key in the file.
    #[error("{0} has no usable private key in PEM: {1}")]
    Key(String, pem::Error),
    /// The two do not belong together, or are of a kind that nobody takes.
    #[error("the certificate and the key cannot be used together: {0}")]
    Pair(#[from] rustls::Error),
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What HTTP/2 is called while TLS is agreed upon (RFC 9113 section 3.2).
const HTTP2: &[u8] = b"h2";

/// Speaks TLS 1.2 and 1.3 with this certificate, and offers HTTP/1.1, and HTTP/2 if it is wanted.
pub fn acceptor(config: &TlsConfig, http2: bool) -> Result<TlsAcceptor, TlsError> {
    let name = |path: &Path| path.display().to_string();
    let certificates = CertificateDer::pem_file_iter(&config.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| TlsError::Certificate(name(&config.certificate), error))?;
    if certificates.is_empty() {
        return Err(TlsError::Certificate(name(&config.certificate), pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&config.key)
        .map_err(|error| TlsError::Key(name(&config.key), error))?;
    let mut tls = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    let offered = http2.then_some(HTTP2).into_iter().chain([&b"http/1.1"[..]]);
    tls.alpn_protocols = offered.map(<[u8]>::to_vec).collect();
    Ok(TlsAcceptor::from(Arc::new(tls)))
}
