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

impl UpstreamError {
    /// What logs, metrics and scripts know it by.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect(..) | Self::ConnectTimeout(_) => "upstream-unreachable",
            Self::Broken(_) | Self::UnwantedUpgrade => "upstream-broken",
            Self::NoAnswer => "upstream-timeout",
        }
    }
}

impl From<UpstreamError> for Error {
    fn from(error: UpstreamError) -> Self {
        let (status, sentence) = match error {
            UpstreamError::Connect(..) | UpstreamError::ConnectTimeout(_) => (
                StatusCode::BAD_GATEWAY,
                "The application is not running, or just starting. Try again in a minute.",
            ),
            UpstreamError::Broken(_) | UpstreamError::UnwantedUpgrade => {
                (StatusCode::BAD_GATEWAY, "The application broke off while it answered. Try again.")
            }
            UpstreamError::NoAnswer => (
                StatusCode::GATEWAY_TIMEOUT,
                "The application took too long to answer. Try again later.",
            ),
        };
        Self::new(status, error.code(), sentence).caused_by(error)
    }
}
