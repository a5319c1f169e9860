//! What a certificate says of itself. The only door to `x509_parser`.

use chrono::{DateTime, Utc};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, time::ASN1Time,
};

/// For whom a certificate is good, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The hosts that it names, in small letters; `*.example.com` stands for one label more (RFC 6125 6.4.3).
    pub hosts: Vec<String>,
    /// From when on it is good.
    pub not_before: DateTime<Utc>,
    /// Until when.
    pub not_after: DateTime<Utc>,
}

/// Reads a certificate (DER); nothing if it cannot be read.
#[must_use]
pub fn read_certificate(der: &[u8]) -> Option<CertificateFacts> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    Some(CertificateFacts {
        hosts: hosts(&certificate),
        not_before: moment(certificate.validity().not_before)?,
        not_after: moment(certificate.validity().not_after)?,
    })
}

/// Until when a certificate (DER) says that it is good (RFC 5280 4.1.2.5); nothing if it cannot be read.
#[must_use]
pub fn certificate_expiry(der: &[u8]) -> Option<DateTime<Utc>> {
    read_certificate(der).map(|facts| facts.not_after)
}

/// Browsers look at subject alternative names only (RFC 9110 4.3.4).
fn hosts(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter();
    let hosts = names.filter_map(|name| match name {
        GeneralName::DNSName(host) => Some(host.to_ascii_lowercase()),
        _ => None,
    });
    hosts.collect()
}

fn moment(time: ASN1Time) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.timestamp(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_expires_never() {
        assert_eq!(certificate_expiry(b"nothing"), None);
    }

    #[test]
    fn names_and_the_end_are_what_the_certificate_says() {
        let names = ["localhost".to_owned(), "*.Example.test".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let facts = read_certificate(made.cert.der()).unwrap();
        assert_eq!(facts.hosts, ["localhost", "*.example.test"]);
        // What rcgen says unless it is told otherwise: the end of what can be written.
        assert_eq!(facts.not_after.to_rfc3339(), "4096-01-01T00:00:00+00:00");
        assert_eq!(certificate_expiry(made.cert.der()), Some(facts.not_after));
    }
}
