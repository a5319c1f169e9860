//! The body of an answer, which holds its connection until it has been read.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{connection::Sender, pool::Pool};

/// Gives the connection back to the pool when the last byte has been read. One that is dropped before
/// closes its connection: what is left on it belongs to nobody.
pub(super) struct UpstreamBody {
    body: Incoming,
    sender: Option<Sender>,
    pool: Option<Arc<Pool>>,
    is_read: bool,
}

impl UpstreamBody {
    /// Without a pool, the connection ends with the answer.
    pub(super) fn new(body: Incoming, sender: Sender, pool: Option<Arc<Pool>>) -> Self {
        Self { body, sender: Some(sender), pool, is_read: false }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.is_read |= frame.is_none();
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
        let read = self.is_read || self.body.is_end_stream();
        if let (true, Some(sender), Some(pool)) = (read, self.sender.take(), self.pool.take()) {
            pool.give_back(sender);
        }
    }
}
