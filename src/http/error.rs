//! The one error that becomes an answer.

use std::{borrow::Cow, fmt};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::Body;
use crate::telemetry::TraceId;

/// Databases that are restarted, or have moved, are back about then.
const AGAIN_SECONDS: u32 = 10;

/// Why somebody does not get what they asked for: a status, one sentence for them, and what only the
/// log may say.
///
/// As a response it is empty and carries itself along: the outermost layer, which knows the trace and
/// whether a person or a script asked, makes the page of it ([`super::Pages::finish`]).
#[derive(Clone, Debug)]
pub struct Error {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) heading: &'static str,
    pub(super) sentence: Cow<'static, str>,
    pub(super) cause: Option<String>,
    pub(super) way_on: Option<Box<WayOn>>,
    pub(super) trace: Option<TraceId>,
    retry_after_seconds: Option<u32>,
}

/// What somebody can do about it.
#[derive(Clone, Debug)]
pub struct WayOn {
    /// Where the link leads.
    pub href: String,
    /// What it says.
    pub label: Cow<'static, str>,
}

impl Error {
    /// What the page is called if nothing better is said.
    pub const HEADING: &'static str = "That did not work";

    /// An error with its code, which logs, metrics and scripts know it by, and what people read.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: &'static str,
        sentence: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            heading: Self::HEADING,
            sentence: sentence.into(),
            cause: None,
            way_on: None,
            trace: None,
            retry_after_seconds: None,
        }
    }

    /// Something that the gateway cannot do at the moment.
    #[must_use]
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        let sentence = "The sign-on gateway cannot do this at the moment. Try again in a minute.";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", sentence);
        error.caused_by(cause).with_retry_after(AGAIN_SECONDS)
    }

    /// Something that must not happen.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        let sentence = "Something went wrong in the sign-on gateway. Try again.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", sentence).caused_by(cause)
    }

    /// A request that is not as it should be.
    #[must_use]
    pub fn bad_request(code: &'static str, cause: impl fmt::Display) -> Self {
        let sentence =
            "The address or the request is not one that the sign-on gateway lets through.";
        Self::new(StatusCode::BAD_REQUEST, code, sentence).caused_by(cause)
    }

    /// Something that the framework refused before anybody else could.
    pub(super) fn refused(status: StatusCode) -> Self {
        let sentence = match status {
            StatusCode::METHOD_NOT_ALLOWED => "This address is not for this kind of request.",
            StatusCode::PAYLOAD_TOO_LARGE => {
                "What was sent is larger than anything this address takes."
            }
            _ => "The request is not one that this address takes.",
        };
        Self::new(status, "request-refused", sentence)
    }

    /// Nothing is there.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no page at this address.")
    }

    /// Tells the log why.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Calls the page something.
    #[must_use]
    pub fn with_heading(mut self, heading: &'static str) -> Self {
        self.heading = heading;
        self
    }

    /// Gives people somewhere to go.
    #[must_use]
    pub fn with_way_on(mut self, href: String, label: impl Into<Cow<'static, str>>) -> Self {
        self.way_on = Some(Box::new(WayOn { href, label: label.into() }));
        self
    }

    /// Ties it to a login of several requests, rather than to this one.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceId) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Says when it is worth trying again (RFC 9110 10.2.3).
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}
