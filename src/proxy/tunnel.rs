//! A WebSocket: after the handshake, bytes go both ways until one side or the session ends.

use std::time::Duration;

use http::{Request, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, split},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{address::Seat, request_head::connection_options};

/// How often is asked whether the session still goes on.
const LOOK: Duration = Duration::from_secs(1);

/// One that a side has closed is over (RFC 6455 section 7.1.1). What the other side has said before still arrives.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Whether a request is the handshake of a WebSocket (RFC 6455 section 4.1). No other protocol is
/// switched to.
pub(super) fn wanted<B>(request: &Request<B>) -> bool {
    let asks = connection_options(request.headers()).any(|o| o.eq_ignore_ascii_case("upgrade"));
    let protocol = request.headers().get(header::UPGRADE).map(http::HeaderValue::as_bytes);
    asks && protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
        && request.method() == http::Method::GET
        && request.version() == http::Version::HTTP_11
}

/// Copies bytes until one side closes, or the session ends, or the gateway stops. So long it has its seat at the
/// application.
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
    let (client, upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    tokio::select! {
        () = copy_both(client, upstream) => {}
        () = ended(goes_on) => {}
        () = stopping.cancelled() => {}
    }
    drop(seat);
}

/// Copies bytes until one side closes, and for a moment longer: whoever does not close then would keep its seat for ever.
async fn copy_both<C, U>(client: C, upstream: U)
where
    C: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let ((mut from_client, mut to_client), (mut from_upstream, mut to_upstream)) =
        (split(client), split(upstream));
    let up = async {
        let _ = copy(&mut from_client, &mut to_upstream).await;
        let _ = to_upstream.shutdown().await;
    };
    let down = async {
        let _ = copy(&mut from_upstream, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    tokio::pin!(up, down);
    let _ = tokio::select! {
        () = &mut up => timeout(LAST_WORDS, down).await,
        () = &mut down => timeout(LAST_WORDS, up).await,
    };
}

async fn ended(goes_on: impl Fn() -> bool) {
    while goes_on() {
        tokio::time::sleep(LOOK).await;
    }
}
