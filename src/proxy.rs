//! Passes requests on to applications, with proof of who sent them, and streams the answers back.

mod connection;
mod error;
mod exchange;
mod head_budget;
mod identity;
mod keys;
mod managed_headers;
mod pool;
mod request_head;
mod response_head;
mod single_sign_on;
mod told;
mod tunnel;
mod upstream_body;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, Request, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;

pub use self::{
    connection::Target,
    error::UpstreamError,
    head_budget::{HeadPart, HeadTooLarge},
    identity::{Identity, IdentityHeaders},
    keys::{KEYS_PATH, WELL_KNOWN_KEYS_PATH, show_keys},
    managed_headers::ManagedHeaders,
    single_sign_on::SingleSignOn,
};
use self::{
    exchange::{ClientBody, Exchange},
    pool::Pool,
    upstream_body::UpstreamBody,
};
use crate::{
    http::{AppCookies, Arrival, Body, Place, Response, foreign_cookies},
    lifecycle::Background,
    session::{Token, Visitor},
    telemetry::{Span, SpanKind, Tracer},
};

/// What an application can bear, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest head of a request that it reads.
    pub max_head_bytes: usize,
    /// How long it may say nothing: before its answer, and in the middle of it.
    pub patience: Duration,
}

/// An application behind the gateway.
#[derive(Debug)]
pub struct Upstream {
    pool: Arc<Pool>,
    identity: Identity,
    single_sign_on: Option<SingleSignOn>,
    managed: Arc<ManagedHeaders>,
    tracer: Tracer,
    limits: Limits,
    background: Background,
}

/// What a request is passed on with.
#[derive(Debug)]
pub struct Forwarding<'a> {
    /// The application's place.
    pub place: &'a Place,
    /// Where the request comes from, and its trace.
    pub arrival: &'a Arrival,
    /// Who the app is told it is.
    pub visitor: Option<&'a Visitor>,
    /// What it knows the session by, where it is told so.
    pub token: Option<&'a Token>,
    /// Its own cookies that it does not get, since they are somebody else's.
    pub withheld: Option<&'a AppCookies>,
}

impl Upstream {
    /// An application, by its address and how it is told identities.
    #[must_use]
    pub fn new(
        target: Target,
        identity: Identity,
        single_sign_on: Option<SingleSignOn>,
        managed: Arc<ManagedHeaders>,
        limits: Limits,
        tracer: Tracer,
        background: Background,
    ) -> Self {
        let pool = Arc::new(Pool::new(target));
        Self { pool, identity, single_sign_on, managed, tracer, limits, background }
    }

    /// What the application calls itself, if it knows sessions by Crowd's cookie.
    #[must_use]
    pub fn application(&self) -> Option<&str> {
        self.single_sign_on.as_ref().map(SingleSignOn::application)
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
        let exchange = Exchange::begin();
        let request = self.request(request, forwarding, upgrade, &exchange);
        let is_identity = |name: &_| self.identity.headers.has(name);
        head_budget::check(&request, is_identity, self.limits.max_head_bytes)?;
        let (method, started) = (request.method().clone(), Instant::now());
        let sent = self.send(request, upgrade, &exchange).await;
        self.tracer.record(&forwarding.arrival.context, || {
            self.span(forwarding, &method, started, sent.as_ref().map(|(response, _)| response))
        });
        let (mut response, sender) = sent?;

        if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            let client = client.ok_or(UpstreamError::UnwantedUpgrade)?;
            let upstream = hyper::upgrade::on(&mut response);
            let stopping = self.background.stopping();
            self.background.spawn(tunnel::connect(client, upstream, goes_on, stopping));
        }
        response_head::clean(&mut response, upgrade, self.single_sign_on.as_ref());
        // What became a tunnel, or was one's attempt, is not used again.
        let pool = (!upgrade).then(|| self.pool.clone());
        let patience = self.limits.patience;
        Ok(response.map(|body| {
            Body::new(UpstreamBody::new(body, sender, pool, patience, forwarding.arrival.trace))
        }))
    }

    /// The headers that the application gets with a request.
    #[must_use]
    pub fn headers(
        &self,
        from: &HeaderMap,
        forwarding: &Forwarding<'_>,
        upgrade: bool,
    ) -> HeaderMap {
        let mut headers = request_head::headers(from, &self.managed, upgrade);
        if let Some(cookies) = foreign_cookies(from, |pair| self.keeps_back(pair, forwarding)) {
            headers.insert(header::COOKIE, cookies);
        }
        forwarding.write(&mut headers);
        // One request speaks for one: who brings credentials of their own is who those say.
        if let Some(visitor) = forwarding.visitor
            && !headers.contains_key(header::AUTHORIZATION)
        {
            self.identity.write(visitor, forwarding.arrival.trace, &mut headers);
            if let (Some(single_sign_on), Some(token)) = (&self.single_sign_on, forwarding.token) {
                single_sign_on.write(token, &mut headers);
            }
        }
        headers
    }

    /// Whether a client's cookie is not for the application.
    fn keeps_back(&self, pair: &[u8], forwarding: &Forwarding<'_>) -> bool {
        self.single_sign_on.as_ref().is_some_and(|crowd| crowd.could_be_in(pair))
            || forwarding.withheld.is_some_and(|cookies| cookies.has(pair))
    }

    fn request(
        &self,
        request: Request<Body>,
        forwarding: &Forwarding<'_>,
        upgrade: bool,
        exchange: &Arc<Exchange>,
    ) -> Request<Body> {
        let (mut parts, body) = request.into_parts();
        parts.headers = self.headers(&parts.headers, forwarding, upgrade);
        parts.uri = request_head::origin_form(&parts.uri);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        let body = if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(ClientBody::new(body, exchange.clone()))
        };
        Request::from_parts(parts, body)
    }

    /// The gateway's own request, until the head of its answer.
    fn span(
        &self,
        forwarding: &Forwarding<'_>,
        method: &http::Method,
        started: Instant,
        sent: Result<&http::Response<Incoming>, &UpstreamError>,
    ) -> Span {
        let context = &forwarding.arrival.context;
        let (now, took) = (self.identity.clock.now(), started.elapsed());
        Span::new(context, SpanKind::Upstream, method.to_string(), now, took)
            .with("http.request.method", method.to_string())
            .with("server.address", self.pool.target().to_string())
            .with("gatehouse.app", forwarding.place.name.clone())
            .with_some("http.response.status_code", sent.ok().map(|r| r.status().as_u16()))
            .with_some("error.type", sent.err().map(UpstreamError::code))
            .failed(sent.map_or(true, |response| response.status().is_server_error()))
    }

    /// Sends a request on an idle connection, or on a new one. An idle one may have been closed just
    /// now; a request that was not begun to be sent is sent on another.
    async fn send(
        &self,
        mut request: Request<Body>,
        alone: bool,
        exchange: &Arc<Exchange>,
    ) -> Result<(http::Response<Incoming>, connection::Sender), UpstreamError> {
        let patience = self.limits.patience;
        exchange.count_interim(&mut request);
        while let Some(mut sender) = self.pool.take().filter(|_| !alone) {
            let sent = exchange.wait(sender.try_send_request(request), patience).await?;
            match sent {
                Ok(response) => return Ok((response, sender)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(exchange.blame(error.into_error())),
                },
            }
        }
        let mut sender = self.pool.connect().await?;
        let sent = exchange.wait(sender.send_request(request), patience).await?;
        sent.map(|response| (response, sender)).map_err(|error| exchange.blame(error))
    }
}
