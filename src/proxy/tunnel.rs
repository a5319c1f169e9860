//! A WebSocket: after the handshake, bytes go both ways until one side or the session ends.

use std::time::Duration;

use http::{Request, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::request_head::connection_options;

/// How often is asked whether the session still goes on.
const LOOK: Duration = Duration::from_secs(1);

/// Whether a request is the handshake of a WebSocket (RFC 6455 section 4.1). No other protocol is
/// switched to.
pub(super) fn wanted<B>(request: &Request<B>) -> bool {
    let asks = connection_options(request.headers()).any(|o| o.eq_ignore_ascii_case("upgrade"));
    let protocol = request.headers().get(header::UPGRADE).map(http::HeaderValue::as_bytes);
    asks && protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
        && request.method() == http::Method::GET
        && request.version() == http::Version::HTTP_11
}

/// Copies bytes until one side closes, or the session ends, or the gateway stops.
pub(super) async fn connect(
    client: OnUpgrade,
    upstream: OnUpgrade,
    goes_on: impl Fn() -> bool + Send,
    stopping: CancellationToken,
) {
    let (client, upstream) = match tokio::try_join!(client, upstream) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(%error, "a tunnel did not open");
            return;
        }
    };
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
        () = ended(goes_on) => {}
        () = stopping.cancelled() => {}
    }
}

async fn ended(goes_on: impl Fn() -> bool) {
    while goes_on() {
        tokio::time::sleep(LOOK).await;
    }
}
