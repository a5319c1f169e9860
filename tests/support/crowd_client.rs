//! A strict double of the Crowd client in Atlassian's applications: it sends what that one sends, and chokes on what
//! that one would choke on. For tests and for the benchmark.

mod calls;
mod connection;
mod directory;
mod entities;
mod events;
mod xml;

use std::{io::BufReader, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures_util::TryStreamExt as _;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio_util::io::{StreamReader, SyncIoBridge};
use url::Url;

pub use self::{
    calls::{Entries, NewUser, Restriction, factors},
    directory::{CachedDirectory, Synchronised},
    entities::CookieConfig,
};
use self::{
    connection::Connections,
    entities::{Entity, Refusal},
    xml::{Document, Element},
};

type Response = http::Response<Incoming>;

/// An application's connection to a Crowd server.
#[derive(Clone)]
pub struct CrowdClient {
    base: Url,
    credentials: String,
    connections: Connections,
}

/// The exceptions of the client, by what an application can do about them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrowdError {
    /// There is no answer.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// Something else answers there.
    #[error("the address is not that of a Crowd user management service: {0}")]
    NotCrowd(String),
    /// 401: name or password of the application.
    #[error("the application failed to authenticate: {0}")]
    InvalidAuthentication(String),
    /// 403: the application may not.
    #[error("the application may not: {0}")]
    ApplicationPermission(String),
    /// What an error's document says.
    #[error("{status}: {reason}: {message}")]
    Refused { status: u16, reason: &'static str, message: String },
    /// A 404 or 405 without a document, where old servers answer so.
    #[error("the server does not know this")]
    Unsupported,
    /// Any other failure without a document.
    #[error("{0}")]
    OperationFailed(String),
    /// An answer that cannot be read.
    #[error("an answer cannot be read: {0}")]
    Malformed(String),
}

impl CrowdError {
    /// The reason that the server gave.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Refused { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

/// What a call sends besides its address.
struct Call {
    method: Method,
    path: String,
    body: Option<String>,
    /// Who only asks whether something exists says nothing of what it takes.
    only_asks: bool,
    /// Statuses that old servers answer with where they do not know a resource.
    unsupported: &'static [u16],
}

impl Call {
    fn new(method: Method, path: String) -> Self {
        Self { method, path, body: None, only_asks: false, unsupported: &[] }
    }

    fn with(mut self, body: String) -> Self {
        self.body = Some(body);
        self
    }

    fn or_unsupported(mut self, statuses: &'static [u16]) -> Self {
        self.unsupported = statuses;
        self
    }
}

impl CrowdClient {
    /// At a base URL as an administrator gives it, with or without a slash at its end.
    pub fn new(base: &str, application: &str, password: &str) -> Self {
        Self::with_tls(base, application, password, None)
    }

    /// The same, over TLS.
    pub fn with_tls(
        base: &str,
        application: &str,
        password: &str,
        tls: Option<Arc<rustls::ClientConfig>>,
    ) -> Self {
        let base: Url = base.strip_suffix('/').unwrap_or(base).parse().unwrap();
        let credentials = BASE64.encode(format!("{application}:{password}"));
        let connections = Connections::new(&base, tls);
        Self { base, credentials: format!("Basic {credentials}"), connections }
    }

    fn request(&self, call: Call) -> Request<Full<bytes::Bytes>> {
        let base = self.base.path().trim_end_matches('/');
        let host = self.base.authority();
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{base}/rest/usermanagement/1{}", call.path))
            .header(header::HOST, host)
            .header(header::USER_AGENT, "Apache-HttpClient/4.5.13 (Java/17.0.9)")
            // The password goes along without being asked for.
            .header(header::AUTHORIZATION, &self.credentials);
        request = request.header("X-Atlassian-Token", "no-check");
        if !call.only_asks {
            request = request.header(header::ACCEPT, "application/xml");
        }
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/xml; charset=UTF-8");
        }
        request.body(Full::from(call.body.unwrap_or_default())).unwrap()
    }

    async fn send(&self, call: Call) -> Result<Response, CrowdError> {
        let (is_get, only_asks, unsupported) =
            (call.method == Method::GET, call.only_asks, call.unsupported);
        let answer = self.connections.send(self.request(call)).await;
        let answer = answer.map_err(CrowdError::Unreachable)?;
        check_head(&answer, is_get)?;
        judge(answer, unsupported, only_asks).await
    }

    /// Reads a document.
    async fn read<T: Entity>(&self, call: Call) -> Result<T, CrowdError> {
        let answer = self.send(call).await?;
        is_xml(&answer)?;
        entity(&bytes(answer).await?)
    }

    /// Does something that answers nothing of interest.
    async fn act(&self, call: Call) -> Result<(), CrowdError> {
        self.send(call).await.map(|_| ())
    }

    /// Asks whether something is there.
    async fn exists(&self, path: String) -> Result<bool, CrowdError> {
        let call = Call { only_asks: true, ..Call::new(Method::GET, path) };
        Ok(self.send(call).await?.status() != StatusCode::NOT_FOUND)
    }

    /// Reads a document that is as long as it likes: its root's children come one by one.
    async fn stream<T: Entity + Send + 'static>(
        &self,
        call: Call,
        root: &'static str,
    ) -> Result<Vec<T>, CrowdError> {
        let answer = self.send(call).await?;
        is_xml(&answer)?;
        let pieces = answer.into_body().into_data_stream().map_err(std::io::Error::other);
        let input = SyncIoBridge::new(StreamReader::new(pieces));
        let read = move || {
            let mut document = Document::open(BufReader::with_capacity(1 << 16, input))?;
            is_root(&document.root, root)?;
            let mut all = Vec::new();
            while let Some(child) = document.next_child()? {
                if child.name == T::ROOT {
                    all.push(T::read(&child)?);
                }
            }
            Ok(all)
        };
        tokio::task::spawn_blocking(read).await.unwrap().map_err(CrowdError::Malformed)
    }
}

/// What every answer must have, whatever it says.
fn check_head(answer: &Response, is_get: bool) -> Result<(), CrowdError> {
    let status = answer.status();
    let head = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let version = head("X-Embedded-Crowd-Version").unwrap_or_default();
    if !version.split_once('/').is_some_and(|(name, number)| !name.is_empty() && !number.is_empty())
    {
        return Err(CrowdError::NotCrowd(format!("{status}, and {version:?} is no version")));
    }
    if status == StatusCode::UNAUTHORIZED
        && head("WWW-Authenticate") != Some("Basic realm=\"Crowd REST Service\"")
    {
        return Err(CrowdError::Malformed("a 401 does not say how".to_owned()));
    }
    // The client caches: what may be kept must be said.
    if is_get && status.is_success() && head("Cache-Control").is_none() {
        return Err(CrowdError::Malformed("it does not say how long it may be kept".to_owned()));
    }
    Ok(())
}

/// What becomes of an answer by its status.
async fn judge(
    answer: Response,
    unsupported: &[u16],
    only_asks: bool,
) -> Result<Response, CrowdError> {
    let status = answer.status();
    match status.as_u16() {
        200..=299 => return Ok(answer),
        404 if only_asks => return Ok(answer),
        401 => return Err(CrowdError::InvalidAuthentication(text(answer).await)),
        403 => return Err(CrowdError::ApplicationPermission(text(answer).await)),
        _ => {}
    }
    let has_document = is_xml(&answer).is_ok();
    let body = bytes(answer).await?;
    if !has_document && unsupported.contains(&status.as_u16()) {
        return Err(CrowdError::Unsupported);
    }
    let Refusal { reason, message } = entity(&body).map_err(|error| {
        CrowdError::OperationFailed(format!("{status} without an error's document: {error}"))
    })?;
    Err(CrowdError::Refused { status: status.as_u16(), reason, message })
}

fn is_xml(answer: &Response) -> Result<(), CrowdError> {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next() == Some("application/xml") {
        return Ok(());
    }
    Err(CrowdError::Malformed(format!("{kind:?} is not XML")))
}

async fn bytes(answer: Response) -> Result<bytes::Bytes, CrowdError> {
    let body = answer.into_body().collect().await;
    let body = body.map_err(|error| CrowdError::Unreachable(error.to_string()))?;
    Ok(body.to_bytes())
}

async fn text(answer: Response) -> String {
    bytes(answer)
        .await
        .map_or_else(|error| error.to_string(), |body| String::from_utf8_lossy(&body).into_owned())
}

fn is_root(element: &Element, root: &str) -> Result<(), String> {
    if element.name == root {
        return Ok(());
    }
    Err(format!("it is a <{}> and no <{root}>", element.name))
}

fn entity<T: Entity>(body: &[u8]) -> Result<T, CrowdError> {
    let read = || {
        let element = Element::parse(body)?;
        is_root(&element, T::ROOT)?;
        T::read(&element)
    };
    read().map_err(|error| {
        CrowdError::Malformed(format!("{error}: {}", String::from_utf8_lossy(body)))
    })
}

#[cfg(test)]
mod tests;
