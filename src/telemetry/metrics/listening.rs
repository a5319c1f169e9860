//! What is counted of connections, and of the certificates that are shown on them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// Connections of browsers, and certificates.
#[derive(Clone, Debug, Default)]
pub struct ListeningMetrics {
    connections: Gauge,
    certificate_looks: Family<LookLabels, Counter>,
    certificate_expires: Family<CertificateLabels, Gauge>,
    certificate_stale: Family<CertificateLabels, Gauge>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CertificateLabels {
    /// Its key in the configuration, such as `server.tls`.
    pub certificate: Arc<str>,
}

/// What new files came to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LookLabels {
    /// The certificate's key in the configuration.
    pub certificate: Arc<str>,
    /// `loaded`, or `refused`, so that the old one stays.
    pub outcome: &'static str,
}

impl ListeningMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let connections = self.connections.clone();
        registry.register("open_connections", "Connections of browsers that are open", connections);
        let looks = self.certificate_looks.clone();
        registry.register(
            "certificate_reloads",
            "New files of certificates, and what came of them",
            looks,
        );
        let expires = self.certificate_expires.clone();
        let help = "Until when the certificates are good that clients are shown";
        registry.register("certificate_expires_timestamp_seconds", help, expires);
        let stale = self.certificate_stale.clone();
        let help = "Whether a certificate's files have something that cannot be used";
        registry.register("certificate_stale", help, stale);
    }

    /// Counts a connection that begins.
    pub fn connect(&self) {
        self.connections.inc();
    }

    /// Counts one that has ended.
    pub fn disconnect(&self) {
        self.connections.dec();
    }

    /// Counts new files of a certificate.
    pub fn count_certificate(&self, certificate: &str, outcome: &'static str) {
        let labels = LookLabels { certificate: certificate.into(), outcome };
        self.certificate_looks.get_or_create(&labels).inc();
    }

    /// Says nothing more of a certificate.
    pub fn forget_certificate(&self, certificate: &str) {
        let labels = CertificateLabels { certificate: certificate.into() };
        self.certificate_expires.remove(&labels);
        self.certificate_stale.remove(&labels);
    }

    /// Shows until when a certificate is good, and whether it is what its files have.
    pub fn show_certificate(&self, certificate: &str, good_until: DateTime<Utc>, is_stale: bool) {
        let labels = CertificateLabels { certificate: certificate.into() };
        self.certificate_expires.get_or_create(&labels).set(good_until.timestamp());
        self.certificate_stale.get_or_create(&labels).set(is_stale.into());
    }
}
