//! What Google's errors mean, and what to do about them: `developers.google.com/workspace/admin/directory/v1/limits`, and RFC 6749
//! section 5.2 for the token endpoint.

use serde::Deserialize;

use super::account::{Delegation, SCOPES};
use crate::cloud::{
    ConnectorError,
    http::{Answer, Request, Verdict},
};

/// Where scopes are granted.
const WHERE: &str = "in the Google Admin console (Security > Access and data control > API controls > Domain-wide delegation)";

/// An error of the API.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    error: RefusalBody,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RefusalBody {
    message: String,
    errors: Vec<Detail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    reason: String,
}

impl Refusal {
    /// What an answer says is wrong, as far as it is Google that says so.
    pub(super) fn of(answer: &Answer) -> Self {
        answer.json().unwrap_or_default()
    }

    fn word(&self) -> &str {
        self.error.errors.first().map_or("", |detail| &detail.reason)
    }

    fn reason(&self, answer: &Answer) -> String {
        let words = [self.word(), &self.error.message].into_iter().filter(|word| !word.is_empty());
        let said = words.collect::<Vec<_>>().join(": ");
        answer.with_id(if said.is_empty() { "no reason is given" } else { &said })
    }

    fn says_nothing(&self) -> bool {
        self.word().is_empty() && self.error.message.is_empty()
    }

    /// Whether it is only too much at the moment. Google says so with the status of what is forbidden as well.
    fn is_too_much(&self) -> bool {
        matches!(
            self.word(),
            "rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded" | "dailyLimitExceeded"
        )
    }

    /// What an answer means.
    pub(super) fn judge(
        &self,
        answer: &Answer,
        request: &Request,
        delegation: &Delegation,
    ) -> Verdict {
        match answer.status.as_u16() {
            429 => Verdict::Throttled(answer.retry_after()),
            403 if self.is_too_much() => Verdict::Throttled(answer.retry_after()),
            // Half of what was said, or somebody else on the way: Google always says why.
            403 if self.says_nothing() => {
                Verdict::Passing(failed(answer, request, self.reason(answer)))
            }
            // A first page is never refused like this, so it is the place in the list that Google has forgotten.
            400 if request.url.query_pairs().any(|(name, _)| name == "pageToken") => {
                Verdict::Final(ConnectorError::Restart(format!("a page of {}", request.what)))
            }
            401 => Verdict::Final(self.credential(answer)),
            403 => Verdict::Final(self.forbidden(answer, request, delegation)),
            404 if self.word() == "notFound" => {
                Verdict::Final(ConnectorError::Gone(request.url.path().to_owned()))
            }
            408 | 500.. => Verdict::Passing(failed(answer, request, self.reason(answer))),
            _ => Verdict::Final(failed(answer, request, self.reason(answer))),
        }
    }

    fn credential(&self, answer: &Answer) -> ConnectorError {
        let remedy = "look whether the service account is enabled in the Google Cloud console";
        ConnectorError::Credential { reason: self.reason(answer), remedy: remedy.to_owned() }
    }

    fn forbidden(
        &self,
        answer: &Answer,
        request: &Request,
        delegation: &Delegation,
    ) -> ConnectorError {
        let Delegation { client_id, admin } = delegation;
        let remedy = match self.word() {
            "insufficientPermissions" => format!("grant {} to the client {client_id} {WHERE}", request.needs),
            "accessNotConfigured" | "SERVICE_DISABLED" => {
                "enable the Admin SDK API in the service account's project, in the Google Cloud console".to_owned()
            }
            _ => format!(
                "give {admin} an administrator role with the privileges to read users and groups, in the Google Admin \
                 console (Account > Admin roles); customer must be this administrator's own"
            ),
        };
        ConnectorError::Forbidden {
            what: format!("read {}", request.what),
            reason: self.reason(answer),
            remedy,
        }
    }
}

/// An error of the token endpoint.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenRefusal {
    error: String,
    error_description: String,
}

impl TokenRefusal {
    pub(super) fn of(answer: &Answer) -> Self {
        answer.json().unwrap_or_default()
    }

    /// Whether the clock that the claim was written by may be the reason.
    pub(super) fn may_be_the_clock(&self) -> bool {
        self.error == "invalid_grant"
    }

    fn reason(&self, answer: &Answer) -> String {
        let words =
            [&self.error, &self.error_description].into_iter().filter(|word| !word.is_empty());
        let said = words.map(String::as_str).collect::<Vec<_>>().join(": ");
        answer.with_id(if said.is_empty() { "no reason is given" } else { &said })
    }

    pub(super) fn failed(&self, answer: &Answer, request: &Request) -> ConnectorError {
        failed(answer, request, self.reason(answer))
    }

    /// There is no token.
    pub(super) fn no_token(
        &self,
        answer: &Answer,
        request: &Request,
        delegation: &Delegation,
    ) -> ConnectorError {
        let (reason, Delegation { client_id, admin }) = (self.reason(answer), delegation);
        if matches!(self.error.as_str(), "unauthorized_client" | "access_denied") {
            let scopes = if request.needs.is_empty() { SCOPES } else { request.needs };
            let remedy = format!(
                "grant {} to the client {client_id} {WHERE}; it may take a while to be known",
                scopes.replace(' ', ", ")
            );
            return ConnectorError::Forbidden { what: format!("act for {admin}"), reason, remedy };
        }
        let text = &self.error_description;
        let remedy = if text.contains("email or User ID") {
            format!(
                "admin must be the address of an administrator who is there and not suspended: is {admin}?"
            )
        } else if text.contains("Signature") || text.contains("account not found") {
            "the key was deleted, or its service account was: create another key in the Google Cloud console".to_owned()
        } else if text.contains("short-lived") {
            "set this machine's clock".to_owned()
        } else {
            "look at the service account in the Google Cloud console, and at this machine's clock"
                .to_owned()
        };
        ConnectorError::Credential { reason, remedy }
    }
}

fn failed(answer: &Answer, request: &Request, reason: String) -> ConnectorError {
    let host = request.url.host_str().unwrap_or_default().to_owned();
    ConnectorError::Failed { host, status: answer.status.as_u16(), reason }
}
