//! Until when a certificate is good. The only door to `x509_parser`.

use chrono::{DateTime, Utc};
use x509_parser::parse_x509_certificate;

/// Until when a certificate (DER) says that it is good (RFC 5280 4.1.2.5); nothing if it cannot be read.
#[must_use]
pub fn certificate_expiry(der: &[u8]) -> Option<DateTime<Utc>> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_expires_never() {
        assert_eq!(certificate_expiry(b"nothing"), None);
    }

    #[test]
    fn the_end_is_what_the_certificate_says() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        // What rcgen says unless it is told otherwise: the end of what can be written.
        let expires = certificate_expiry(made.cert.der()).unwrap();
        assert_eq!(expires.to_rfc3339(), "4096-01-01T00:00:00+00:00");
    }
}
