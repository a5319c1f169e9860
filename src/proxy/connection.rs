//! Connections to an application.

use std::{sync::Arc, time::Duration};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::UpstreamError;
use crate::http::Body;

/// A server in the same data centre answers at once, or it is not there.
const CONNECT: Duration = Duration::from_secs(5);

/// The largest head of an answer that is read; Tomcat writes at most 8 KiB. It is also the largest
/// piece of a body.
const MAX_ANSWER_HEAD: usize = 64 * 1024;

/// Sends requests on a connection, one after the other.
pub(super) type Sender = http1::SendRequest<Body>;

/// Where an application is.
#[derive(Clone)]
pub struct Target {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
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
    /// From `http://host:port` or `https://host:port`; TLS trusts whom the configuration says.
    pub fn new(url: &Url, trust: &Arc<ClientConfig>) -> Result<Self, TargetError> {
        let bad = || TargetError(url.clone());
        let host = url.host_str().ok_or_else(bad)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if url.scheme() == "https" {
            let name = ServerName::try_from(host.clone()).map_err(|_| bad())?;
            Some((TlsConnector::from(trust.clone()), name))
        } else {
            None
        };
        Ok(Self { host, port: url.port_or_known_default().ok_or_else(bad)?, tls })
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Sender, UpstreamError> {
        let connecting = timeout(CONNECT, TcpStream::connect((self.host.as_str(), self.port)));
        let connected =
            connecting.await.map_err(|_| UpstreamError::ConnectTimeout(self.clone()))?;
        let failed = |error| UpstreamError::Connect(self.clone(), error);
        let stream = connected.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        match &self.tls {
            None => handshake(stream).await,
            Some((connector, name)) => {
                let secured = timeout(CONNECT, connector.connect(name.clone(), stream)).await;
                let secured = secured.map_err(|_| UpstreamError::ConnectTimeout(self.clone()))?;
                handshake(secured.map_err(failed)?).await
            }
        }
    }
}

async fn handshake<S>(stream: S) -> Result<Sender, UpstreamError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_ANSWER_HEAD);
    let handshake = http.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(UpstreamError::Broken)?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            // Whoever waits for an answer is told; this is for those who look for a pattern.
            tracing::debug!(%error, "a connection to an application broke");
        }
    });
    Ok(sender)
}
