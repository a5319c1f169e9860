//! What a connection broke of. Requests that are no HTTP never reach the router: hyper answers 400,
//! 414 or 431 without a body and closes, so that all there is of them is counted and logged here.

use std::{error::Error, io};

use super::only_http1::Unasked;

/// The word for it in logs and metrics; none if nobody did anything wrong.
pub(super) fn reason(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = find::<h2::Error>(error) {
        // Connections over HTTP/2 also break when a browser goes away.
        return (!error.is_io()).then_some("http2");
    }
    let io = find::<io::Error>(error).and_then(io::Error::get_ref);
    if io.is_some_and(<dyn Error + Send + Sync>::is::<Unasked>) {
        return Some("http2-unasked");
    }
    let error = find::<hyper::Error>(error)?;
    if error.is_parse_too_large() {
        Some("head-unreadable-too-large")
    } else if error.is_parse() {
        Some("head-unreadable")
    } else {
        None
    }
}

/// The error itself or a cause of it, if it is of this type.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut error = Some(error);
    while let Some(current) = error {
        if let Some(found) = current.downcast_ref() {
            return Some(found);
        }
        error = current.source();
    }
    None
}
