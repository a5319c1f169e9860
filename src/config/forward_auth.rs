//! The `[forward_auth]` table.

use ipnet::IpNet;
use serde::Deserialize;

use super::Problems;

/// Proxies that pass requests on by themselves, and ask the gateway of each whether they may.
#[derive(Clone, Debug, Deserialize)]
pub struct ForwardAuthConfig {
    /// Who may ask, at `server.internal_listen`: what they say of a request and of its client is believed.
    pub peers: Vec<IpNet>,
}

impl ForwardAuthConfig {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.peers.is_empty() {
            problems.add("forward_auth.peers", "name at least one, such as \"127.0.0.1/32\"");
        }
        for (index, peer) in
            self.peers.iter().enumerate().filter(|(_, peer)| peer.prefix_len() == 0)
        {
            let problem = format!("{peer} is everybody, and everybody's word would be believed");
            problems.add(format!("forward_auth.peers[{index}]"), problem);
        }
    }

    /// The peers who are no `proxies`: of what they pass to the gateway itself, it would not be known whose it is.
    pub fn are_missing_in<'a>(&'a self, proxies: &'a [IpNet]) -> impl Iterator<Item = &'a IpNet> {
        let has = |peer: &IpNet| proxies.iter().any(|proxy| proxy.contains(peer));
        self.peers.iter().filter(move |peer| !has(peer))
    }
}
