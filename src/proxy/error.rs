//! Why an application did not answer.

use http::StatusCode;

use super::Target;
use crate::http::Error;

/// Why an application did not answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Nobody is there.
    #[error("cannot connect to {0:?}: {1}")]
    Connect(Target, std::io::Error),
    /// Nobody says whether anybody is there.
    #[error("{0:?} did not take the connection in time")]
    ConnectTimeout(Target),
    /// The connection ended, or what came was not HTTP.
    #[error("the exchange broke: {0}")]
    Broken(hyper::Error),
    /// It took the request, and said nothing.
    #[error("no answer came in time")]
    NoAnswer,
    /// It changed the protocol, which nobody asked for.
    #[error("it switched protocols unasked")]
    UnwantedUpgrade,
}

impl From<UpstreamError> for Error {
    fn from(error: UpstreamError) -> Self {
        let (status, code, sentence) = match error {
            UpstreamError::Connect(..) | UpstreamError::ConnectTimeout(_) => (
                StatusCode::BAD_GATEWAY,
                "upstream-unreachable",
                "The application is not running, or just starting. Try again in a minute.",
            ),
            UpstreamError::Broken(_) | UpstreamError::UnwantedUpgrade => (
                StatusCode::BAD_GATEWAY,
                "upstream-broken",
                "The application broke off while it answered. Try again.",
            ),
            UpstreamError::NoAnswer => (
                StatusCode::GATEWAY_TIMEOUT,
                "upstream-timeout",
                "The application took too long to answer. Try again later.",
            ),
        };
        Self::new(status, code, sentence).caused_by(error)
    }
}
