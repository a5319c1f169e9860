//! What is known of a request before anybody looks at what it wants.

use std::{net::IpAddr, sync::Arc, time::Instant};

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Error, Site};
use crate::telemetry::{TraceContext, TraceId};

/// A request's trace, and where it comes from and goes to.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Ties the answer to the log.
    pub trace: TraceId,
    /// Its place in a trace that goes through several programs.
    pub context: TraceContext,
    /// When it came.
    pub started: Instant,
    /// The client, as far as trusted proxies tell.
    pub client: IpAddr,
    /// The site that was asked.
    pub site: Arc<Site>,
}

impl<S: Sync> FromRequestParts<S> for Arrival {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let arrival = parts.extensions.get::<Self>().cloned();
        arrival.ok_or_else(|| Error::internal("the request has no arrival"))
    }
}
