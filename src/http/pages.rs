//! How the gateway's own pages look and what protects them.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Arrival, Body, Error, Sites, WayOn};
use crate::telemetry::TraceId;

/// The address of the stylesheet, on every site.
pub const STYLE_PATH: &str = "/_gatehouse/style.css";

const STYLE: &str = include_str!("../../templates/http/style.css");

/// Makes pages of templates and errors.
#[derive(Clone, Debug)]
pub struct Pages {
    sites: Arc<Sites>,
}

#[derive(Template)]
#[template(path = "http/error.html")]
struct ErrorPage<'a> {
    heading: &'a str,
    sentence: &'a str,
    trace: String,
    way_on: Option<&'a WayOn>,
}

/// The code of the error that an answer shows, for those who count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedBecause(pub &'static str);

/// A page from a template.
#[must_use]
pub fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => with_type(status, "text/html; charset=utf-8", text),
        Err(error) => axum::response::IntoResponse::into_response(Error::internal(error)),
    }
}

fn with_type(status: StatusCode, media_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// The stylesheet of the gateway's pages.
#[must_use]
pub fn style() -> Response {
    with_type(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_owned())
}

/// A redirect to be followed by GET (RFC 9110 15.4.4).
#[must_use]
pub fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(error) => axum::response::IntoResponse::into_response(Error::internal(error)),
    }
}

impl Pages {
    /// For these sites.
    #[must_use]
    pub fn new(sites: Arc<Sites>) -> Self {
        Self { sites }
    }

    /// Finishes an answer of the gateway itself: makes the page of an error, as HTML or JSON, and sets
    /// the headers that protect every page.
    #[must_use]
    pub fn finish(&self, mut response: Response, arrival: &Arrival, html: bool) -> Response {
        let bare = !response.headers().contains_key(header::CONTENT_TYPE) || is_plain(&response);
        let failed = response.status().is_client_error() || response.status().is_server_error();
        let mut error = response.extensions_mut().remove::<Error>();
        let trace = error.as_ref().and_then(|error| error.trace).unwrap_or(arrival.trace);
        if error.is_none() && failed && bare {
            error = Some(Error::refused(response.status()));
        }
        if let Some(error) = error {
            response.headers_mut().remove(header::CONTENT_TYPE);
            response.headers_mut().remove(header::CONTENT_LENGTH);
            report(&error, trace, arrival);
            let page = error_page(&error, trace, html);
            response.extensions_mut().insert(RefusedBecause(error.code));
            let (parts, body) = page.into_parts();
            // What came along with the error stays: cookies, challenges.
            let mut headers = parts.headers;
            headers.extend(std::mem::take(response.headers_mut()));
            *response.headers_mut() = headers;
            *response.body_mut() = body;
        }
        self.protect(response.headers_mut());
        if let Ok(trace) = HeaderValue::from_str(&trace.to_string()) {
            response.headers_mut().insert("x-gatehouse-trace", trace);
        }
        response
    }

    /// Nothing of ours may be framed, cached, sniffed or told to the next site.
    fn protect(&self, headers: &mut HeaderMap) {
        let fixed = [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let cache = headers.entry(header::CACHE_CONTROL);
        cache.or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_SECURITY_POLICY, self.sites.content_policy());
    }
}

/// What the framework says for itself.
fn is_plain(response: &Response) -> bool {
    let media_type = response.headers().get(header::CONTENT_TYPE);
    media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/plain"))
}

/// The one place where an error reaches the log.
fn report(error: &Error, trace: TraceId, arrival: &Arrival) {
    let Error { status, code, cause, .. } = error;
    let cause = cause.as_deref().unwrap_or_default();
    let (request, status, client) = (arrival.trace, status.as_u16(), arrival.client);
    let trace_id = arrival.context.trace();
    if error.status.is_server_error() {
        tracing::error!(%trace, %request, %trace_id, code, status, %client, cause, "request failed");
    } else {
        tracing::info!(%trace, %request, %trace_id, code, status, %client, cause, "request refused");
    }
}

fn error_page(error: &Error, trace: TraceId, html: bool) -> Response {
    let Error { status, code, heading, sentence, way_on, .. } = error;
    let trace = trace.to_string();
    if html {
        return page(*status, &ErrorPage { heading, sentence, trace, way_on: way_on.as_deref() });
    }
    let way_on = way_on.as_ref().map(|way_on| &way_on.href);
    let text = serde_json::json!({
        "error": { "code": code, "message": sentence, "trace": trace, "continue": way_on }
    });
    with_type(*status, "application/json", text.to_string())
}
