//! `gatehouse healthcheck`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use super::{BAD_CONFIGURATION, complain, say};
use crate::config::ServerConfig;

/// Who does not answer in this time is not well.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is asked of a running gateway.
#[derive(Debug, clap::Args)]
pub(super) struct Healthcheck {
    /// Only whether it lives, which it does while it stops as well.
    #[arg(long)]
    alive: bool,
}

impl Healthcheck {
    pub(super) fn run(&self, path: &Path) -> ExitCode {
        let server = match ServerConfig::load(path) {
            Ok(server) => server,
            Err(problems) => {
                complain(&format_args!("{} has problems:\n{problems}", path.display()));
                return ExitCode::from(BAD_CONFIGURATION);
            }
        };
        match ask(&self.url(&server)) {
            Ok(answer) => {
                say(answer.trim_end());
                ExitCode::SUCCESS
            }
            Err(error) => {
                complain(&format_args!("{error:#}"));
                ExitCode::FAILURE
            }
        }
    }

    fn url(&self, server: &ServerConfig) -> String {
        let scheme = if server.internal_tls.is_some() { "https" } else { "http" };
        let path = if self.alive { "healthz" } else { "readyz" };
        format!("{scheme}://{}/{path}", reachable(server.internal_listen))
    }
}

/// An address that can be connected to, for one that stands for all of this machine's.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

/// The certificate is for the name that applications know. Nothing secret is said, so whoever answers is believed, as the
/// probes of Kubernetes do it.
fn ask(url: &str) -> anyhow::Result<String> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { Ok(client.get(url).send().await?.error_for_status()?.text().await?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_asked_on_this_machine() {
        let reachable = |address: &str| reachable(address.parse().unwrap()).to_string();
        assert_eq!(reachable("0.0.0.0:9090"), "127.0.0.1:9090");
        assert_eq!(reachable("[::]:9090"), "[::1]:9090");
        assert_eq!(reachable("10.0.0.7:9090"), "10.0.0.7:9090");
    }
}
