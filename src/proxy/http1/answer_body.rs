//! The body of an answer, which holds its connection until it has been read.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use super::{
    Connection, NotHttp, Stream,
    chunked::{Chunk, Chunks},
    framing::Framing,
    sending::Sending,
};

/// As much is read at a time.
const PIECE: usize = 64 * 1024;

/// Comes as it is read from the connection.
#[derive(Debug)]
pub(in crate::proxy) struct AnswerBody {
    connection: Connection,
    rest: Rest,
    /// What of the request is still on its way: an application may answer before it has all of it.
    sending: Option<Box<Sending>>,
    goes_on: bool,
    is_waiting: bool,
    /// Why it is not whole, until the client has what came before.
    broken: Option<BodyError>,
}

/// What is still to come.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Length(u64),
    Chunked(Chunks),
    UntilClose,
    Nothing,
}

/// Why an answer is not whole.
#[derive(Debug, thiserror::Error)]
pub(in crate::proxy) enum BodyError {
    /// The application said nothing for too long.
    #[error("nothing of it came for {0:?}")]
    Silent(Duration),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// What came was not HTTP.
    #[error(transparent)]
    NotHttp(#[from] NotHttp),
}

/// What becomes of a connection when its answer has been read, or is not read any more.
#[derive(Debug)]
pub(in crate::proxy) enum Released {
    /// It can be used again.
    Free(Connection),
    /// It can be, once the rest of the request has been sent.
    Busy(Unfinished),
    /// What is left on it belongs to nobody: it closes.
    Gone,
}

/// A connection that was answered on before it had sent all of the request.
#[derive(Debug)]
pub(in crate::proxy) struct Unfinished {
    connection: Connection,
    sending: Box<Sending>,
}

impl Unfinished {
    /// Sends the rest of the request; nothing is left of a connection that does not take it.
    pub(in crate::proxy) async fn finish(self) -> Option<Connection> {
        self.connection.finish(*self.sending).await
    }
}

impl AnswerBody {
    pub(super) fn new(
        connection: Connection,
        framing: Framing,
        sending: Option<Sending>,
        goes_on: bool,
    ) -> Self {
        let rest = match framing {
            Framing::Nothing => Rest::Nothing,
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => Rest::Chunked(Chunks::Size),
            Framing::UntilClose => Rest::UntilClose,
        };
        let (sending, is_waiting, broken) = (sending.map(Box::new), false, None);
        Self { connection, rest, sending, goes_on, is_waiting, broken }
    }

    /// What becomes of the connection.
    pub(in crate::proxy) fn release(self) -> Released {
        let Self { connection, sending, .. } = self;
        // What came behind the answer is no answer to anybody.
        if !matches!(self.rest, Rest::Nothing) || !self.goes_on || !connection.is_clean() {
            return Released::Gone;
        }
        match sending {
            None => Released::Free(connection),
            Some(sending) => Released::Busy(Unfinished { connection, sending }),
        }
    }

    /// The connection that has become something else than HTTP, and what has come on it already.
    pub(in crate::proxy) fn into_stream(self) -> (Stream, BytesMut) {
        self.connection.into_parts()
    }

    fn send(&mut self, context: &mut Context<'_>) {
        let Some(sending) = &mut self.sending else {
            return;
        };
        match self.connection.poll_send(sending, context) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.sending = None,
            // The rest of it nobody gets: the answer is there nevertheless, and the connection good for nothing else.
            Poll::Ready(Err(_)) => (self.sending, self.goes_on) = (None, false),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match self.rest.take(self.connection.buffer())? {
                Taken::Frame(frame) => {
                    self.is_waiting = false;
                    return Poll::Ready(Some(Ok(frame)));
                }
                Taken::End => {
                    self.rest = Rest::Nothing;
                    return Poll::Ready(None);
                }
                Taken::More => {}
            }
            let wanted = self.rest.wanted();
            let Poll::Ready(read) = self.connection.poll_read(context, wanted) else {
                // An application is not waited for while its client takes nothing.
                ready!(self.connection.poll_silence(context, !self.is_waiting));
                return Poll::Ready(Some(Err(BodyError::Silent(self.connection.patience()))));
            };
            if read? == 0 {
                if !matches!(self.rest, Rest::UntilClose) {
                    let broken = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return Poll::Ready(Some(Err(broken.into())));
                }
                self.rest = Rest::Nothing;
                return Poll::Ready(None);
            }
            self.is_waiting = false;
        }
    }
}

/// What has been taken out of what has come.
enum Taken {
    Frame(Frame<Bytes>),
    More,
    End,
}

impl Rest {
    fn take(&mut self, buffer: &mut BytesMut) -> Result<Taken, NotHttp> {
        let frame = |data| Ok(Taken::Frame(Frame::data(data)));
        match self {
            Self::Nothing => Ok(Taken::End),
            Self::Chunked(chunks) => match chunks.take(buffer)? {
                Chunk::Data(data) => frame(data),
                Chunk::Trailers(trailers) => Ok(Taken::Frame(Frame::trailers(trailers))),
                Chunk::More => Ok(Taken::More),
                Chunk::End => Ok(Taken::End),
            },
            _ if buffer.is_empty() => Ok(Taken::More),
            Self::UntilClose => frame(buffer.split().freeze()),
            Self::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                *left -= length as u64;
                if *left == 0 {
                    *self = Self::Nothing;
                }
                frame(buffer.split_to(length).freeze())
            }
        }
    }

    /// So much can be used at a time.
    fn wanted(self) -> usize {
        match self {
            Self::Length(left) => usize::try_from(left).unwrap_or(PIECE).min(PIECE),
            _ => PIECE,
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.broken.take() {
            self.rest = Rest::Nothing;
            return Poll::Ready(Some(Err(error)));
        }
        self.send(context);
        match self.poll(context) {
            Poll::Ready(Some(Err(error))) => {
                // What came before goes out first, be it the head alone: who hears nothing may take the request for one that
                // never arrived, and send it again.
                (self.broken, self.goes_on) = (Some(error), false);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(frame) => Poll::Ready(frame),
            Poll::Pending => {
                self.is_waiting = true;
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }

    fn size_hint(&self) -> SizeHint {
        match self.rest {
            Rest::Nothing => SizeHint::with_exact(0),
            Rest::Length(left) => SizeHint::with_exact(left),
            Rest::Chunked(_) | Rest::UntilClose => SizeHint::default(),
        }
    }
}
