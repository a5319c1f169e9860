//! A connection on which nobody has agreed on HTTP/2.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pulse::Pulse;

/// How HTTP/2 begins (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// HTTP/2 was begun where it was not agreed on in the TLS handshake (RFC 9113 section 3.2).
#[derive(Debug, thiserror::Error)]
#[error("HTTP/2 was begun unasked")]
pub(super) struct Unasked;

/// Ends where HTTP/2 begins unasked, and tells of what comes.
pub(super) struct OnlyHttp1<S> {
    stream: S,
    pulse: Arc<Pulse>,
    /// How much of the preface has come; nothing if something else has.
    come: Option<usize>,
}

impl<S> OnlyHttp1<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self { stream, pulse, come: Some(0) }
    }

    fn look(&mut self, bytes: &[u8]) -> Result<(), Unasked> {
        let Some(come) = self.come else {
            return Ok(());
        };
        let rest = &PREFACE[come..];
        let count = rest.len().min(bytes.len());
        self.come = (rest[..count] == bytes[..count]).then_some(come + count);
        if self.come == Some(PREFACE.len()) { Err(Unasked) } else { Ok(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for OnlyHttp1<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.pulse.heard();
        let looked = self.look(&buffer.filled()[before..]);
        Poll::Ready(looked.map_err(|unasked| io::Error::new(io::ErrorKind::InvalidData, unasked)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for OnlyHttp1<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// Whether what is sent in two parts arrives.
    async fn arrives(first: &[u8], second: &[u8]) -> bool {
        let (ours, mut theirs) = duplex(1000);
        let pulse = Arc::new(Pulse::begin(std::time::Duration::from_secs(75)));
        let mut ours = OnlyHttp1::new(ours, pulse);
        let mut read = Vec::new();
        for part in [first, second] {
            theirs.write_all(part).await.unwrap();
            if !part.is_empty() && ours.read_buf(&mut read).await.is_err() {
                return false;
            }
        }
        read == [first, second].concat()
    }

    #[tokio::test]
    async fn http2_does_not_begin_unasked() {
        for split in 0..PREFACE.len() {
            let (first, second) = PREFACE.split_at(split);
            assert!(!arrives(first, second).await, "{split}");
        }
        assert!(!arrives(&[PREFACE, b"more"].concat(), b"").await);
        for other in [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/1.1\r\n", b"P"] {
            assert!(arrives(other, PREFACE).await, "{other:?}");
        }
    }
}
