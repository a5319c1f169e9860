//! How Graph speaks: tokens, resource units (`learn.microsoft.com/graph/throttling-limits`), errors (`graph/errors`).

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use serde::Deserialize;

use super::tokens::Tokens;
use crate::cloud::{
    ConnectorError,
    http::{Answer, Credential, Dialect, Exchange, Pace, Quota, Request, Verdict, excerpt},
};

/// What Graph lets one application ask of a tenant with more than 500 users. In a smaller one it says in time that it
/// becomes too much.
const PACE: Pace = Pace { units: 8_000, per: Duration::from_secs(10) };

/// The codes by which Graph says that it has forgotten where a client was.
const FORGOTTEN: [&str; 6] = [
    "syncStateNotFound",
    "syncStateInvalid",
    "resyncRequired",
    "resyncChangesApplyDifferences",
    "resyncChangesUploadDifferences",
    "Directory_ExpiredPageToken",
];

/// The codes by which Graph says that an object is not there. Anybody on the way may answer 404.
const NOT_THERE: [&str; 2] = ["Request_ResourceNotFound", "ResourceNotFound"];

/// The dialect.
#[derive(Debug)]
pub(super) struct Graph {
    pub tokens: Tokens,
}

#[derive(Deserialize)]
struct Body {
    error: Error,
}

#[derive(Default, Deserialize)]
struct Error {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default, rename = "innerError")]
    inner: Inner,
}

#[derive(Default, Deserialize)]
struct Inner {
    #[serde(rename = "request-id")]
    request_id: Option<String>,
}

impl Dialect for Graph {
    fn credential<'a>(
        &'a self,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Credential, ConnectorError>> {
        Box::pin(self.tokens.credential(request.urgent))
    }

    fn quota(&self, answer: &Answer) -> Quota {
        Quota {
            cost: answer.number("x-ms-resource-unit"),
            // Only said from 0.8 on.
            used: answer.number("x-ms-throttle-limit-percentage"),
            window: None,
        }
    }

    fn pace(&self) -> Option<Pace> {
        Some(PACE)
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        let answer = exchange.answer;
        let error = answer.json::<Body>().map(|body| body.error).unwrap_or_default();
        match answer.status {
            StatusCode::UNAUTHORIZED if exchange.renewals == 0 => {
                self.tokens.refuse(exchange.credential.token);
                Verdict::Renew
            }
            StatusCode::UNAUTHORIZED => Verdict::Final(unauthorized(answer, &error)),
            StatusCode::FORBIDDEN => Verdict::Final(forbidden(exchange, &error)),
            // Seen with pages that are there a moment later.
            StatusCode::NOT_FOUND if error.code == "UnknownError" => {
                Verdict::Passing(failed(exchange, &error))
            }
            StatusCode::NOT_FOUND if error.is_one_of(&NOT_THERE) => Verdict::Final(gone(exchange)),
            StatusCode::GONE => Verdict::Final(ConnectorError::Restart(error.text(answer))),
            StatusCode::TOO_MANY_REQUESTS => Verdict::Throttled(answer.retry_after()),
            StatusCode::SERVICE_UNAVAILABLE if answer.retry_after().is_some() => {
                Verdict::Throttled(answer.retry_after())
            }
            StatusCode::NOT_IMPLEMENTED => Verdict::Final(failed(exchange, &error)),
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Verdict::Passing(failed(exchange, &error))
            }
            status if status.is_client_error() && error.has_forgotten(exchange.request) => {
                Verdict::Final(ConnectorError::Restart(error.text(answer)))
            }
            _ => Verdict::Final(failed(exchange, &error)),
        }
    }
}

impl Error {
    fn text(&self, answer: &Answer) -> String {
        let reason = match self.code.as_str() {
            "" => "no reason is given".to_owned(),
            code => format!("{code}: {}", self.message),
        };
        match &self.inner.request_id {
            Some(id) if answer.request_id().is_none() => {
                excerpt(&format!("{reason} (request {id})"))
            }
            _ => answer.with_id(&reason),
        }
    }

    fn is_one_of(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.code.eq_ignore_ascii_case(code))
    }

    /// Whether Graph does not know any more what is in the address. A token of delta that it cannot read at all is
    /// a bad request without a code of its own.
    fn has_forgotten(&self, request: &Request) -> bool {
        let has_token = request.url.query_pairs().any(|(name, value)| {
            matches!(&*name, "$skiptoken" | "$deltatoken") && !value.is_empty()
        });
        self.is_one_of(&FORGOTTEN)
            || (has_token && self.message.to_ascii_lowercase().contains("token"))
    }
}

fn unauthorized(answer: &Answer, error: &Error) -> ConnectorError {
    ConnectorError::Credential {
        reason: error.text(answer),
        remedy: "Graph does not take Entra ID's tokens: compare entra.cloud, entra.authority and entra.graph"
            .to_owned(),
    }
}

fn forbidden(exchange: &Exchange<'_>, error: &Error) -> ConnectorError {
    let needs = exchange.request.needs;
    ConnectorError::Forbidden {
        what: format!("read {}", exchange.request.what),
        reason: error.text(exchange.answer),
        remedy: format!(
            "grant the application {needs} (API permissions, Microsoft Graph, Application permissions), and then admin consent"
        ),
    }
}

fn gone(exchange: &Exchange<'_>) -> ConnectorError {
    ConnectorError::Gone(exchange.request.what.to_owned())
}

fn failed(exchange: &Exchange<'_>, error: &Error) -> ConnectorError {
    ConnectorError::Failed {
        host: exchange.request.url.host_str().unwrap_or_default().to_owned(),
        status: exchange.answer.status.as_u16(),
        reason: error.text(exchange.answer),
    }
}
