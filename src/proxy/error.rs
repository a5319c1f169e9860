//! Why an application did not answer.

use http::StatusCode;

use super::{HeadPart, HeadTooLarge, Target};
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
    /// It kept saying that it will answer.
    #[error("too many interim answers (1xx) came instead of an answer")]
    ManyInterim,
    /// It would refuse the request, on a page of its own that nobody understands.
    #[error(transparent)]
    HeadTooLarge(#[from] HeadTooLarge),
    /// The client stopped in the middle of its request.
    #[error("the client stopped in the middle of the request's body")]
    ClientSilent,
    /// The client went away in the middle of its request.
    #[error("the client broke off in the middle of the request's body: {0}")]
    ClientBroke(hyper::Error),
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
            Self::Broken(error) if !error.is_parse() => "upstream-broken",
            Self::Broken(_) | Self::UnwantedUpgrade | Self::ManyInterim => "upstream-not-http",
            Self::NoAnswer => "upstream-timeout",
            Self::HeadTooLarge(_) => "head-too-large",
            Self::ClientSilent => "client-silent",
            Self::ClientBroke(_) => "client-broke-off",
        }
    }
}

impl From<UpstreamError> for Error {
    fn from(error: UpstreamError) -> Self {
        let code = error.code();
        let (status, sentence) = match &error {
            UpstreamError::HeadTooLarge(large) => return too_large(large),
            UpstreamError::Connect(..) | UpstreamError::ConnectTimeout(_) => (
                StatusCode::BAD_GATEWAY,
                "The application is not running, or just starting. Try again in a minute.",
            ),
            UpstreamError::Broken(error) if !error.is_parse() => {
                (StatusCode::BAD_GATEWAY, "The application broke off while it answered. Try again.")
            }
            UpstreamError::Broken(_)
            | UpstreamError::UnwantedUpgrade
            | UpstreamError::ManyInterim => (
                StatusCode::BAD_GATEWAY,
                "The application has answered something that the sign-on gateway does not understand.",
            ),
            UpstreamError::NoAnswer => (
                StatusCode::GATEWAY_TIMEOUT,
                "The application took too long to answer. Try again later.",
            ),
            UpstreamError::ClientSilent => (
                StatusCode::REQUEST_TIMEOUT,
                "What you sent did not arrive in whole. Send it again.",
            ),
            UpstreamError::ClientBroke(_) => {
                (StatusCode::BAD_REQUEST, "What you sent did not arrive in whole. Send it again.")
            }
        };
        Self::new(status, code, sentence).caused_by(error)
    }
}

/// 431 (RFC 6585 section 5), with what people can do about it.
fn too_large(large: &HeadTooLarge) -> Error {
    let HeadTooLarge { bytes, max, largest, largest_bytes } = large;
    let remedy = match largest {
        HeadPart::Address => "Use a shorter address.",
        HeadPart::Cookies => "Delete this site's cookies in your browser and try again.",
        HeadPart::Identity | HeadPart::Credentials | HeadPart::Header(_) => {
            "Show this page to your administrator."
        }
    };
    let sentence = format!(
        "The request has {bytes} bytes before its content, and the application takes {max}. Most of it, {largest_bytes}, is \
         {largest}. {remedy}"
    );
    Error::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large", sentence)
        .caused_by(large)
}
