//! Handshakes that come to nothing.

use std::io;

use rustls::{Error, InvalidMessage, PeerIncompatible};

/// The word for it in logs and metrics; none if the client has only gone away. It has been sent an alert.
pub(crate) fn reason(error: &io::Error) -> Option<&'static str> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            // Whoever knows TLS 1.2 names the signatures that they know (RFC 5246 section 7.4.1.4.1), and it is looked at first.
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
        ) => "tls-too-old",
        Error::PeerIncompatible(_) => "tls-incompatible",
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "tls-not-spoken",
        Error::AlertReceived(_) => "tls-refused-by-client",
        // What rustls says where no certificate is to be shown, and of nothing else that a client can do.
        Error::General(_) => "tls-host-unknown",
        _ => "tls-broken",
    })
}
