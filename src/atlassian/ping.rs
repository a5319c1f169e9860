//! A call without content: something has changed.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use http::{HeaderValue, header};
use url::{Host, Url};

/// An application that is there takes it at once.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why an application could not be told.
#[derive(Debug, thiserror::Error)]
pub enum PingError {
    /// The address is none.
    #[error("{0:?} is no address of an application")]
    Endpoint(String),
    /// What it knows the gateway by cannot be read or sent.
    #[error("the webhook's token cannot be used: is the master key that it was sealed with gone?")]
    Token,
    /// Nobody knows where it is.
    #[error("cannot find {0}: {1}")]
    Resolve(String, std::io::Error),
    /// Its owner could make the gateway call anybody.
    #[error("{0} is {1}, from where the application may not ask")]
    Elsewhere(String, IpAddr),
    /// No answer.
    #[error("cannot call {0}: {1:#}")]
    Http(String, reqwest::Error),
    /// Not the answer that was hoped for.
    #[error("{0} answered {1}")]
    Status(String, u16),
}

/// Calls an endpoint (POST, without a body), if *all* addresses of its host are ones that `may_be_there`: the
/// gateway stands where others cannot go, and an endpoint is whatever somebody has registered. The call goes to the
/// addresses that were looked at, and follows no redirect.
pub async fn ping(
    endpoint: &str,
    token: Option<&str>,
    may_be_there: impl Fn(IpAddr) -> bool,
) -> Result<(), PingError> {
    let no_address = || PingError::Endpoint(endpoint.to_owned());
    let url = Url::parse(endpoint).map_err(|_| no_address())?;
    let port = url.port_or_known_default().ok_or_else(no_address)?;
    let host = url.host().filter(|_| matches!(url.scheme(), "http" | "https"));
    let host = host.ok_or_else(no_address)?;
    let addresses = resolve(&host, port).await?;
    let elsewhere = addresses.iter().find(|address| !may_be_there(address.ip().to_canonical()));
    if let Some(elsewhere) = elsewhere {
        return Err(PingError::Elsewhere(host.to_string(), elsewhere.ip()));
    }
    let failed = |error: reqwest::Error| PingError::Http(host.to_string(), error.without_url());
    let mut client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    if let Host::Domain(name) = host {
        client = client.resolve_to_addrs(name, &addresses);
    }
    let mut call = client.build().map_err(failed)?.post(url.clone());
    if let Some(token) = token {
        let mut value =
            HeaderValue::from_str(&format!("Basic {token}")).map_err(|_| PingError::Token)?;
        value.set_sensitive(true);
        call = call.header(header::AUTHORIZATION, value);
    }
    let status = call.header(header::CONTENT_LENGTH, 0).send().await.map_err(failed)?.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(PingError::Status(host.to_string(), status.as_u16()))
    }
}

async fn resolve(host: &Host<&str>, port: u16) -> Result<Vec<SocketAddr>, PingError> {
    let name = match host {
        Host::Domain(name) => *name,
        Host::Ipv4(address) => return Ok(vec![SocketAddr::new((*address).into(), port)]),
        Host::Ipv6(address) => return Ok(vec![SocketAddr::new((*address).into(), port)]),
    };
    let failed = |error| PingError::Resolve(name.to_owned(), error);
    let found = tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((name, port))).await;
    let found = found.map_err(|_| failed(std::io::ErrorKind::TimedOut.into()))?.map_err(failed)?;
    let found: Vec<_> = found.collect();
    if found.is_empty() { Err(failed(std::io::ErrorKind::NotFound.into())) } else { Ok(found) }
}
