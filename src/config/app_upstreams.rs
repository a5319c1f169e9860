//! Where applications are.

use std::collections::BTreeSet;

use url::Url;

use super::{AppConfig, Problems};

/// More nodes than any cluster has.
const MOST_ADDRESSES: usize = 32;

impl AppConfig {
    /// Where the gateway finds it: at one address, or at several.
    pub fn addresses(&self) -> impl Iterator<Item = &Url> {
        self.upstream.iter().chain(&self.upstreams)
    }

    /// The page by which its addresses are looked at. A single one gets all requests, however it is: it is looked at only
    /// if there is an `[app.health]` table.
    #[must_use]
    pub fn health_path(&self) -> Option<String> {
        let is_wanted = self.health.is_some() || self.upstreams.len() > 1;
        let path = self.health.clone().unwrap_or_default();
        path.path(self.kind).filter(|_| is_wanted).map(|path| format!("{}{path}", self.prefix()))
    }

    pub(super) fn check_upstreams(&self, key: &str, problems: &mut Problems) {
        match (&self.upstream, &*self.upstreams) {
            (None, []) => {
                problems.add(format!("{key}.upstream"), "name the address of the application");
            }
            (Some(_), [_, ..]) => {
                problems.add(
                    format!("{key}.upstreams"),
                    "name all addresses here, or the only one in upstream",
                );
            }
            (_, all) if all.len() > MOST_ADDRESSES => {
                problems
                    .add(format!("{key}.upstreams"), format!("must be at most {MOST_ADDRESSES}"));
            }
            _ => {}
        }
        let single = self.upstream.iter().map(|url| (format!("{key}.upstream"), url));
        let several = self.upstreams.iter().enumerate();
        let several = several.map(|(index, url)| (format!("{key}.upstreams[{index}]"), url));
        for (key, url) in single.chain(several) {
            check_address(url, &key, problems);
        }
        let mut seen = BTreeSet::new();
        for (index, url) in self.upstreams.iter().enumerate() {
            if !seen.insert((url.host_str(), url.port_or_known_default())) {
                problems.add(format!("{key}.upstreams[{index}]"), format!("{url} is there twice"));
            }
        }
        if let Some(tls) = &self.upstream_tls {
            let speaks_tls = self.addresses().any(|url| url.scheme() == "https");
            tls.check(&format!("{key}.upstream_tls"), speaks_tls, problems);
        }
        if let Some(health) = &self.health {
            health.check(&format!("{key}.health"), problems);
        }
        self.connections.check(&format!("{key}.connections"), problems);
    }
}

fn check_address(url: &Url, key: &str, problems: &mut Problems) {
    let reachable = matches!(url.scheme(), "http" | "https") && url.has_host();
    if !reachable || url.path() != "/" || url.query().is_some() {
        let problem =
            format!("{url} must be http(s)://host:port, without a path: paths stay as they are");
        problems.add(key, problem);
    }
}
