//! Connections to an application.

use std::{sync::Arc, time::Duration};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use super::{UpstreamError, UpstreamTls};
use crate::http::Body;

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
    pub(super) async fn connect(&self, patience: Duration) -> Result<Sender, UpstreamError> {
        let connecting = timeout(patience, self.open()).await;
        connecting.unwrap_or_else(|_| Err(UpstreamError::ConnectTimeout(self.name.clone())))
    }

    async fn open(&self) -> Result<Sender, UpstreamError> {
        let failed = |error| UpstreamError::Connect(self.name.clone(), error);
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = connected.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let Some((tls, name)) = &self.tls else {
            return handshake(stream).await;
        };
        let secured = tls.connector().connect(name.clone(), stream).await;
        handshake(secured.map_err(|error| UpstreamError::Tls(self.name.clone(), error))?).await
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
