//! TLS to browsers.

mod certificate;
mod certificates;
mod handshake;

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
};
use tokio_rustls::TlsAcceptor;

pub(super) use self::handshake::reason;
pub use self::{
    certificate::CertificateError,
    certificates::{Certificates, InUse, KeyPair, Look},
};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What HTTP/2 is called while TLS is agreed upon (RFC 9113 section 3.2).
const HTTP2: &[u8] = b"h2";

/// Speaks TLS 1.2 and 1.3 with these certificates, as they are by then, and offers HTTP/1.1, and HTTP/2 if it is wanted.
pub fn acceptor(
    certificates: Arc<Certificates>,
    http2: bool,
) -> Result<TlsAcceptor, rustls::Error> {
    let mut tls = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    let offered = http2.then_some(HTTP2).into_iter().chain([&b"http/1.1"[..]]);
    tls.alpn_protocols = offered.map(<[u8]>::to_vec).collect();
    Ok(TlsAcceptor::from(Arc::new(tls)))
}
