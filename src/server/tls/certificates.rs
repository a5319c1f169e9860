//! The certificates that clients are shown, each by the names in it, and exchanged while they are in use.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use rustls::{
    SignatureScheme,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::certificate::{CertificateError, Files, Loaded};
use crate::config::TlsConfig;

/// A certificate of the configuration.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// Its key there, such as `server.tls`.
    pub key: String,
    /// Its files.
    pub files: TlsConfig,
    /// Whether who asks for no host, or for one that no certificate names, is shown it.
    pub is_default: bool,
}

/// Certificates. What a client is shown is chosen by the host that it asks for (SNI, RFC 6066 section 3): one that names it
/// exactly before one with a wildcard, and of several that do, the first whose kind of key the client knows.
#[derive(Debug)]
pub struct Certificates {
    shown: ArcSwap<Shown>,
    pairs: Mutex<Vec<Pair>>,
}

/// A certificate in use, and what has become of its files.
#[derive(Clone, Debug)]
struct Pair {
    source: KeyPair,
    loaded: Loaded,
    /// Why what is in the files now cannot be used.
    problem: Option<String>,
}

/// What a look at the files of a certificate has found.
#[derive(Debug)]
pub struct Look {
    /// Its key in the configuration.
    pub key: String,
    /// Until when the new one is good; or why the old one stays.
    pub outcome: Result<DateTime<Utc>, String>,
}

/// A certificate that clients are shown.
#[derive(Clone, Debug)]
pub struct InUse {
    /// Its key in the configuration.
    pub key: String,
    /// Until when it is good.
    pub good_until: DateTime<Utc>,
    /// Why what is in its files now cannot be used instead.
    pub problem: Option<String>,
}

impl Certificates {
    /// Reads all of them, or says of each that cannot be used why.
    pub fn load(
        sources: Vec<KeyPair>,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<(String, CertificateError)>> {
        let pairs = Mutex::new(load(sources, now)?);
        let shown = ArcSwap::default();
        let certificates = Self { shown, pairs };
        certificates.show();
        Ok(certificates)
    }

    /// Shows others in their place, all at once.
    pub fn replace_by(&self, others: &Self) {
        let others = others.pairs().clone();
        *self.pairs() = others;
        self.show();
    }

    /// Looks at the files again. What is new there and can be used is shown from now on; where it cannot, the old one stays.
    /// Only what is new is told.
    pub fn look(&self, now: DateTime<Utc>) -> Vec<Look> {
        let found = self.pairs().iter_mut().filter_map(|pair| pair.look(now)).collect();
        self.show();
        found
    }

    /// Those that clients are shown.
    #[must_use]
    pub fn in_use(&self) -> Vec<InUse> {
        let pairs = self.pairs();
        let in_use = pairs.iter().map(|pair| InUse {
            key: pair.source.key.clone(),
            good_until: pair.loaded.facts.not_after,
            problem: pair.problem.clone(),
        });
        in_use.collect()
    }

    fn pairs(&self) -> std::sync::MutexGuard<'_, Vec<Pair>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self) {
        // Held until it is shown, so that of two who do this at once the later one is seen.
        let pairs = self.pairs();
        self.shown.store(Arc::new(Shown::of(&pairs)));
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.shown.load();
        let found = hello.server_name().and_then(|host| shown.find(host));
        choose(found.unwrap_or(&shown.default), hello.signature_schemes())
    }
}

/// The first whose kind of key the client knows; else the first, and the handshake says what is wrong.
fn choose(keys: &[Arc<CertifiedKey>], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
    let known = keys.iter().find(|key| key.key.choose_scheme(schemes).is_some());
    known.or(keys.first()).cloned()
}

/// Keys by what a client may ask for.
#[derive(Debug, Default)]
struct Shown {
    default: Vec<Arc<CertifiedKey>>,
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what stands behind `*.`.
    wildcards: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Shown {
    fn of(pairs: &[Pair]) -> Self {
        let mut shown = Self::default();
        for Pair { source, loaded, .. } in pairs {
            if source.is_default {
                shown.default.push(loaded.key.clone());
            }
            for host in &loaded.facts.hosts {
                let keys = match host.strip_prefix("*.") {
                    Some(domain) => shown.wildcards.entry(domain.to_owned()),
                    None => shown.exact.entry(host.clone()),
                };
                keys.or_default().push(loaded.key.clone());
            }
        }
        shown
    }

    fn find(&self, host: &str) -> Option<&Vec<Arc<CertifiedKey>>> {
        let host = host.to_ascii_lowercase();
        let exact = self.exact.get(&host);
        exact.or_else(|| self.wildcards.get(host.split_once('.')?.1))
    }
}

fn load(
    sources: Vec<KeyPair>,
    now: DateTime<Utc>,
) -> Result<Vec<Pair>, Vec<(String, CertificateError)>> {
    let (mut pairs, mut problems) = (Vec::new(), Vec::new());
    for source in sources {
        match Pair::load(source.clone(), now) {
            Ok(pair) => pairs.push(pair),
            Err(error) => problems.push((source.key, error)),
        }
    }
    if problems.is_empty() { Ok(pairs) } else { Err(problems) }
}

impl Pair {
    fn load(source: KeyPair, now: DateTime<Utc>) -> Result<Self, CertificateError> {
        let loaded = Files::read(&source.files)?.open(&source.files, now)?;
        source.refuse_nameless(&loaded)?;
        Ok(Self { source, loaded, problem: None })
    }

    /// What has become of the files, if that is new.
    fn look(&mut self, now: DateTime<Utc>) -> Option<Look> {
        let looked = Files::read(&self.source.files).and_then(|files| {
            if files.digest() == self.loaded.digest {
                return Ok(None);
            }
            let loaded = files.open(&self.source.files, now)?;
            self.source.refuse_nameless(&loaded)?;
            Ok(Some(loaded))
        });
        let key = self.source.key.clone();
        match looked {
            Ok(loaded) => {
                self.problem = None;
                self.loaded = loaded?;
                Some(Look { key, outcome: Ok(self.loaded.facts.not_after) })
            }
            Err(error) => {
                let problem = error.to_string();
                let is_new = self.problem.as_ref() != Some(&problem);
                self.problem = Some(problem.clone());
                is_new.then_some(Look { key, outcome: Err(problem) })
            }
        }
    }
}

impl KeyPair {
    fn refuse_nameless(&self, loaded: &Loaded) -> Result<(), CertificateError> {
        if !self.is_default && loaded.facts.hosts.is_empty() {
            return Err(CertificateError::NoHost(self.files.certificate.clone()));
        }
        Ok(())
    }
}
