//! The gateway's own certificates, from the configuration.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use crate::{
    alarms::Expiring,
    clock::Clock,
    config::{AlarmKind, Config, Problems},
    lifecycle::Background,
    server::{CertificateError, Certificates, InUse, KeyPair},
    telemetry::{ListeningMetrics, Metrics},
};

/// How often it is looked whether there is something new in the files.
const LOOK: Duration = Duration::from_secs(5);

/// What browsers are shown, and what machines are.
#[derive(Clone, Debug)]
pub(super) struct OwnCertificates {
    pub(super) browsers: Option<Arc<Certificates>>,
    pub(super) machines: Option<Arc<Certificates>>,
}

impl OwnCertificates {
    /// Reads all of them.
    pub(super) fn load(config: &Config, now: DateTime<Utc>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut load = |pairs: Vec<KeyPair>| {
            if pairs.is_empty() {
                return None;
            }
            let loaded = Certificates::load(pairs, now);
            loaded.map_err(|errors| report(errors, &mut problems)).ok().map(Arc::new)
        };
        let (browsers, machines) = (load(for_browsers(config)), load(for_machines(config)));
        problems.into_result().map(|()| Self { browsers, machines })
    }

    /// Shows new files as soon as they are there, until the gateway stops.
    pub(super) fn follow(&self, clock: &Clock, metrics: &Metrics, background: &Background) {
        let (own, clock, metrics) = (self.clone(), clock.clone(), metrics.listening.clone());
        background.every("look at certificates", LOOK, move || {
            let (own, now, metrics) = (own.clone(), clock.now(), metrics.clone());
            async move {
                // Files may be on a disk that is slow.
                let _ = tokio::task::spawn_blocking(move || own.look(now, &metrics)).await;
            }
        });
    }

    /// Shows others from now on. Whether there are any stays as it is.
    pub(super) fn replace_by(&self, others: &Self, metrics: &ListeningMetrics) {
        for InUse { key, .. } in self.in_use() {
            metrics.forget_certificate(&key);
        }
        for (shown, others) in
            [(&self.browsers, &others.browsers), (&self.machines, &others.machines)]
        {
            if let (Some(shown), Some(others)) = (shown, others) {
                shown.replace_by(others);
            }
        }
        self.count(metrics);
    }

    /// Looks at the files once.
    pub(super) fn look(&self, now: DateTime<Utc>, metrics: &ListeningMetrics) {
        for look in self.all().flat_map(|certificates| certificates.look(now)) {
            let certificate = look.key;
            match look.outcome {
                Ok(good_until) => {
                    metrics.count_certificate(&certificate, "loaded");
                    tracing::info!(certificate, %good_until, "a new certificate is shown");
                }
                Err(error) => {
                    metrics.count_certificate(&certificate, "refused");
                    tracing::error!(
                        certificate,
                        error,
                        "a new certificate cannot be used: the old one stays"
                    );
                }
            }
        }
        self.count(metrics);
    }

    fn count(&self, metrics: &ListeningMetrics) {
        for InUse { key, good_until, problem } in self.in_use() {
            metrics.show_certificate(&key, good_until, problem.is_some());
        }
    }

    /// Of whose end somebody is told in time.
    pub(super) fn expiring(&self) -> Vec<Expiring> {
        let expiring = self.in_use().map(|InUse { key, good_until, problem }| Expiring {
            kind: AlarmKind::CertificateExpires,
            connector: None,
            what: format!("the gateway's certificate ({key})"),
            at: good_until,
            todo: match problem {
                None => {
                    "Put a new one into the file: the gateway shows it within seconds.".to_owned()
                }
                Some(problem) => format!("What is in its files now cannot be used: {problem}."),
            },
            subject: key,
        });
        expiring.collect()
    }

    fn all(&self) -> impl Iterator<Item = &Certificates> {
        self.browsers.iter().chain(&self.machines).map(|certificates| &**certificates)
    }

    fn in_use(&self) -> impl Iterator<Item = InUse> {
        self.all().flat_map(Certificates::in_use)
    }
}

/// What is wrong, by the keys of the configuration.
fn report(errors: Vec<(String, CertificateError)>, problems: &mut Problems) {
    for (key, error) in errors {
        problems.add(key, error);
    }
}

/// Those for browsers; the first of the configuration's is for whoever asks for no other.
fn for_browsers(config: &Config) -> Vec<KeyPair> {
    let server = &config.server;
    let default = server.tls.iter().map(|files| ("server.tls".to_owned(), files, true));
    let others = server.certificate.iter().enumerate();
    let others =
        others.map(|(index, files)| (format!("server.certificate[{index}]"), files, false));
    let pairs = default.chain(others);
    pairs
        .map(|(key, files, is_default)| KeyPair { key, files: files.clone(), is_default })
        .collect()
}

/// The one for machines, which need not say whom they ask for.
fn for_machines(config: &Config) -> Vec<KeyPair> {
    let tls = config.server.internal_tls.iter();
    let pairs = tls.map(|files| KeyPair {
        key: "server.internal_tls".to_owned(),
        files: files.clone(),
        is_default: true,
    });
    pairs.collect()
}
