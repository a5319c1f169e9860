//! A WebSocket: after the handshake, bytes go both ways until one side or the session ends.

use std::{future::Future, io, time::Duration};

use http::{Request, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::oneshot,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    address::Seat,
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
const BUFFER: usize = 8 * 1024;

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
    upstream: OnUpgrade,
    goes_on: impl Fn() -> bool + Send,
    stopping: CancellationToken,
    seat: Seat,
) {
    let (client, upstream) = match tokio::try_join!(client, upstream) {
        Ok(both) => both,
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
    copy(TokioIo::new(client), TokioIo::new(upstream), why).await;
    drop(seat);
}

/// Copies both ways until one side closes, and for a moment longer: whoever does not close then would keep its seat for ever.
/// When it is known `why` the tunnel ends, the client is told between two frames of the application's. Its answer still goes
/// to the application, which so takes its leave of a client that goes.
async fn copy(
    client: impl AsyncRead + AsyncWrite,
    upstream: impl AsyncRead + AsyncWrite,
    why: impl Future<Output = Farewell>,
) {
    let (mut from_client, to_client) = tokio::io::split(client);
    let (from_upstream, mut to_upstream) = tokio::io::split(upstream);
    let (tell, told) = oneshot::channel();
    let up = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_upstream).await;
        let _ = to_upstream.shutdown().await;
    };
    let down = async {
        // Whoever has gone hears nothing.
        let _ = copy_down(from_upstream, to_client, told).await;
    };
    tokio::pin!(up, down);
    let _ = tokio::select! {
        () = &mut up => timeout(HALF_CLOSED, down).await,
        () = &mut down => timeout(HALF_CLOSED, up).await,
        why = why => {
            let _ = tell.send(why);
            timeout(LAST_WORDS, async { tokio::join!(up, down); }).await
        }
    };
}

/// Copies to the client until the application has no more to say, or the gateway has a last word.
async fn copy_down(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut told: oneshot::Receiver<Farewell>,
) -> io::Result<()> {
    let (mut frames, mut buffer, mut farewell) = (Frames::default(), vec![0; BUFFER], None);
    loop {
        if let Some(farewell) = farewell.filter(|_| frames.are_whole()) {
            if !frames.are_closed() {
                to.write_all(&Farewell::frame(farewell)).await?;
            }
            return to.shutdown().await;
        }
        let length = tokio::select! {
            read = from.read(&mut buffer) => read?,
            Ok(why) = &mut told, if farewell.is_none() => {
                farewell = Some(why);
                continue;
            }
        };
        if length == 0 {
            return to.shutdown().await;
        }
        let bytes = &buffer[..length];
        let bytes = if farewell.is_none() {
            frames.follow(bytes);
            bytes
        } else {
            &bytes[..frames.finish(bytes)]
        };
        to.write_all(bytes).await?;
        to.flush().await?;
    }
}

async fn ended(goes_on: impl Fn() -> bool) {
    while goes_on() {
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

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
        let copying = tokio::spawn(copy(to_client, to_upstream, async { told.await.unwrap() }));
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
