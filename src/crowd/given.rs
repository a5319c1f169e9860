//! What an application sends with a request.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
};
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::{
    failure::{Failure, Reason},
    format::Format,
    node::Node,
};
use crate::session::Said;

/// Nothing that is sent is larger.
const MOST_BYTES: usize = 1024 * 1024;

/// What was sent, as a tree.
#[derive(Debug)]
pub(super) struct Given(pub(super) Node);

impl<S: Sync> FromRequest<S> for Given {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let format = format(request.headers().get(header::CONTENT_TYPE))?;
        let body = read(request.into_body()).await?;
        Node::read(&body, format).map(Self).map_err(Failure::illegal)
    }
}

/// What was sent, where often nobody wants to know it, or nothing is sent at all.
#[derive(Debug)]
pub(super) struct Unread(pub(super) Said);

impl Unread {
    /// What was sent, if anything was.
    pub(super) fn read(&self) -> Result<Option<Node>, Failure> {
        let Said { content_type, body } = &self.0;
        if body.trim_ascii().is_empty() {
            return Ok(None);
        }
        let format = format(content_type.as_ref())?;
        Node::read(body, format).map(Some).map_err(Failure::illegal)
    }
}

impl<S: Sync> FromRequest<S> for Unread {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let content_type = parts.headers.remove(header::CONTENT_TYPE);
        Ok(Self(Said { content_type, body: read(body).await? }))
    }
}

/// Whoever does not say what it is sends XML.
fn format(content_type: Option<&HeaderValue>) -> Result<Format, Failure> {
    let Some(sent) = content_type else {
        return Ok(Format::Xml);
    };
    sent.to_str().ok().and_then(Format::of_media_type).ok_or_else(|| {
        let message = "Content-Type must be application/xml or application/json";
        Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Reason::IllegalArgument, message)
    })
}

async fn read(body: Body) -> Result<Bytes, Failure> {
    match Limited::new(body, MOST_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = "What was sent is larger than 1 MiB";
            Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, Reason::IllegalArgument, message))
        }
        Err(error) => Err(Failure::illegal(error)),
    }
}
