//! A request on its way to an application.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes};
use tokio::io::AsyncWrite;

use super::{ClientBody, ClientBodyError};

/// A request as it is sent. It proves who somebody is, so nobody can print it.
pub(in crate::proxy) struct Request {
    /// Everything before its body.
    pub(in crate::proxy) head: Bytes,
    /// Its body, if it has one, which is as long as the head says.
    pub(in crate::proxy) body: Option<(ClientBody, Length)>,
    /// Whether it asks for a head only: the answer has no body, whatever it says.
    pub(in crate::proxy) is_head: bool,
}

/// How long a body is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Length {
    /// So many bytes are left.
    Known(u64),
    /// It comes in pieces (RFC 9112 section 7.1).
    Chunked,
}

/// Why a request cannot be sent to its end.
#[derive(Debug)]
pub(super) enum SendError {
    /// The application takes no more of it.
    Broken(io::Error),
    /// Its client is to blame.
    Client(ClientBodyError),
}

/// What of a request is still to be written.
pub(super) struct Sending {
    before: Bytes,
    data: Bytes,
    body: Option<(ClientBody, Length)>,
    stage: Stage,
    has_begun: bool,
    has_moved: bool,
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("stage", &self.stage).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody has looked what comes behind the head.
    Head,
    /// Some of the body has been taken.
    Body,
    /// All of it.
    End,
}

impl Sending {
    pub(super) fn new(head: Bytes, body: Option<(ClientBody, Length)>) -> Self {
        let stage = if body.is_some() { Stage::Head } else { Stage::End };
        let (data, has_begun, has_moved) = (Bytes::new(), false, false);
        Self { before: head, data, body, stage, has_begun, has_moved }
    }

    /// Whether the application may have seen anything of it.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The body of a request that has not begun to be sent.
    pub(super) fn into_body(self) -> Option<(ClientBody, Length)> {
        let (mut body, length) = self.body?;
        let taken = self.data.len() as u64;
        if taken > 0 {
            body.put_back(self.data);
        }
        let length = match length {
            Length::Known(left) => Length::Known(left + taken),
            Length::Chunked => Length::Chunked,
        };
        Some((body, length))
    }

    /// Whether anything of a body has moved since the last time this was asked.
    pub(super) fn moves(&mut self) -> bool {
        std::mem::take(&mut self.has_moved) && self.body.is_some()
    }

    /// Ready when all of it has been written.
    pub(super) fn poll(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendError>> {
        if self.stage == Stage::Head
            && let Poll::Ready(next) = self.poll_body(context)
        {
            // What has come with the head goes with the head.
            next?;
        }
        loop {
            ready!(self.poll_write(stream, context)).map_err(SendError::Broken)?;
            if self.stage == Stage::End {
                return Pin::new(stream).poll_flush(context).map_err(SendError::Broken);
            }
            match self.poll_body(context) {
                Poll::Ready(next) => next?,
                Poll::Pending => {
                    // What has been written is not kept back while the client thinks.
                    ready!(Pin::new(stream).poll_flush(context)).map_err(SendError::Broken)?;
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.before.is_empty() || !self.data.is_empty() {
            let stream = Pin::new(&mut *stream);
            let written = if self.data.is_empty() {
                ready!(stream.poll_write(context, &self.before))?
            } else {
                let both = [io::IoSlice::new(&self.before), io::IoSlice::new(&self.data)];
                ready!(stream.poll_write_vectored(context, &both))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            (self.has_begun, self.has_moved) = (true, true);
            let of_before = written.min(self.before.len());
            self.before.advance(of_before);
            self.data.advance(written - of_before);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes the next piece of the body, or its end.
    fn poll_body(&mut self, context: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some((body, length)) = &mut self.body else {
            return Poll::Ready(Ok(()));
        };
        let next = ready!(body.poll_data(context)).transpose().map_err(SendError::Client)?;
        let is_end = next.is_none();
        let data = next.unwrap_or_default();
        match length {
            Length::Known(left) => {
                let rest = left.checked_sub(data.len() as u64).filter(|rest| !is_end || *rest == 0);
                let Some(rest) = rest else {
                    return Poll::Ready(Err(SendError::Client(ClientBodyError::Length)));
                };
                *left = rest;
            }
            Length::Chunked => self.announce(data.len()),
        }
        self.stage = if is_end { Stage::End } else { Stage::Body };
        (self.data, self.has_moved) = (data, true);
        Poll::Ready(Ok(()))
    }

    /// Says how long the next piece is; the last one has no bytes.
    fn announce(&mut self, length: usize) {
        let mut before = Vec::with_capacity(self.before.len() + 24);
        before.extend_from_slice(&self.before);
        if self.stage == Stage::Body {
            before.extend_from_slice(b"\r\n");
        }
        before.extend_from_slice(format!("{length:x}\r\n").as_bytes());
        if length == 0 {
            before.extend_from_slice(b"\r\n");
        }
        self.before = before.into();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::stream;
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::http::Body;

    fn body(pieces: &[&'static str]) -> ClientBody {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, io::Error>(*piece)).collect();
        ClientBody::new(Body::from_stream(stream::iter(pieces)))
    }

    /// What arrives, whatever of it fits into the connection at a time, and what became of it.
    async fn sent(body: Option<(ClientBody, Length)>) -> (String, Result<(), SendError>) {
        let (mut ours, mut theirs) = tokio::io::duplex(7);
        let sending = tokio::spawn(async move {
            let mut sending = Sending::new(Bytes::from_static(b"HEAD "), body);
            poll_fn(|context| sending.poll(&mut ours, context)).await
        });
        let mut arrived = String::new();
        theirs.read_to_string(&mut arrived).await.unwrap();
        (arrived, sending.await.unwrap())
    }

    #[tokio::test]
    async fn a_body_arrives_as_long_as_it_was_said_to_be_or_in_pieces() {
        let (arrived, ended) = sent(None).await;
        assert!(ended.is_ok() && arrived == "HEAD ");
        let (arrived, ended) = sent(Some((body(&["hello", "", " you"]), Length::Known(9)))).await;
        assert!(ended.is_ok() && arrived == "HEAD hello you", "{arrived}");
        let (arrived, ended) =
            sent(Some((body(&["hello", "", " you all there"]), Length::Chunked))).await;
        assert!(ended.is_ok(), "{ended:?}");
        assert_eq!(arrived, "HEAD 5\r\nhello\r\ne\r\n you all there\r\n0\r\n\r\n");
        let (arrived, _) = sent(Some((body(&[]), Length::Chunked))).await;
        assert_eq!(arrived, "HEAD 0\r\n\r\n");
    }

    #[tokio::test]
    async fn a_body_that_is_longer_or_shorter_than_was_said_is_none() {
        for said in [8, 10, 0] {
            let (arrived, ended) =
                sent(Some((body(&["hello", " you"]), Length::Known(said)))).await;
            let failed = matches!(ended, Err(SendError::Client(ClientBodyError::Length)));
            assert!(failed, "{said}: {ended:?}");
            assert!(arrived.len() <= 5 + usize::try_from(said).unwrap(), "{said}: {arrived}");
        }
    }
    #[tokio::test]
    async fn what_was_not_sent_is_whole() {
        for (length, all) in [
            (Length::Known(9), "HEAD hello you"),
            (Length::Chunked, "HEAD 9\r\nhello you\r\n0\r\n\r\n"),
        ] {
            let mut sending =
                Sending::new(Bytes::from_static(b"HEAD "), Some((body(&["hello you"]), length)));
            let (mut ours, theirs) = tokio::io::duplex(7);
            drop(theirs);
            let ended = poll_fn(|context| sending.poll(&mut ours, context)).await;
            assert!(matches!(ended, Err(SendError::Broken(_))) && !sending.has_begun());
            let (arrived, ended) = sent(sending.into_body()).await;
            assert!(ended.is_ok(), "{ended:?}");
            assert_eq!(arrived, all);
        }
    }
}
