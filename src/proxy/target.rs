//! Where an application is, and how it is connected to.

use std::{sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use url::Url;

use super::{
    UpstreamError, UpstreamTls,
    http1::{Connection, Stream},
};

/// Where an application is.
#[derive(Clone)]
pub struct Target {
    host: String,
    port: u16,
    name: Arc<str>,
    tls: Option<(Arc<UpstreamTls>, ServerName<'static>)>,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// An address that no application can be at.
#[derive(Debug, thiserror::Error)]
#[error("{0} names no host that can be connected to")]
pub struct TargetError(Url);

impl Target {
    /// From `http://host:port` or `https://host:port`.
    pub fn new(url: &Url, trust: &Arc<UpstreamTls>) -> Result<Self, TargetError> {
        let bad = || TargetError(url.clone());
        let host = url.host_str().ok_or_else(bad)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if url.scheme() == "https" {
            let own = trust.server_name.clone().map(Ok);
            let name = own.unwrap_or_else(|| ServerName::try_from(host.clone()));
            Some((trust.clone(), name.map_err(|_| bad())?))
        } else {
            None
        };
        let port = url.port_or_known_default().ok_or_else(bad)?;
        Ok(Self { name: format!("{host}:{port}").into(), host, port, tls })
    }

    /// Host and port.
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// A new connection, on which HTTP can be spoken within `patience`.
    pub(super) async fn connect(&self, patience: Duration) -> Result<Connection, UpstreamError> {
        let connecting = timeout(patience, self.open()).await;
        connecting.unwrap_or_else(|_| Err(UpstreamError::ConnectTimeout(self.name.clone())))
    }

    async fn open(&self) -> Result<Connection, UpstreamError> {
        let failed = |error| UpstreamError::Connect(self.name.clone(), error);
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = connected.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let Some((tls, name)) = &self.tls else {
            return Ok(Connection::new(Stream::Plain(stream)));
        };
        let secured = tls.connector().connect(name.clone(), stream).await;
        let secured = secured.map_err(|error| UpstreamError::Tls(self.name.clone(), error))?;
        Ok(Connection::new(Stream::Tls(Box::new(secured))))
    }
}
