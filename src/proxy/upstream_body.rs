//! The body of an answer, which holds its connection until it has been read.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::{address::Seat, connection::Sender};
use crate::telemetry::TraceId;

/// Gives the connection back to the pool when the last byte has been read. One that is dropped before
/// closes its connection: what is left on it belongs to nobody.
pub(super) struct UpstreamBody {
    body: Incoming,
    sender: Option<Sender>,
    /// Its request has a seat at the application until then, too.
    seat: Option<Seat>,
    is_kept: bool,
    is_read: bool,
    patience: Duration,
    /// Runs while the application says nothing. An answer may take as long as it wants, as long as it
    /// goes on.
    waiting: Option<Pin<Box<Sleep>>>,
    trace: TraceId,
}

/// Why an answer is not whole. Its head has gone out already: the client sees that the connection
/// breaks.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamBodyError {
    /// The application said nothing for too long.
    #[error("nothing of it came for {0:?}")]
    Silent(Duration),
    /// The connection ended, or what came was not HTTP.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

impl UpstreamBody {
    /// A connection that is not kept ends with the answer.
    pub(super) fn new(
        body: Incoming,
        sender: Sender,
        (seat, is_kept): (Option<Seat>, bool),
        patience: Duration,
        trace: TraceId,
    ) -> Self {
        let (sender, is_read, waiting) = (Some(sender), false, None);
        Self { body, sender, seat, is_kept, is_read, patience, waiting, trace }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamBodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let patience = self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Some(Err(UpstreamBodyError::Silent(patience))))
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = UpstreamBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamBodyError>>> {
        let frame = ready!(self.poll(context));
        self.is_read |= frame.is_none();
        if let Some(Err(error)) = &frame {
            tracing::warn!(trace = %self.trace, code = "upstream-broken", %error, "an answer broke off");
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        let is_free = self.is_kept && (self.is_read || self.body.is_end_stream());
        if let (true, Some(sender), Some(seat)) = (is_free, self.sender.take(), &self.seat) {
            // Before the seat is free: whoever gets that finds the connection.
            seat.address().pool.give_back(sender);
        }
    }
}
