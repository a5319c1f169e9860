//! The body of a request, whose client must not stop in the middle.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::BoxError;
use bytes::Bytes;
use http_body::Body as _;
use tokio::time::{Sleep, sleep};

use crate::http::Body;

/// A client that sends nothing of its body for so long has gone.
const CLIENT_SILENCE: Duration = Duration::from_mins(1);

/// What a client sends behind the head of its request.
#[derive(Debug)]
pub(in crate::proxy) struct ClientBody {
    body: Body,
    /// A piece that nobody could use.
    next: Option<Bytes>,
    waiting: Option<Pin<Box<Sleep>>>,
}

/// A client stopped in the middle, or broke off.
#[derive(Debug, thiserror::Error)]
pub(in crate::proxy) enum ClientBodyError {
    #[error("the client sent nothing for {CLIENT_SILENCE:?}")]
    Silent,
    #[error("{0}")]
    Broken(#[source] BoxError),
    #[error("its body is not as long as it has said")]
    Length,
}

impl ClientBody {
    pub(in crate::proxy) fn new(body: Body) -> Self {
        Self { body, next: None, waiting: None }
    }

    /// Puts a piece back that was taken, and not sent.
    pub(super) fn put_back(&mut self, piece: Bytes) {
        self.next = Some(piece);
    }

    /// The next piece; what comes behind the last one is not passed on.
    pub(super) fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ClientBodyError>>> {
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(Ok(next)));
        }
        while let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = None;
            match frame.transpose() {
                Ok(Some(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(_trailers) => {}
                },
                Ok(None) => return Poll::Ready(None),
                Err(error) => {
                    return Poll::Ready(Some(Err(ClientBodyError::Broken(error.into()))));
                }
            }
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(CLIENT_SILENCE)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Some(Err(ClientBodyError::Silent)))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::stream;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_in_the_middle_is_not_waited_for() {
        let silence = stream::pending::<Result<Bytes, std::io::Error>>();
        let mut body = ClientBody::new(Body::from_stream(silence));
        let began = Instant::now();
        let ended = poll_fn(|context| body.poll_data(context)).await;
        assert!(matches!(ended, Some(Err(ClientBodyError::Silent))));
        assert_eq!(began.elapsed(), CLIENT_SILENCE);
    }
}
