//! Waiting for an answer: as long as the application may take, but not for ever, however either side
//! behaves.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::BoxError;
use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use tokio::{
    sync::Notify,
    time::{Instant, Sleep, sleep, timeout_at},
};

use super::UpstreamError;

/// A client that sends nothing of its body for so long has gone.
const CLIENT_SILENCE: Duration = Duration::from_mins(1);

/// `100 Continue`, `103 Early Hints`: no application has more to say before it answers.
const MAX_INTERIM: u32 = 20;

/// What is known of a request on its way and of its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    began: Instant,
    /// When something of the request's body was last taken by the application, in milliseconds since.
    moved: AtomicU64,
    /// Answers that are none yet.
    interim: AtomicU32,
    too_many: Notify,
    client_is_silent: AtomicBool,
    client_broke: AtomicBool,
}

impl Exchange {
    pub(super) fn begin() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            moved: AtomicU64::new(0),
            interim: AtomicU32::new(0),
            too_many: Notify::new(),
            client_is_silent: AtomicBool::new(false),
            client_broke: AtomicBool::new(false),
        })
    }

    /// Has the answers counted that come before the answer.
    pub(super) fn count_interim<B>(self: &Arc<Self>, request: &mut Request<B>) {
        let exchange = self.clone();
        hyper::ext::on_informational(request, move |_| {
            if exchange.interim.fetch_add(1, Ordering::Relaxed) == MAX_INTERIM {
                exchange.too_many.notify_one();
            }
        });
    }

    /// Waits for `answer`; `patience` begins anew with everything that the application takes of the
    /// request.
    pub(super) async fn wait<T>(
        &self,
        answer: impl Future<Output = T>,
        patience: Duration,
    ) -> Result<T, UpstreamError> {
        let mut answer = pin!(answer);
        let mut until = Instant::now() + patience;
        loop {
            tokio::select! {
                answered = timeout_at(until, &mut answer) => if let Ok(answer) = answered {
                    return Ok(answer);
                },
                () = self.too_many.notified() => return Err(UpstreamError::ManyInterim),
            }
            let later = self.moved() + patience;
            if later <= until {
                return Err(UpstreamError::NoAnswer);
            }
            until = later;
        }
    }

    /// What broke, as far as it was the client.
    pub(super) fn blame(&self, otherwise: hyper::Error) -> UpstreamError {
        if self.client_is_silent.load(Ordering::Relaxed) {
            UpstreamError::ClientSilent
        } else if self.client_broke.load(Ordering::Relaxed) {
            UpstreamError::ClientBroke(otherwise)
        } else {
            UpstreamError::Broken(otherwise)
        }
    }

    fn moved(&self) -> Instant {
        self.began + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    fn moves(&self) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(millis, Ordering::Relaxed);
    }
}

/// The body of a request, whose client must not stop in the middle.
pub(super) struct ClientBody<B> {
    body: B,
    exchange: Arc<Exchange>,
    waiting: Option<Pin<Box<Sleep>>>,
}

/// A client stopped in the middle, or broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientBodyError {
    #[error("the client sent nothing for {CLIENT_SILENCE:?}")]
    Silent,
    #[error("the client broke off: {0}")]
    Broken(#[source] BoxError),
}

impl<B> ClientBody<B> {
    pub(super) fn new(body: B, exchange: Arc<Exchange>) -> Self {
        Self { body, exchange, waiting: None }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for ClientBody<B> {
    type Data = Bytes;
    type Error = ClientBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ClientBodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = None;
            self.exchange.moves();
            return Poll::Ready(frame.map(|frame| {
                frame.map_err(|error| {
                    self.exchange.client_broke.store(true, Ordering::Relaxed);
                    ClientBodyError::Broken(error.into())
                })
            }));
        }
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(CLIENT_SILENCE)));
        ready!(waiting.as_mut().poll(context));
        self.exchange.client_is_silent.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(ClientBodyError::Silent)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A body of which nothing ever comes.
    struct Silence;

    impl Body for Silence {
        type Data = Bytes;
        type Error = hyper::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_in_the_middle_is_not_waited_for() {
        let exchange = Exchange::begin();
        let mut body = ClientBody::new(Silence, exchange.clone());
        let ended = body.frame().await.unwrap();
        assert!(matches!(ended, Err(ClientBodyError::Silent)));
        assert_eq!(exchange.began.elapsed().as_secs(), CLIENT_SILENCE.as_secs());
        assert!(exchange.client_is_silent.load(Ordering::Relaxed), "nobody blames the application");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_waited_for_until_nothing_moves_for_too_long() {
        let exchange = Exchange::begin();
        let waited = exchange.wait(std::future::pending::<()>(), PATIENCE).await;
        assert!(matches!(waited, Err(UpstreamError::NoAnswer)));
        assert_eq!(exchange.began.elapsed(), PATIENCE);

        let exchange = Exchange::begin();
        let moving = exchange.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                sleep(PATIENCE / 2).await;
                moving.moves();
            }
        });
        let waited = exchange.wait(sleep(PATIENCE * 5), PATIENCE).await;
        assert!(waited.is_ok(), "an upload takes as long as it takes");
        let waited = exchange.wait(std::future::pending::<()>(), PATIENCE).await;
        assert!(matches!(waited, Err(UpstreamError::NoAnswer)));
    }
}
