//! Sending a request to an application: to which address, on which connection, and what is sent once more.
//!
//! A request of which nothing was sent goes to another address. One that may have been seen is sent once more only if that
//! changes nothing (GET, HEAD, OPTIONS, without a body), only if no answer had begun, only on another connection, and only
//! as long as not too much is sent again ([`super::retries`]). Who has not answered in time is not asked again: what takes so
//! long would be done twice.

use std::sync::Arc;

use http::{Method, Request, Version, request::Parts};
use http_body::Body as _;
use hyper::body::Incoming;

use super::{
    Forwarding, Upstream, UpstreamError,
    address::Seat,
    addresses::{Tried, Wish},
    connection::Sender,
    exchange::{ClientBody, Exchange},
    request_head,
    retries::Retry,
};
use crate::http::Body;

/// A request is sent to so many addresses at most, or so often.
const MOST_ATTEMPTS: u32 = 3;

/// What a client has sent, of which the application's request is made: again, if need be.
pub(super) struct Original<'a> {
    parts: Parts,
    forwarding: &'a Forwarding<'a>,
    /// Whether it wants to become a WebSocket.
    upgrade: bool,
    wish: Wish,
}

/// An answer's head, the connection that it came on, and the seat that its request has.
pub(super) struct Sent {
    pub(super) response: http::Response<Incoming>,
    pub(super) sender: Sender,
    pub(super) seat: Seat,
}

/// An address did not answer.
struct Failure {
    error: UpstreamError,
    /// The request, if nothing of it was sent.
    unsent: Option<Box<Request<Body>>>,
    /// Whether the connection had been used before: the application may just have closed it.
    was_used: bool,
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        Self { error, unsent: None, was_used: false }
    }
}

impl<'a> Original<'a> {
    /// Takes a client's request apart; its body goes with the first request that is made of it.
    pub(super) fn new(
        upstream: &Upstream,
        request: Request<Body>,
        forwarding: &'a Forwarding<'a>,
        upgrade: bool,
    ) -> (Self, Body) {
        let (parts, body) = request.into_parts();
        let changes_nothing = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
        let wish = Wish {
            place: upstream.addresses.find_affinity(&parts.headers, forwarding.place),
            is_repeatable: changes_nothing && !upgrade && body.is_end_stream(),
        };
        (Self { parts, forwarding, upgrade, wish }, body)
    }

    pub(super) fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The address where its sender has been before.
    pub(super) fn place(&self) -> Option<usize> {
        self.wish.place
    }

    /// Whether it may be sent once more after it has failed so.
    fn may_go_on(&self, failure: &Failure) -> bool {
        failure.unsent.is_some() || self.wish.is_repeatable && failure.error.is_break()
    }

    /// The request as the application gets it.
    pub(super) fn request(
        &mut self,
        upstream: &Upstream,
        body: Body,
        exchange: &Arc<Exchange>,
    ) -> Request<Body> {
        let body = if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(ClientBody::new(body, exchange.clone()))
        };
        let mut request = Request::new(body);
        *request.headers_mut() =
            upstream.headers(&self.parts.headers, self.forwarding, self.upgrade);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = request_head::origin_form(&self.parts.uri);
        *request.version_mut() = Version::HTTP_11;
        *request.extensions_mut() = std::mem::take(&mut self.parts.extensions);
        request.extensions_mut().clear();
        exchange.count_interim(&mut request);
        request
    }
}

/// What has been done for a request so far.
struct Attempts<'a> {
    count: u32,
    tried: Tried,
    /// Whether only a new connection is good enough.
    on_new: bool,
    /// It counts as sent again until its answer begins.
    retry: Option<Retry<'a>>,
}

impl Upstream {
    /// Sends a request until an address answers, or it must not be sent any more.
    pub(super) async fn send(
        &self,
        original: &mut Original<'_>,
        mut request: Request<Body>,
        exchange: &Arc<Exchange>,
    ) -> Result<Sent, UpstreamError> {
        let mut seat = self.addresses.seat(original.wish).await?;
        let (on_new, tried) = (original.upgrade, Tried::default());
        let mut attempts = Attempts { count: 1, tried, on_new, retry: None };
        loop {
            let failure = match self.ask(&seat, request, attempts.on_new, exchange).await {
                Ok((response, sender)) => {
                    seat.address().answered();
                    return Ok(Sent { response, sender, seat });
                }
                Err(failure) => failure,
            };
            failure.tell(&seat);
            if attempts.count == MOST_ATTEMPTS || !original.may_go_on(&failure) {
                return Err(failure.error);
            }
            // A connection that had been used says nothing of its address: a new one may be good.
            if failure.unsent.is_some() || !failure.was_used {
                attempts.tried.add(seat.address().index);
                let Some(another) = self.addresses.another(attempts.tried) else {
                    return Err(failure.error);
                };
                seat = another.seat().await?;
            }
            request = self.prepare(failure, original, exchange, &mut attempts)?;
        }
    }

    /// What is sent next: the same request if nothing of it was sent, else another one like it.
    fn prepare<'a>(
        &'a self,
        Failure { error, unsent, .. }: Failure,
        original: &mut Original<'_>,
        exchange: &Arc<Exchange>,
        attempts: &mut Attempts<'a>,
    ) -> Result<Request<Body>, UpstreamError> {
        tracing::debug!(%error, "a request is sent once more");
        attempts.count += 1;
        if let Some(unsent) = unsent {
            self.addresses.retries.count_unsent();
            return Ok(*unsent);
        }
        let Some(retry) = self.addresses.retries.begin(self.addresses.requests()) else {
            return Err(error);
        };
        attempts.on_new = true;
        attempts.retry.replace(retry);
        Ok(original.request(self, Body::empty(), exchange))
    }

    /// Sends a request to one address, on an idle connection or on a new one. An idle one may have been closed just now;
    /// a request that was not begun to be sent is sent on another.
    async fn ask(
        &self,
        seat: &Seat,
        mut request: Request<Body>,
        on_new: bool,
        exchange: &Arc<Exchange>,
    ) -> Result<(http::Response<Incoming>, Sender), Failure> {
        let (address, patience) = (seat.address(), self.limits.patience);
        while !on_new && let Some(mut sender) = address.pool.take() {
            let answer = exchange.wait(sender.try_send_request(request), patience).await?;
            let mut error = match answer {
                Ok(response) => return Ok((response, sender)),
                Err(error) => error,
            };
            let Some(unsent) = error.take_message() else {
                let error = exchange.blame(error.into_error());
                return Err(Failure { error, unsent: None, was_used: true });
            };
            request = unsent;
        }
        if on_new && address.places.is_some() {
            address.pool.close_one();
        }
        let mut sender = match Box::pin(address.pool.connect()).await {
            Ok(sender) => sender,
            Err(error) => {
                return Err(Failure { error, unsent: Some(Box::new(request)), was_used: false });
            }
        };
        let answer = exchange.wait(sender.send_request(request), patience).await?;
        let answer = answer.map(|response| (response, sender));
        answer.map_err(|error| exchange.blame(error).into())
    }
}

impl Failure {
    /// Tells the address, if it is to blame.
    fn tell(&self, seat: &Seat) {
        if self.error.blames_address() && !self.was_used {
            seat.address().failed(&self.error);
        }
    }
}
