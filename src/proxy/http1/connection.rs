//! A connection to an application.

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::BytesMut;
use http::Response;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::{
    AnswerBody, ClientBody, ClientBodyError, Length, Request, Stream,
    head::{Head, HeadReader, NotHttp},
    patience::Patience,
    sending::{SendError, Sending},
};

/// As much is read at a time before it is known how much there will be.
const PIECE: usize = 8 * 1024;

/// One request at a time is asked on it.
pub(in crate::proxy) struct Connection {
    stream: Stream,
    /// What has come and nobody has taken.
    buffer: BytesMut,
    patience: Patience,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What has come is somebody's.
        f.debug_struct("Connection").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::proxy) enum AskError {
    /// Nothing of the request was sent. Its body is whole, if it has one.
    Unsent(io::Error, Option<(ClientBody, Length)>),
    /// The connection ended.
    Broken(io::Error),
    /// What came was not HTTP.
    NotHttp(NotHttp),
    /// Nothing moved for too long.
    Silent,
    /// Its client is to blame.
    Client(ClientBodyError),
}

impl Connection {
    pub(in crate::proxy) fn new(stream: Stream) -> Self {
        Self { stream, buffer: BytesMut::new(), patience: Patience::new() }
    }

    /// Whether a request can be sent, as far as anybody knows. Who says something unasked, or has closed, is not asked.
    pub(in crate::proxy) fn is_open(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut byte = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream).poll_read(&mut context, &mut byte).is_pending()
    }

    /// Sends a request, and waits for the head of its answer, as long as something moves within `patience`.
    pub(in crate::proxy) async fn ask(
        mut self,
        request: Request,
        patience: Duration,
    ) -> Result<Response<AnswerBody>, AskError> {
        let Request { head, body, is_head } = request;
        let mut asking = Asking {
            sending: Some(Sending::new(head, body)),
            reader: HeadReader::new(is_head),
            is_cut: false,
        };
        self.patience.begin(patience);
        let Head { response, framing, goes_on } =
            poll_fn(|context| asking.poll(&mut self, context)).await?;
        let Asking { sending, is_cut, .. } = asking;
        Ok(response.map(|()| AnswerBody::new(self, framing, sending, goes_on && !is_cut)))
    }

    /// Sends the rest of a request that was answered before.
    pub(super) async fn finish(mut self, mut sending: Sending) -> Option<Self> {
        self.patience.renew();
        let sent = poll_fn(|context| {
            if let Poll::Ready(sent) = self.poll_send(&mut sending, context) {
                return Poll::Ready(sent.is_ok());
            }
            self.patience.poll_over(context).map(|()| false)
        });
        sent.await.then_some(self)
    }

    pub(super) fn poll_send(
        &mut self,
        sending: &mut Sending,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        let sent = sending.poll(&mut self.stream, context);
        if sending.moves() {
            self.patience.renew();
        }
        sent
    }

    /// Reads into the buffer, if there is something; `wanted` is how much of it can be used.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        if self.buffer.capacity() - self.buffer.len() < wanted / 2 {
            self.buffer.reserve(wanted);
        }
        poll_read_buf(Pin::new(&mut self.stream), context, &mut self.buffer)
    }

    /// Ready when nothing has moved for too long; it begins anew if one `begins` to wait.
    pub(super) fn poll_silence(&mut self, context: &mut Context<'_>, begins: bool) -> Poll<()> {
        if begins {
            self.patience.renew();
        }
        self.patience.poll_over(context)
    }

    pub(super) fn patience(&self) -> Duration {
        self.patience.length()
    }

    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Whether nothing has come that nobody has asked for.
    pub(super) fn is_clean(&self) -> bool {
        self.buffer.is_empty()
    }

    pub(super) fn into_parts(self) -> (Stream, BytesMut) {
        (self.stream, self.buffer)
    }
}

/// A request on its way, and the answer that is waited for.
struct Asking {
    sending: Option<Sending>,
    reader: HeadReader,
    /// Whether the application takes no more of the request. It may have answered nevertheless.
    is_cut: bool,
}

impl Asking {
    fn poll(
        &mut self,
        connection: &mut Connection,
        context: &mut Context<'_>,
    ) -> Poll<Result<Head, AskError>> {
        if let Some(mut sending) = self.sending.take() {
            match connection.poll_send(&mut sending, context) {
                Poll::Pending => self.sending = Some(sending),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(SendError::Client(error))) => {
                    return Poll::Ready(Err(AskError::Client(error)));
                }
                Poll::Ready(Err(SendError::Broken(error))) if !sending.has_begun() => {
                    return Poll::Ready(Err(AskError::Unsent(error, sending.into_body())));
                }
                Poll::Ready(Err(SendError::Broken(_))) => self.is_cut = true,
            }
        }
        loop {
            let Poll::Ready(read) = connection.poll_read(context, PIECE) else {
                ready!(connection.patience.poll_over(context));
                return Poll::Ready(Err(AskError::Silent));
            };
            match read {
                Err(error) => return Poll::Ready(Err(AskError::Broken(error))),
                Ok(0) => return Poll::Ready(Err(AskError::Broken(closed()))),
                Ok(_) => {}
            }
            match self.reader.take(&mut connection.buffer) {
                Err(error) => return Poll::Ready(Err(AskError::NotHttp(error))),
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
            }
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the application closed the connection")
}
