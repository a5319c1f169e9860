//! Where applications find the gateway as a Crowd server.

use super::ServerConfig;

impl ServerConfig {
    /// The base URL that applications are given; of a gateway that listens at all of its addresses, with this host.
    #[must_use]
    pub fn crowd_url(&self, anywhere: &str) -> String {
        let address = self.internal_listen;
        let scheme = if self.internal_tls.is_some() { "https" } else { "http" };
        if address.ip().is_unspecified() {
            return format!("{scheme}://{anywhere}:{}/crowd/", address.port());
        }
        format!("{scheme}://{address}/crowd/")
    }
}
