//! A WebSocket: after the handshake, bytes go both ways until one side or the session ends.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use http::{Request, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    address::Seat,
    http1::Stream,
    request_head::connection_options,
    websocket::{Farewell, Frames},
};

/// How often is asked whether the session still goes on.
const LOOK: Duration = Duration::from_secs(1);

/// How long the end of a frame, and a client's answer to the gateway's last word, may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A WebSocket that a side has closed is over (RFC 6455 section 7.1.1). What the other side has said before still arrives.
const HALF_CLOSED: Duration = Duration::from_secs(5);

/// As much as is copied at a time.
const BUFFER: usize = 16 * 1024;

thread_local! {
    /// What is read has its place here until it has been written. Most tunnels are silent at most times: those of a thread have
    /// one buffer together.
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER].into());
}

/// Whether a request is the handshake of a WebSocket (RFC 6455 section 4.1). No other protocol is
/// switched to.
pub(super) fn wanted<B>(request: &Request<B>) -> bool {
    let asks = connection_options(request.headers()).any(|o| o.eq_ignore_ascii_case("upgrade"));
    let protocol = request.headers().get(header::UPGRADE).map(http::HeaderValue::as_bytes);
    asks && protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
        && request.method() == http::Method::GET
        && request.version() == http::Version::HTTP_11
}

/// Copies bytes until one side closes, or the session ends, or the gateway stops; then the client is told why, as the
/// application would tell it. So long it has its seat at the application.
pub(super) async fn connect(
    client: OnUpgrade,
    (upstream, begun): (Stream, BytesMut),
    goes_on: impl Fn() -> bool + Send,
    stopping: CancellationToken,
    seat: Seat,
) {
    let client = match client.await {
        Ok(client) => TokioIo::new(client),
        Err(error) => {
            tracing::debug!(%error, "a tunnel did not open");
            return;
        }
    };
    let why = async {
        tokio::select! {
            () = ended(goes_on) => Farewell::NotAllowed,
            () = stopping.cancelled() => Farewell::GoingAway,
        }
    };
    Tunnel::new(client, upstream, begun).copy(why).await;
    drop(seat);
}

/// A client and an application that talk to each other.
struct Tunnel<C, U> {
    client: C,
    upstream: U,
    up: Way,
    down: Way,
}

impl<C: AsyncRead + AsyncWrite + Unpin, U: AsyncRead + AsyncWrite + Unpin> Tunnel<C, U> {
    /// What the application has `begun` to say has come already.
    fn new(client: C, upstream: U, begun: BytesMut) -> Self {
        let mut frames = Frames::default();
        frames.follow(&begun);
        // An empty buffer would keep what it has been read into.
        let rest = if begun.is_empty() { BytesMut::new() } else { begun };
        let down = Way { rest, frames: Some(frames), ..Way::default() };
        Self { client, upstream, up: Way::default(), down }
    }

    /// Copies both ways until one side closes, and for a moment longer: whoever does not close then would keep its seat for
    /// ever. When it is known `why` the tunnel ends, the client is told between two frames of the application's. Its answer
    /// still goes to the application, which so takes its leave of a client that goes.
    async fn copy(mut self, why: impl Future<Output = Farewell>) {
        self.down.farewell = tokio::select! {
            () = poll_fn(|context| self.poll(context).0) => None,
            why = why => Some(why),
        };
        let patience = if self.down.farewell.is_some() { LAST_WORDS } else { HALF_CLOSED };
        let _ = timeout(patience, poll_fn(|context| self.poll(context).1)).await;
    }

    /// Whether one way is at its end, and whether both are.
    fn poll(&mut self, context: &mut Context<'_>) -> (Poll<()>, Poll<()>) {
        let up = self.up.poll(&mut self.client, &mut self.upstream, context);
        let down = self.down.poll(&mut self.upstream, &mut self.client, context);
        if up.is_ready() { (up, down) } else { (down, up) }
    }
}

/// One way of a tunnel.
#[derive(Debug, Default)]
struct Way {
    /// What has been read, and not been taken yet.
    rest: BytesMut,
    /// Where the frames end, on a way where the gateway may have to say something between two of them.
    frames: Option<Frames>,
    /// What the gateway says last.
    farewell: Option<Farewell>,
    /// Whether something was written that may still wait to be sent.
    is_unflushed: bool,
    /// Whether no more is read.
    is_read: bool,
    /// Whether the other side has everything, and knows that it is everything.
    is_over: bool,
}

impl Way {
    /// Copies until `from` has no more to say, or the gateway has said its last word. Whoever has gone hears nothing.
    fn poll(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<()> {
        if !self.is_over {
            let copied = ready!(self.poll_copy(from, to, context));
            if copied.is_err() {
                // What has broken on the one side, the other one is told.
                let _ = ready!(Pin::new(to).poll_shutdown(context));
            }
            self.is_over = true;
        }
        Poll::Ready(())
    }

    fn poll_copy(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_rest(to, context))?;
            if self.is_read {
                return Pin::new(to).poll_shutdown(context);
            }
            if self.is_last_word_due() {
                self.say_last_word();
            } else if let Poll::Ready(read) = self.poll_piece(from, to, context) {
                read?;
            } else {
                if self.is_unflushed {
                    ready!(Pin::new(to).poll_flush(context))?;
                    self.is_unflushed = false;
                }
                return Poll::Pending;
            }
        }
    }

    /// Writes what has been read before.
    fn poll_rest(
        &mut self,
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let written = ready!(Pin::new(&mut *to).poll_write(context, &self.rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.is_unflushed = true;
            self.rest.advance(written);
            if self.rest.is_empty() {
                self.rest = BytesMut::new();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads a piece, and writes as much of it as is taken at once.
    fn poll_piece(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        SHARED.with_borrow_mut(|shared| {
            let mut buffer = ReadBuf::new(shared);
            ready!(Pin::new(from).poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            self.is_read = bytes.is_empty();
            let bytes = self.pass(bytes);
            let mut written = 0;
            if !bytes.is_empty()
                && let Poll::Ready(taken) = Pin::new(to).poll_write(context, bytes)
            {
                written = taken?;
            }
            self.is_unflushed |= written > 0;
            self.rest.extend_from_slice(&bytes[written..]);
            Poll::Ready(Ok(()))
        })
    }

    /// What of a piece is passed on: before the last word, nothing is begun any more.
    fn pass<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(frames) = &mut self.frames else {
            return bytes;
        };
        if self.farewell.is_some() {
            return &bytes[..frames.finish(bytes)];
        }
        frames.follow(bytes);
        bytes
    }

    fn is_last_word_due(&self) -> bool {
        self.farewell.is_some() && self.frames.as_ref().is_some_and(Frames::are_whole)
    }

    fn say_last_word(&mut self) {
        let is_closed = self.frames.as_ref().is_some_and(Frames::are_closed);
        if let Some(farewell) = self.farewell.filter(|_| !is_closed) {
            self.rest.extend_from_slice(&farewell.frame());
        }
        self.is_read = true;
    }
}

async fn ended(goes_on: impl Fn() -> bool) {
    while goes_on() {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        sync::oneshot,
    };

    use super::*;

    struct Tunnel {
        client: DuplexStream,
        upstream: DuplexStream,
        tell: oneshot::Sender<Farewell>,
        copying: tokio::task::JoinHandle<()>,
    }

    fn tunnel() -> Tunnel {
        let (client, to_client) = duplex(100_000);
        let (upstream, to_upstream) = duplex(100_000);
        let (tell, told) = oneshot::channel();
        let tunnel = super::Tunnel::new(to_client, to_upstream, BytesMut::new());
        let copying = tokio::spawn(tunnel.copy(async { told.await.unwrap() }));
        Tunnel { client, upstream, tell, copying }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_word_stands_between_two_frames() {
        let Tunnel { mut client, mut upstream, tell, copying } = tunnel();
        let frame = [&[0x82, 126, 0, 200][..], &[7; 200]].concat();
        upstream.write_all(&frame[..50]).await.unwrap();
        client.read_exact(&mut [0; 50]).await.unwrap();
        tell.send(Farewell::GoingAway).unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        // The rest of the frame, and another one that the client does not get any more.
        upstream.write_all(&frame[50..]).await.unwrap();
        upstream.write_all(&frame).await.unwrap();
        // A client answers, as browsers do, and closes.
        let mut heard = vec![0; 158];
        client.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, [&frame[50..], &[0x88, 2, 0x03, 0xe9]].concat());
        client.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]).await.unwrap();
        client.shutdown().await.unwrap();
        let mut last = Vec::new();
        upstream.read_to_end(&mut last).await.unwrap();
        assert_eq!(last.len(), 8, "the application hears that its client goes");
        copying.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_close_after_the_other_side_has_is_not_waited_for_without_end() {
        let Tunnel { mut client, mut upstream, tell: _tell, copying } = tunnel();
        upstream.write_all(&[0x89, 0]).await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = [0; 2];
        client.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, [0x89, 0], "what was said before arrives");
        let began = tokio::time::Instant::now();
        copying.await.unwrap();
        assert!(began.elapsed() <= HALF_CLOSED);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_said_after_the_applications_last_word_and_nobody_is_waited_for_without_end()
    {
        let Tunnel { mut client, mut upstream, tell, copying } = tunnel();
        upstream.write_all(&[0x88, 2, 0x03, 0xe8]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        tell.send(Farewell::NotAllowed).unwrap();
        let began = tokio::time::Instant::now();
        copying.await.unwrap();
        assert!(began.elapsed() <= LAST_WORDS);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, [0x88, 2, 0x03, 0xe8]);
    }
}
