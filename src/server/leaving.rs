//! How the gateway takes its leave: first it tells those it serves, then it waits for them.

use tokio_util::sync::CancellationToken;

/// Where the gateway is on its way out. It only ever goes on.
#[derive(Clone, Debug, Default)]
pub struct Leaving {
    draining: CancellationToken,
    closing: CancellationToken,
}

impl Leaving {
    /// From now on everybody is still served, and told to come back on another connection.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// From now on nobody new is served.
    pub fn close(&self) {
        self.draining.cancel();
        self.closing.cancel();
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    pub(super) async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// When a connection is asked to end. One of HTTP/2 can say so without losing what is on its way (GOAWAY, RFC 9113
    /// section 6.8). One of HTTP/1.1 says it with its next answer: were it closed while it is idle, whoever is just sending
    /// a request on it could not know whether somebody has read it.
    pub(super) fn goodbye(&self, http2: bool) -> &CancellationToken {
        if http2 { &self.draining } else { &self.closing }
    }
}
