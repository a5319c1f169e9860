//! Sending a request to an application: to which address, on which connection, and what is sent once more.
//!
//! A request of which nothing was sent goes to another address. One that may have been seen is sent once more only if that
//! changes nothing (GET, HEAD, OPTIONS, without a body), only if no answer had begun, only on another connection, and only
//! as long as not too much is sent again ([`super::retries`]). Who has not answered in time is not asked again: what takes so
//! long would be done twice.

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body::Body as _;

use super::{
    Forwarding, Upstream, UpstreamError,
    address::Seat,
    addresses::{Tried, Wish},
    http1::{self, AnswerBody, AskError, ClientBody, Connection, Length},
    request_head::{RequestHead, target},
    retries::Retry,
};
use crate::http::Body;

/// A request is sent to so many addresses at most, or so often.
const MOST_ATTEMPTS: u32 = 3;

/// A client's request as the application gets it: again, if need be.
pub(super) struct Outgoing {
    head: Bytes,
    /// Until some of it has been sent.
    body: Option<(ClientBody, Length)>,
    method: Method,
    /// Whether it wants to become a WebSocket.
    upgrade: bool,
    wish: Wish,
}

/// An answer, and the seat that its request has.
pub(super) struct Sent {
    pub(super) response: Response<AnswerBody>,
    pub(super) seat: Seat,
}

/// An address did not answer.
struct Failure {
    error: UpstreamError,
    /// Whether nothing of the request was sent.
    is_unsent: bool,
    /// Whether the connection had been used before: the application may just have closed it.
    was_used: bool,
}

impl Outgoing {
    /// Makes of a client's request what the application gets, if that takes its head.
    pub(super) fn new(
        upstream: &Upstream,
        request: Request<Body>,
        forwarding: &Forwarding<'_>,
        upgrade: bool,
    ) -> Result<Self, UpstreamError> {
        let (parts, body) = request.into_parts();
        let body = (!body.is_end_stream()).then(|| {
            let length = body.size_hint().exact().map_or(Length::Chunked, Length::Known);
            (ClientBody::new(body), length)
        });
        let mut head = RequestHead::begin(&parts.method, target(&parts.uri));
        upstream.write_headers(&parts.headers, forwarding, upgrade, &mut head);
        match &body {
            Some((_, Length::Known(length))) => head.put_length(*length),
            Some((_, Length::Chunked)) => head.put_chunked(),
            // As we have read it: `000` may be something else elsewhere.
            None if parts.headers.contains_key(header::CONTENT_LENGTH) => head.put_length(0),
            None => {}
        }
        let head = head.end();
        upstream.check_size(head.len(), &parts, forwarding)?;
        let changes_nothing = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&parts.method);
        let wish = Wish {
            place: upstream.addresses.find_affinity(&parts.headers, forwarding.place),
            is_repeatable: changes_nothing && !upgrade && body.is_none(),
        };
        Ok(Self { head, body, method: parts.method, upgrade, wish })
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The address where its sender has been before.
    pub(super) fn place(&self) -> Option<usize> {
        self.wish.place
    }

    /// Whether it may be sent once more after it has failed so.
    fn may_go_on(&self, failure: &Failure) -> bool {
        failure.is_unsent || self.wish.is_repeatable && failure.error.is_break()
    }

    fn take(&mut self) -> http1::Request {
        let is_head = self.method == Method::HEAD;
        http1::Request { head: self.head.clone(), body: self.body.take(), is_head }
    }

    /// What a failure means; what was not sent is here again.
    fn failed(&mut self, error: AskError, was_used: bool) -> Failure {
        let (error, is_unsent) = match error {
            AskError::Unsent(error, body) => {
                self.body = body;
                (UpstreamError::Broken(error), true)
            }
            other => (other.into(), false),
        };
        // Who takes a request and says nothing has not just closed the connection.
        let was_used = was_used && error.is_break();
        Failure { error, is_unsent, was_used }
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
    pub(super) async fn send(&self, request: &mut Outgoing) -> Result<Sent, UpstreamError> {
        let mut seat = self.addresses.seat(request.wish).await?;
        let (on_new, tried) = (request.upgrade, Tried::default());
        let mut attempts = Attempts { count: 1, tried, on_new, retry: None };
        loop {
            let failure = match self.ask(&seat, request, attempts.on_new).await {
                Ok(response) => {
                    seat.address().answered();
                    return Ok(Sent { response, seat });
                }
                Err(failure) => failure,
            };
            failure.tell(&seat);
            if attempts.count == MOST_ATTEMPTS || !request.may_go_on(&failure) {
                return Err(failure.error);
            }
            // A connection that had been used says nothing of its address: a new one may be good.
            if failure.is_unsent || !failure.was_used {
                attempts.tried.add(seat.address().index);
                let Some(another) = self.addresses.another(attempts.tried) else {
                    return Err(failure.error);
                };
                seat = another.seat().await?;
            }
            self.count(failure, &mut attempts)?;
        }
    }

    /// Counts what is sent once more, if it may be.
    fn count<'a>(
        &'a self,
        Failure { error, is_unsent, .. }: Failure,
        attempts: &mut Attempts<'a>,
    ) -> Result<(), UpstreamError> {
        tracing::debug!(%error, "a request is sent once more");
        attempts.count += 1;
        if is_unsent {
            self.addresses.retries.count_unsent();
            return Ok(());
        }
        let Some(retry) = self.addresses.retries.begin(self.addresses.requests()) else {
            return Err(error);
        };
        attempts.on_new = true;
        attempts.retry.replace(retry);
        Ok(())
    }

    /// Sends a request to one address, on an idle connection or on a new one. An idle one may have been closed just now;
    /// a request that was not begun to be sent is sent on another.
    async fn ask(
        &self,
        seat: &Seat,
        request: &mut Outgoing,
        on_new: bool,
    ) -> Result<Response<AnswerBody>, Failure> {
        let address = seat.address();
        while !on_new && let Some(connection) = address.pool.take() {
            match self.ask_on(connection, request, true).await {
                Err(failure) if failure.is_unsent => {}
                answered => return answered,
            }
        }
        if on_new && address.places.is_some() {
            address.pool.close_one();
        }
        match Box::pin(address.pool.connect()).await {
            Ok(connection) => self.ask_on(connection, request, false).await,
            Err(error) => Err(Failure { error, is_unsent: true, was_used: false }),
        }
    }

    async fn ask_on(
        &self,
        connection: Connection,
        request: &mut Outgoing,
        was_used: bool,
    ) -> Result<Response<AnswerBody>, Failure> {
        let answered = connection.ask(request.take(), self.limits.patience).await;
        answered.map_err(|error| request.failed(error, was_used))
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
