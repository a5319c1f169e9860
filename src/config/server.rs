//! The `[server]` table.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use serde::Deserialize;
use url::Url;

use super::{Problems, urls};

/// Where the gateway listens, and where people log in.
#[derive(Clone, Debug, Deserialize)]
pub struct ServerConfig {
    /// Where people log in, as browsers see it: scheme, host and port.
    pub login_url: Url,

    /// The addresses that browsers are served at.
    #[serde(default)]
    pub listen: Vec<SocketAddr>,

    /// Addresses for load balancers: each of their connections begins with a PROXY header (version 1
    /// or 2), and only trusted proxies may come. Default: none.
    #[serde(default)]
    pub proxy_protocol_listen: Vec<SocketAddr>,

    /// The address for machines: `/healthz`, `/readyz` and `/metrics`, and the Crowd server if any
    /// application may ask it. Default: 127.0.0.1:9090.
    #[serde(default = "default_internal_listen")]
    pub internal_listen: SocketAddr,

    /// The certificate for machines. Default: none; they are spoken to in clear.
    pub internal_tls: Option<TlsConfig>,

    /// Whether something else encrypts what comes to `internal_listen`, such as a service mesh. Default: false.
    #[serde(default)]
    pub internal_encrypted_elsewhere: bool,

    /// Load balancers in front: their `X-Forwarded-For` is believed. Default: nobody's.
    #[serde(default)]
    pub trusted_proxies: Vec<IpNet>,

    /// The certificate for whoever asks for no host, or for one that no other certificate names. Without any, something
    /// in front has to speak TLS.
    pub tls: Option<TlsConfig>,

    /// Certificates for the hosts that they name, besides `tls`. Without that, who asks for other hosts is refused.
    #[serde(default)]
    pub certificate: Vec<TlsConfig>,

    /// Whether HTTP/2 is offered with TLS; HTTP/1.1 always is. Default: true.
    #[serde(default = "default_http2")]
    pub http2: bool,

    /// So many connections are served at a time; others wait. Default: 10000.
    #[serde(default = "default_max_connections")]
    pub max_connections: usize,

    /// So many of them may be one client's (an IPv6 network's, /64); more are closed at once. Those of trusted proxies are
    /// not counted. Default: half of `max_connections`.
    pub max_connections_per_client: Option<usize>,

    /// How long a connection that nobody uses stays open; longer than load balancers in front keep theirs. Default: 75.
    #[serde(default = "default_keep_alive")]
    pub keep_alive_seconds: u64,

    /// How long the gateway goes on serving after SIGTERM, unready, so that load balancers turn away first. Default: 5.
    #[serde(default = "default_drain")]
    pub drain_seconds: u64,

    /// How long requests may take to end after that. Default: 30.
    #[serde(default = "default_shutdown_grace")]
    pub shutdown_grace_seconds: u64,
}

/// What TLS is spoken with.
#[derive(Clone, Debug, Deserialize)]
pub struct TlsConfig {
    /// The certificate and its intermediates, PEM.
    pub certificate: PathBuf,
    /// The certificate's private key, PEM.
    pub key: PathBuf,
}

impl ServerConfig {
    /// Reads only this table, whatever the rest of the file says: who asks how a gateway is does not care what the next one
    /// would be started with.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        #[derive(Deserialize)]
        struct OnlyServer {
            server: ServerConfig,
        }
        let mut problems = Problems::default();
        let text = problems.check(path.display(), fs::read_to_string(path));
        let only = |text: String| {
            toml::from_str::<OnlyServer>(&text).map_err(|error| error.message().to_owned())
        };
        let read = text.and_then(|text| problems.check("server", only(text)));
        read.map(|read| read.server).ok_or(problems)
    }

    /// Whether what applications ask, passwords among it, would cross the network in clear.
    pub(super) fn is_internal_in_clear(&self) -> bool {
        let encrypted = self.internal_tls.is_some() || self.internal_encrypted_elsewhere;
        !encrypted && !self.internal_listen.ip().is_loopback()
    }

    /// Whether browsers are spoken to in TLS.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.tls.is_some() || !self.certificate.is_empty()
    }

    /// How many connections one client may have.
    #[must_use]
    pub fn max_connections_per_client(&self) -> usize {
        self.max_connections_per_client.unwrap_or_else(|| self.max_connections.div_ceil(2))
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        if let Err(problem) = urls::check_origin(&self.login_url) {
            problems.add("server.login_url", problem);
        }
        if self.listen.is_empty() && self.proxy_protocol_listen.is_empty() {
            problems.add("server.listen", "name at least one address, such as \"0.0.0.0:443\"");
        }
        if !self.proxy_protocol_listen.is_empty() && self.trusted_proxies.is_empty() {
            problems.add(
                "server.proxy_protocol_listen",
                "nobody could come: name the load balancers in trusted_proxies",
            );
        }
        if !(1..=MOST_CONNECTIONS).contains(&self.max_connections) {
            let problem = format!("must be between 1 and {MOST_CONNECTIONS}");
            problems.add("server.max_connections", problem);
        }
        let per_client = self.max_connections_per_client();
        if !(1..=self.max_connections.max(1)).contains(&per_client) {
            let problem = "must be between 1 and max_connections";
            problems.add("server.max_connections_per_client", problem);
        }
        if !(5..=LONGEST_KEEP_ALIVE).contains(&self.keep_alive_seconds) {
            let problem = format!("must be between 5 and {LONGEST_KEEP_ALIVE}");
            problems.add("server.keep_alive_seconds", problem);
        }
        if self.drain_seconds > LONGEST_DRAIN {
            let problem = format!("must not be more than {LONGEST_DRAIN}");
            problems.add("server.drain_seconds", problem);
        }
        // Cookies and identities would cross the network in clear.
        let behind_tls = self.speaks_tls() || !self.trusted_proxies.is_empty();
        if !behind_tls && !self.listen.iter().all(|address| address.ip().is_loopback()) {
            problems.add(
                "server.tls",
                "needed to listen beyond 127.0.0.1: name certificate and key, or name the proxy \
                 that speaks TLS in trusted_proxies",
            );
        }
    }
}

fn default_internal_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9090))
}

fn default_http2() -> bool {
    true
}

/// More, no machine has file descriptors for.
const MOST_CONNECTIONS: usize = 1_000_000;

fn default_max_connections() -> usize {
    10_000
}

/// Applications' tabs are left open for hours; nobody needs their connections meanwhile.
const LONGEST_KEEP_ALIVE: u64 = 3600;

fn default_keep_alive() -> u64 {
    75
}

/// Longer, no service manager waits.
const LONGEST_DRAIN: u64 = 600;

fn default_drain() -> u64 {
    5
}

fn default_shutdown_grace() -> u64 {
    30
}
