//! Every request's way to its resource, and every answer's way back.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{Router as Routes, body::Body};
use http::{HeaderValue, Request, StatusCode, Uri, header, uri::PathAndQuery};
use tower::ServiceExt as _;

use super::{
    Crowd,
    application::{Application, Refusal},
    asking::{Asking, Base, authenticate},
    failure::{Failure, Reason},
    format::Format,
    resources::resources,
};
use crate::http::Response;

/// What tells a client that this is a Crowd server at all: it is in every answer.
const VERSION_HEADER: &str = "x-embedded-crowd-version";
const VERSION: &str = concat!("Gatehouse/", env!("CARGO_PKG_VERSION"));

/// Where the resources are: as a Crowd server of its own has them, and as an app has them that is one.
const PREFIXES: [&str; 4] = [
    "/rest/usermanagement/1",
    "/rest/usermanagement/latest",
    "/crowd/rest/usermanagement/1",
    "/crowd/rest/usermanagement/latest",
];

/// From a request's head to its answer's. The bodies of long answers take as long as they take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers as a Crowd server does.
#[derive(Clone, Debug)]
pub struct CrowdServer {
    crowd: Arc<Crowd>,
    resources: Routes,
    secure: bool,
}

/// Where a request goes.
struct Place<'a> {
    prefix: &'static str,
    /// The resource's path, without a suffix; nothing where there are no resources.
    resource: Option<&'a str>,
    reply: Format,
}

impl CrowdServer {
    /// `secure` says whether it is asked over TLS.
    #[must_use]
    pub fn new(crowd: Arc<Crowd>, secure: bool) -> Self {
        Self { resources: resources(crowd.clone()), crowd, secure }
    }

    /// Whether a path is here.
    #[must_use]
    pub fn has(path: &str) -> bool {
        let below = |start| {
            path.strip_prefix(start).is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]))
        };
        below("/rest/usermanagement") || below("/crowd")
    }

    /// Answers, whatever it is.
    pub async fn respond(&self, request: Request<Body>, peer: IpAddr) -> Response {
        let uri = request.uri().clone();
        let place = Place::of(&request, uri.path());
        let address = self.crowd.trusted.client(peer, request.headers());
        let admitted = authenticate(&self.crowd.applications, request.headers(), address);
        let response = match admitted {
            Ok(application) => {
                let asking = place.asking(application, address, self.secure, &request);
                self.ask(request, &place, uri.query(), asking).await
            }
            Err(refusal) => refuse(refusal),
        };
        let response = finish(response, place.reply);
        let application = admitted.map_or_else(|_| "".into(), |known| known.name.clone());
        self.crowd.metrics.count_crowd(
            application,
            label(place.resource),
            class(response.status()),
        );
        response
    }

    async fn ask(
        &self,
        mut request: Request<Body>,
        place: &Place<'_>,
        query: Option<&str>,
        asking: Asking,
    ) -> Response {
        let Some(resource) = place.resource.and_then(|resource| address(resource, query)) else {
            return axum::response::IntoResponse::into_response(no_resource());
        };
        *request.uri_mut() = resource;
        request.extensions_mut().insert(asking);
        match tokio::time::timeout(PATIENCE, self.resources.clone().oneshot(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(late) => axum::response::IntoResponse::into_response(Failure::too_late(late)),
        }
    }
}

impl<'a> Place<'a> {
    fn of(request: &Request<Body>, path: &'a str) -> Self {
        let found = PREFIXES.iter().find_map(|prefix| {
            let resource = path.strip_prefix(prefix)?;
            (resource.is_empty() || resource.starts_with('/')).then_some((*prefix, resource))
        });
        let (prefix, resource) = found.unzip();
        let (resource, suffix) = resource.map(Format::of_suffix).unzip();
        let reply = suffix.flatten().unwrap_or_else(|| Format::accepted(request.headers()));
        Self { prefix: prefix.unwrap_or(PREFIXES[0]), resource, reply }
    }

    fn asking(
        &self,
        application: &Arc<Application>,
        peer: IpAddr,
        secure: bool,
        request: &Request<Body>,
    ) -> Asking {
        let host = request.headers().get(header::HOST).cloned();
        let base = Base { secure, host, prefix: self.prefix };
        Asking { application: application.clone(), peer, reply: self.reply, base }
    }
}

/// The address of a resource below the prefix.
fn address(resource: &str, query: Option<&str>) -> Option<Uri> {
    let resource = if resource.is_empty() { "/" } else { resource };
    let address = match query {
        Some(query) => format!("{resource}?{query}"),
        None => resource.to_owned(),
    };
    PathAndQuery::try_from(address).ok().map(Uri::from)
}

/// In the texts that clients look for.
fn refuse(refusal: Refusal) -> Response {
    let (status, text) = match refusal {
        Refusal::NotAuthenticated => {
            (StatusCode::UNAUTHORIZED, "Application failed to authenticate")
        }
        Refusal::NotFromThere => (
            StatusCode::FORBIDDEN,
            "The server understood the request but refuses to authorize it. The application may \
             not ask from this address",
        ),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    if refusal == Refusal::NotAuthenticated {
        let challenge = HeaderValue::from_static("Basic realm=\"Crowd REST Service\"");
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

pub(super) fn no_resource() -> Failure {
    let message = "There is no such resource";
    Failure::new(StatusCode::NOT_FOUND, Reason::UnsupportedOperation, message)
}

/// What every answer has.
fn finish(mut response: Response, reply: Format) -> Response {
    if let Some(failure) = failure_of(&mut response) {
        let rendered = failure.render(reply);
        let allow = response.headers_mut().remove(header::ALLOW);
        response = rendered;
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    let headers = response.headers_mut();
    headers.insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Some clients take no answer without one, even where there is nothing to read.
    headers.entry(header::CONTENT_TYPE).or_insert_with(|| reply.content_type());
    response
}

/// What a handler could not do, or the framework before it.
fn failure_of(response: &mut Response) -> Option<Failure> {
    if let Some(failure) = response.extensions_mut().remove() {
        return Some(failure);
    }
    let status = response.status();
    let told = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if told || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    let (reason, message) = match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            (Reason::UnsupportedOperation, "The resource cannot be used so")
        }
        _ if status.is_client_error() => (Reason::IllegalArgument, "The request cannot be read"),
        _ => (Reason::OperationFailed, "The gateway could not do this"),
    };
    Some(Failure::new(status, reason, message))
}

/// What a resource is counted as.
fn label(resource: Option<&str>) -> &'static str {
    const KNOWN: [&str; 8] =
        ["user", "group", "search", "authentication", "session", "config", "event", "webhook"];
    let first = resource.and_then(|path| path.split('/').nth(1)).unwrap_or_default();
    KNOWN.into_iter().find(|known| *known == first).unwrap_or("other")
}

/// The first digit of a status.
fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_what_is_below_its_prefixes() {
        for path in ["/crowd", "/crowd/x", "/rest/usermanagement/1/user", "/rest/usermanagement/2"]
        {
            assert!(CrowdServer::has(path), "{path}");
        }
        for path in ["/", "/healthz", "/crowds", "/rest/usermanagements/1", "/rest"] {
            assert!(!CrowdServer::has(path), "{path}");
        }
    }
}
