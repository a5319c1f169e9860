//! Why an application did not answer.

use std::sync::Arc;

use http::StatusCode;

use super::{
    HeadPart, HeadTooLarge,
    http1::{AskError, ClientBodyError, NotHttp},
};
use crate::http::Error;

/// When it is worth trying again: a place is free again soon, and work on an application takes a while.
const SOON_SECONDS: u32 = 10;
const LATER_SECONDS: u32 = 120;

/// Why an application did not answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Nobody is there.
    #[error("cannot connect to {0}: {1}")]
    Connect(Arc<str>, std::io::Error),
    /// Nobody says whether anybody is there.
    #[error("{0} did not take the connection in time")]
    ConnectTimeout(Arc<str>),
    /// It could not be proved who is there, or who the gateway is.
    #[error("no TLS with {0}: {1}")]
    Tls(Arc<str>, std::io::Error),
    /// As many requests as may be are there already, and as many wait.
    #[error("{0} has no place for another request (connections.max_requests)")]
    Full(Arc<str>),
    /// An administrator lets nobody in.
    #[error("all addresses of {0} are closed (gatehouse app drain --now)")]
    Closed(Arc<str>),
    /// The connection ended.
    #[error("the exchange broke: {0}")]
    Broken(std::io::Error),
    /// What came was not HTTP, or could be read in two ways.
    #[error(transparent)]
    NotHttp(#[from] NotHttp),
    /// It took the request, and said nothing.
    #[error("no answer came in time")]
    NoAnswer,
    /// It would refuse the request, on a page of its own that nobody understands.
    #[error(transparent)]
    HeadTooLarge(#[from] HeadTooLarge),
    /// The client stopped in the middle of its request.
    #[error("the client stopped in the middle of the request's body")]
    ClientSilent,
    /// The client went away in the middle of its request.
    #[error("the client broke off in the middle of the request's body: {0}")]
    ClientBroke(String),
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
            Self::Tls(..) => "upstream-tls",
            Self::Full(_) => "upstream-full",
            Self::Closed(_) => "upstream-closed",
            Self::Broken(_) => "upstream-broken",
            Self::NotHttp(_) | Self::UnwantedUpgrade => "upstream-not-http",
            Self::NoAnswer => "upstream-timeout",
            Self::HeadTooLarge(_) => "head-too-large",
            Self::ClientSilent => "client-silent",
            Self::ClientBroke(_) => "client-broke-off",
        }
    }
}

impl UpstreamError {
    /// Whether it is the address that something is wrong with, rather than the request, its sender, or one page.
    pub(super) fn blames_address(&self) -> bool {
        self.is_break()
            || matches!(
                self,
                Self::Connect(..) | Self::ConnectTimeout(_) | Self::Tls(..) | Self::NoAnswer
            )
    }

    /// Whether the connection ended before an answer began.
    pub(super) fn is_break(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// The status, what it is in a few words, and what people can do.
    fn public(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Connect(..) => (
                StatusCode::BAD_GATEWAY,
                "The application is not there",
                "The application is not running, or just starting. Try again in a minute.",
            ),
            Self::ConnectTimeout(_) => (
                StatusCode::GATEWAY_TIMEOUT,
                "The application is not there",
                "The application cannot be reached, or is just starting. Try again in a minute.",
            ),
            Self::Tls(..) => (
                StatusCode::BAD_GATEWAY,
                "The application is not there",
                "The application cannot be reached securely. Trying again will not help: tell your administrator.",
            ),
            Self::Full(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The application is busy",
                "More people use the application at the moment than it can serve. Try again in a few seconds.",
            ),
            Self::Closed(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The application is closed",
                "The application is being worked on. Try again in a few minutes.",
            ),
            Self::Broken(_) => (
                StatusCode::BAD_GATEWAY,
                "The application broke off",
                "The application broke off while it answered. Try again. If you have sent something, look first whether \
                 it has arrived.",
            ),
            Self::NoAnswer => (
                StatusCode::GATEWAY_TIMEOUT,
                "The application takes too long",
                "The application took too long to answer, and may still be at work. Try again later.",
            ),
            Self::ClientSilent => (StatusCode::REQUEST_TIMEOUT, Error::HEADING, INCOMPLETE),
            Self::ClientBroke(_) => (StatusCode::BAD_REQUEST, Error::HEADING, INCOMPLETE),
            Self::HeadTooLarge(_) | Self::NotHttp(_) | Self::UnwantedUpgrade => (
                StatusCode::BAD_GATEWAY,
                "The application has made a mistake",
                "The application has answered something that the sign-on gateway does not understand.",
            ),
        }
    }

    /// After how many seconds it is worth trying again, where that can be said.
    fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Full(_) => Some(SOON_SECONDS),
            Self::Closed(_) => Some(LATER_SECONDS),
            _ => None,
        }
    }
}

const INCOMPLETE: &str = "What you sent did not arrive in whole. Send it again.";

impl From<AskError> for UpstreamError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Unsent(error, _) | AskError::Broken(error) => Self::Broken(error),
            AskError::NotHttp(error) => Self::NotHttp(error),
            AskError::Silent => Self::NoAnswer,
            AskError::Client(ClientBodyError::Silent) => Self::ClientSilent,
            AskError::Client(error) => Self::ClientBroke(error.to_string()),
        }
    }
}

impl From<UpstreamError> for Error {
    fn from(error: UpstreamError) -> Self {
        if let UpstreamError::HeadTooLarge(large) = &error {
            return too_large(large);
        }
        let (status, heading, sentence) = error.public();
        let public = Self::new(status, error.code(), sentence).with_heading(heading);
        let retry_after = error.retry_after();
        let public = public.caused_by(error);
        match retry_after {
            Some(seconds) => public.with_retry_after(seconds),
            None => public,
        }
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
