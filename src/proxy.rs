//! Passes requests on to applications, with proof of who sent them, and streams the answers back.

mod connection;
mod error;
mod identity;
mod managed_headers;
mod pool;
mod request_head;
mod response_head;
mod tunnel;
mod upstream_body;

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::{Request, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::timeout;

pub use self::{
    connection::Target, error::UpstreamError, identity::IdentityHeaders,
    managed_headers::ManagedHeaders,
};
use self::{pool::Pool, upstream_body::UpstreamBody};
use crate::{
    http::{Body, Place, Response},
    lifecycle::Background,
    store::Account,
};

/// An application that says nothing for so long has forgotten the request. Exports of a large Jira take
/// minutes.
const ANSWER: Duration = Duration::from_mins(15);

/// The same, from the first byte of an upload on.
const UPLOAD: Duration = Duration::from_hours(12);

/// An application behind the gateway.
#[derive(Debug)]
pub struct Upstream {
    pool: Arc<Pool>,
    identity: IdentityHeaders,
    managed: Arc<ManagedHeaders>,
    background: Background,
}

/// What a request is passed on with.
#[derive(Debug)]
pub struct Forwarding<'a> {
    /// The application's place.
    pub place: &'a Place,
    /// Whose address the request comes from.
    pub client: IpAddr,
    /// Who the app is told it is.
    pub account: Option<&'a Account>,
}

impl Upstream {
    /// An application, by its address and the headers it is told identities with.
    #[must_use]
    pub fn new(
        target: Target,
        identity: IdentityHeaders,
        managed: Arc<ManagedHeaders>,
        background: Background,
    ) -> Self {
        Self { pool: Arc::new(Pool::new(target)), identity, managed, background }
    }

    /// Passes a request on. `goes_on` says of a connection that has become a tunnel, such as a
    /// WebSocket, whether it still may stay open.
    pub async fn forward(
        &self,
        mut request: Request<Body>,
        forwarding: &Forwarding<'_>,
        goes_on: impl Fn() -> bool + Send + 'static,
    ) -> Result<Response, UpstreamError> {
        let upgrade = tunnel::wanted(&request);
        let client = upgrade.then(|| hyper::upgrade::on(&mut request));
        let request = self.request(request, forwarding, upgrade);
        let (mut response, sender) = self.send(request, upgrade).await?;

        if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            let client = client.ok_or(UpstreamError::UnwantedUpgrade)?;
            let upstream = hyper::upgrade::on(&mut response);
            let stopping = self.background.stopping();
            self.background.spawn(tunnel::connect(client, upstream, goes_on, stopping));
        }
        response_head::clean(&mut response, upgrade);
        // What became a tunnel, or was one's attempt, is not used again.
        let pool = (!upgrade).then(|| self.pool.clone());
        Ok(response.map(|body| Body::new(UpstreamBody::new(body, sender, pool))))
    }

    fn request(
        &self,
        request: Request<Body>,
        forwarding: &Forwarding<'_>,
        upgrade: bool,
    ) -> Request<Body> {
        let (mut parts, body) = request.into_parts();
        parts.headers = request_head::headers(&parts.headers, &self.managed, upgrade);
        forwarding.write(&mut parts.headers);
        // One request speaks for one: who brings credentials of their own is who those say.
        if let Some(account) = forwarding.account
            && !parts.headers.contains_key(header::AUTHORIZATION)
        {
            self.identity.write(account, &mut parts.headers);
        }
        parts.uri = request_head::origin_form(&parts.uri);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        Request::from_parts(parts, body)
    }

    /// Sends a request on an idle connection, or on a new one. An idle one may have been closed just
    /// now; a request that was not begun to be sent is sent on another.
    async fn send(
        &self,
        mut request: Request<Body>,
        alone: bool,
    ) -> Result<(http::Response<Incoming>, connection::Sender), UpstreamError> {
        // An upload takes as long as it takes.
        let patience = if request.body().is_end_stream() { ANSWER } else { UPLOAD };
        while let Some(mut sender) = self.pool.take().filter(|_| !alone) {
            let sent = timeout(patience, sender.try_send_request(request)).await;
            match sent.map_err(|_| UpstreamError::NoAnswer)? {
                Ok(response) => return Ok((response, sender)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(UpstreamError::Broken(error.into_error())),
                },
            }
        }
        let mut sender = self.pool.connect().await?;
        let sent = timeout(patience, sender.send_request(request)).await;
        let response = sent.map_err(|_| UpstreamError::NoAnswer)?.map_err(UpstreamError::Broken)?;
        Ok((response, sender))
    }
}
