//! The body of an answer on its way to the client, which has its seat at the application until it has been read.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{
    address::Seat,
    http1::{AnswerBody, BodyError, Released},
};
use crate::telemetry::TraceId;

/// Gives the connection back to the pool when the last byte has been read. One that is dropped before closes its connection:
/// what is left on it belongs to nobody.
pub(super) struct UpstreamBody {
    /// Until this is dropped.
    body: Option<AnswerBody>,
    seat: Seat,
    is_kept: bool,
    trace: TraceId,
}

impl UpstreamBody {
    /// A connection that is not kept ends with the answer.
    pub(super) fn new(body: AnswerBody, (seat, is_kept): (Seat, bool), trace: TraceId) -> Self {
        Self { body: Some(body), seat, is_kept, trace }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if let Some(Err(error)) = &frame {
            // Its head has gone out already: the client sees that the connection breaks.
            tracing::warn!(trace = %self.trace, code = "upstream-broken", %error, "an answer broke off");
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|_| self.is_kept) else {
            return;
        };
        // Before the seat is free: whoever gets that finds the connection.
        let pool = &self.seat.address().pool;
        match body.release() {
            Released::Free(connection) => pool.put(connection),
            Released::Busy(unfinished) => {
                let pool = pool.clone();
                tokio::spawn(async move {
                    if let Some(connection) = unfinished.finish().await {
                        pool.put(connection);
                    }
                });
            }
            Released::Gone => {}
        }
    }
}
