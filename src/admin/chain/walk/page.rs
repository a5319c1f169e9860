//! Pages of the application, as the gateway passes requests on.

use std::{net::Ipv4Addr, time::Instant};

use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use super::{Walk, guest::Guest};
use crate::{
    http::{Arrival, Body},
    proxy::{Forwarding, UpstreamError},
    telemetry::{TraceId, Tracer},
};

/// More than a name needs.
const MOST_BYTES: usize = 1 << 20;

/// An answer of the application.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Walk<'_> {
    /// Asks the application as the gateway passes requests on.
    pub(super) async fn ask(
        &self,
        path: &str,
        guest: Option<&Guest>,
    ) -> Result<Page, UpstreamError> {
        let target = format!("{}{path}", self.place.prefix);
        let request = Request::builder()
            .uri(target)
            .header(header::HOST, self.place.site.authority())
            .header(header::ACCEPT, "application/json, text/html")
            .header(header::USER_AGENT, "gatehouse-app-test");
        let request = request.body(Body::empty()).unwrap_or_default();
        let arrival = Arrival {
            trace: TraceId::random(),
            context: Tracer::default().begin(&HeaderMap::new(), false),
            started: Instant::now(),
            client: Ipv4Addr::LOCALHOST.into(),
            site: self.place.site.clone(),
        };
        let forwarding = Forwarding {
            place: self.place,
            arrival: &arrival,
            visitor: guest.map(|guest| &guest.visitor),
            token: guest.and_then(|guest| guest.token.as_ref()),
            withheld: None,
        };
        let answer = self.asked.upstream.forward(request, &forwarding, || false).await?;
        let (head, body) = answer.into_parts();
        let text = Limited::new(body, MOST_BYTES).collect().await;
        let text = text.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
        Ok(Page { status: head.status, headers: head.headers, text: text.unwrap_or_default() })
    }
}
