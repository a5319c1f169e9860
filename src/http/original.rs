//! A request that a proxy holds, and of which it asks whether it may pass it on (forward-auth).
//!
//! Products describe it in different ways. Which one counts is for the address to say that is asked at, and never for what
//! was sent: clients can send the headers of every other way as well. So each product has an address of its own, and a
//! request that says something else in the words of another one is refused.

mod said;

use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};

use self::said::{Described, Said};
use super::Error;

/// Where is asked, at the address for machines. A product's word follows.
pub const AUTHORIZE_PATH: &str = "/_gatehouse/authorize/";

/// A product that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// nginx, by `auth_request`.
    Nginx,
    /// HAProxy, by `deploy/forward-auth/gatehouse.lua`.
    Haproxy,
    /// Traefik, by `ForwardAuth`.
    Traefik,
    /// Caddy, by `forward_auth`.
    Caddy,
    /// Envoy, by `ext_authz` over HTTP.
    Envoy,
}

/// Who asks, by the address that is asked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The product.
    pub product: Product,
    /// The application that it asks for, if the address names one. A request for another one is refused, however a client
    /// got the proxy to ask.
    pub app: Option<&'a str>,
    /// What Envoy appends to the address: path and query of the request.
    appended: &'a str,
}

/// A request that somebody else holds.
#[derive(Debug)]
pub struct Original {
    /// The request, as it would have come here over HTTP/1.1.
    pub request: Request<()>,
    /// Whether the browser speaks TLS, if that was said.
    pub secure: Option<bool>,
}

impl Product {
    const ALL: [(&'static str, Self); 5] = [
        ("nginx", Self::Nginx),
        ("haproxy", Self::Haproxy),
        ("traefik", Self::Traefik),
        ("caddy", Self::Caddy),
        ("envoy", Self::Envoy),
    ];

    fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, product)| *product)
    }

    /// Whether it looks at the status of an answer only, and passes a request that it may not pass on to the gateway
    /// itself. The others pass the answer on.
    #[must_use]
    pub fn hands_over(self) -> bool {
        matches!(self, Self::Nginx | Self::Haproxy)
    }

    /// An answer's status, as it is understood. Nothing but 200 ever lets a request through.
    #[must_use]
    pub fn status(self, status: StatusCode) -> StatusCode {
        match self {
            // `auth_request` knows 401 and 403, and takes everything else for a failure.
            Self::Nginx | Self::Haproxy if status.is_redirection() => StatusCode::UNAUTHORIZED,
            Self::Nginx | Self::Haproxy
                if status.is_client_error() && status != StatusCode::UNAUTHORIZED =>
            {
                StatusCode::FORBIDDEN
            }
            // It shows no page that comes with a failure.
            Self::Envoy if status.is_server_error() => StatusCode::FORBIDDEN,
            _ => status,
        }
    }
}

impl<'a> Question<'a> {
    /// By path and query, as they came.
    #[must_use]
    pub fn at(address: &'a str) -> Option<Self> {
        let rest = address.strip_prefix(AUTHORIZE_PATH)?;
        if let Some(appended) = rest.strip_prefix("envoy") {
            return Some(Self { product: Product::Envoy, app: None, appended });
        }
        // Caddy leaves the query of the request behind it, where nothing else is wanted.
        let path = rest.split('?').next().unwrap_or_default();
        let (word, app) =
            path.split_once('/').map_or((path, None), |(word, app)| (word, Some(app)));
        Some(Self { product: Product::of(word)?, app, appended: "" })
    }
}

impl Original {
    /// As it is described by who asks. What is missing, there twice, or contradicts something else, is an error.
    pub fn read(question: &Question<'_>, asked: &Request<()>) -> Result<Self, Error> {
        let said = Said(asked.headers());
        said.check_client()?;
        let described = match question.product {
            Product::Nginx | Product::Haproxy => Described::by_x_original(said)?,
            Product::Traefik | Product::Caddy => Described::by_x_forwarded(said)?,
            Product::Envoy => Described {
                method: asked.method().as_str(),
                secure: said.scheme()?,
                authority: said.need(header::HOST.as_str())?,
                target: question.appended,
            },
        };
        described.check_others(said)?;
        let mut request = Request::new(());
        *request.method_mut() =
            described.method.parse().map_err(|_| said::contradicts("method", described.method))?;
        *request.uri_mut() = address(described.target)?;
        *request.headers_mut() = headers(said, described.authority)?;
        Ok(Self { request, secure: described.secure })
    }
}

/// A target in origin form, with every byte of it: what a library cuts off, the application still gets.
fn address(target: &str) -> Result<Uri, Error> {
    if !target.starts_with('/') {
        return Err(Error::bad_request("target-not-a-path", format_args!("target {target:?}")));
    }
    let uri = Uri::builder().path_and_query(target).build().ok();
    let whole = |uri: &Uri| uri.path_and_query().is_some_and(|read| read.as_str() == target);
    uri.filter(whole)
        .ok_or_else(|| Error::bad_request("target-characters", format_args!("target {target:?}")))
}

/// The headers of the request: those of the question, but for what is about the question itself.
fn headers(said: Said<'_>, authority: &str) -> Result<HeaderMap, Error> {
    let mut headers = said.0.clone();
    for of_the_question in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(of_the_question);
    }
    let host = HeaderValue::from_str(authority);
    headers.insert(header::HOST, host.map_err(|error| Error::bad_request("host", error))?);
    // Proxies keep `Upgrade` to themselves, and by it is known whose page must not open a connection.
    if said.is_websocket() {
        headers.entry(header::UPGRADE).or_insert(HeaderValue::from_static("websocket"));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
