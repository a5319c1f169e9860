//! Connections that are kept alive, with every header as the client sends it and no other.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use url::Url;

type Sender = SendRequest<Full<Bytes>>;

/// Connections to one server, HTTP/1.1.
#[derive(Clone)]
pub struct Connections {
    address: (String, u16),
    tls: Option<(TlsConnector, ServerName<'static>)>,
    idle: Arc<Mutex<Vec<Sender>>>,
}

impl Connections {
    /// To the server of a URL; with TLS if that is what the URL says.
    pub fn new(url: &Url, tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        let host = url.host_str().unwrap().trim_matches(['[', ']']).to_owned();
        let name = || ServerName::try_from(host.clone()).unwrap();
        let tls = (url.scheme() == "https").then(|| (TlsConnector::from(tls.unwrap()), name()));
        let address = (host, url.port_or_known_default().unwrap());
        Self { address, tls, idle: Arc::default() }
    }

    /// Sends a request, on a connection that is free, else on a new one.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String> {
        // One that has been closed meanwhile takes nothing.
        if let Some(sender) = self.find_idle()
            && let Ok(answer) = self.send_on(sender, request.clone()).await
        {
            return Ok(answer);
        }
        let sender = self.connect().await.map_err(|error| error.to_string())?;
        self.send_on(sender, request).await.map_err(|error| error.to_string())
    }

    fn find_idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap();
        idle.retain(|sender| !sender.is_closed());
        let ready = idle.iter().position(SendRequest::is_ready)?;
        Some(idle.swap_remove(ready))
    }

    async fn send_on(
        &self,
        mut sender: Sender,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let answer = sender.send_request(request).await?;
        self.idle.lock().unwrap().push(sender);
        Ok(answer)
    }

    async fn connect(&self) -> Result<Sender, Box<dyn std::error::Error>> {
        let (host, port) = &self.address;
        // Names below .localhost are this machine (RFC 6761 section 6.3).
        let host = if host.ends_with(".localhost") { "localhost" } else { host };
        let stream = TcpStream::connect((host, *port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            Some((tls, name)) => handshake(tls.connect(name.clone(), stream).await?).await?,
            None => handshake(stream).await?,
        })
    }
}

async fn handshake<S>(stream: S) -> Result<Sender, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
