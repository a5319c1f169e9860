//! Bodies that nobody wants.

use std::time::Duration;

use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::Body;

/// What a script or a form sends at once. Larger ones are cut off.
const AT_MOST: usize = 1024 * 1024;

/// A client sends what is left of it at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads what is left of the body of a request that is refused. Clients send all of a body before they look
/// at an answer, and some take one that comes earlier for a broken connection.
pub async fn read_away(mut body: Body) {
    let reading = async {
        let mut read = 0;
        while read <= AT_MOST
            && let Some(Ok(frame)) = body.frame().await
        {
            read += frame.data_ref().map_or(0, bytes::Bytes::len);
        }
    };
    let _ = timeout(PATIENCE, reading).await;
}
