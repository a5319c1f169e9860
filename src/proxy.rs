//! Passes requests on to applications, with proof of who sent them, and streams the answers back.

mod address;
mod addresses;
mod affinity;
mod checks;
mod error;
mod head_budget;
mod health;
mod http1;
mod identity;
mod keys;
mod managed_headers;
mod names;
mod places;
mod pool;
mod request_head;
mod response_head;
mod retries;
mod sending;
mod single_sign_on;
mod status;
mod target;
mod told;
mod tunnel;
mod upstream_body;
mod upstream_tls;
mod websocket;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, Request, StatusCode, header, request::Parts};

pub use self::{
    address::Admission,
    addresses::{AddressRules, Addresses},
    checks::Page,
    error::UpstreamError,
    head_budget::{HeadPart, HeadTooLarge},
    health::HealthRules,
    http1::NotHttp,
    identity::{Identity, IdentityHeaders},
    keys::{KEYS_PATH, WELL_KNOWN_KEYS_PATH, show_keys},
    managed_headers::ManagedHeaders,
    places::PlaceLimits,
    pool::PoolLimits,
    single_sign_on::SingleSignOn,
    status::{AddressStatus, UPSTREAMS_PATH, UpstreamStatus, status_routes},
    target::{Target, TargetError},
    upstream_tls::{UpstreamTls, UpstreamTlsError},
};
use self::{
    request_head::Headers,
    sending::{Outgoing, Sent},
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
    addresses: Addresses,
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
    /// An application, by its addresses and how it is told identities.
    #[must_use]
    pub fn new(
        addresses: Addresses,
        identity: Identity,
        single_sign_on: Option<SingleSignOn>,
        managed: Arc<ManagedHeaders>,
        limits: Limits,
        tracer: Tracer,
        background: Background,
    ) -> Self {
        Self { addresses, identity, single_sign_on, managed, tracer, limits, background }
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
        let mut outgoing = Outgoing::new(self, request, forwarding, upgrade)?;
        let started = Instant::now();
        let answered = self.send(&mut outgoing).await;
        self.tracer.record(&forwarding.arrival.context, || {
            self.span(forwarding, outgoing.method(), started, answered.as_ref())
        });
        let Sent { response, seat } = answered?;

        let moved = outgoing.place() != Some(seat.address().index);
        let remembered = (moved && self.addresses.are_several()).then(|| seat.address().clone());
        let (head, body) = response.into_parts();
        let body = if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let client = client.ok_or(UpstreamError::UnwantedUpgrade)?;
            let stopping = self.background.stopping();
            let tunnel = tunnel::connect(client, body.into_stream(), goes_on, stopping, seat);
            self.background.spawn("tunnel", tunnel);
            Body::empty()
        } else {
            // What was an attempt at a tunnel is not used again.
            Body::new(UpstreamBody::new(body, (seat, !upgrade), forwarding.arrival.trace))
        };
        let mut response = Response::from_parts(head, body);
        response_head::clean(&mut response, upgrade, self.single_sign_on.as_ref());
        if let Some(address) = remembered {
            affinity::remember(&address, forwarding.place, response.headers_mut());
        }
        Ok(response)
    }

    /// The headers that the application gets with a request, but how long its body is.
    #[must_use]
    pub fn headers(&self, from: &HeaderMap, forwarding: &Forwarding<'_>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.write_headers(from, forwarding, false, &mut headers);
        headers
    }

    /// Writes them.
    fn write_headers(
        &self,
        from: &HeaderMap,
        forwarding: &Forwarding<'_>,
        upgrade: bool,
        to: &mut impl Headers,
    ) {
        forwarding.write(to);
        let has_credentials = request_head::write(from, &self.managed, upgrade, to);
        // One request speaks for one: who brings credentials of their own is who those say.
        let visitor = forwarding.visitor.filter(|_| !has_credentials);
        let mut cookies = foreign_cookies(from, |pair| self.keeps_back(pair, forwarding));
        if let Some(visitor) = visitor {
            self.identity.write(visitor, forwarding.arrival.trace, to);
            if let (Some(single_sign_on), Some(token)) = (&self.single_sign_on, forwarding.token) {
                cookies = single_sign_on.before(token, cookies.as_ref());
            }
        }
        if let Some(cookies) = cookies {
            to.put(&header::COOKIE, &cookies);
        }
    }

    /// Refuses a request whose head has more bytes, as it will be sent, than the application takes.
    fn check_size(
        &self,
        bytes: usize,
        asked: &Parts,
        forwarding: &Forwarding<'_>,
    ) -> Result<(), HeadTooLarge> {
        let max = self.limits.max_head_bytes;
        if bytes <= max {
            return Ok(());
        }
        let headers = self.headers(&asked.headers, forwarding);
        let target = request_head::target(&asked.uri);
        let is_identity = |name: &_| self.identity.headers.has(name);
        Err(head_budget::too_large((bytes, max), target, &headers, is_identity))
    }

    /// Whether a client's cookie is not for the application.
    fn keeps_back(&self, pair: &[u8], forwarding: &Forwarding<'_>) -> bool {
        self.single_sign_on.as_ref().is_some_and(|crowd| crowd.could_be_in(pair))
            || forwarding.withheld.is_some_and(|cookies| cookies.has(pair))
    }

    /// The gateway's own request, until the head of its answer.
    fn span(
        &self,
        forwarding: &Forwarding<'_>,
        method: &http::Method,
        started: Instant,
        sent: Result<&Sent, &UpstreamError>,
    ) -> Span {
        // Of several it is the one that has answered.
        let only = (!self.addresses.are_several()).then(|| self.addresses.all().first()).flatten();
        let address = sent.ok().map(|sent| sent.seat.address()).or(only);
        let status = sent.ok().map(|sent| sent.response.status());
        let context = &forwarding.arrival.context;
        let (now, took) = (self.identity.clock.now(), started.elapsed());
        Span::new(context, SpanKind::Upstream, method.to_string(), now, took)
            .with("http.request.method", method.to_string())
            .with_some("server.address", address.map(|address| address.target().to_string()))
            .with("gatehouse.app", forwarding.place.name.clone())
            .with_some("http.response.status_code", status.map(|status| status.as_u16()))
            .with_some("error.type", sent.err().map(UpstreamError::code))
            .failed(status.is_none_or(|status| status.is_server_error()))
    }
}
