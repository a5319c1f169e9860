//! What Okta's errors mean, and what to do about them: `developer.okta.com/docs/reference/error-codes`, and RFC 6749 section 5.2
//! for the token endpoint.

use http::header::WWW_AUTHENTICATE;
use serde::Deserialize;

use crate::cloud::{
    ConnectorError,
    http::{Answer, Request},
};

/// The word for it that a proof needs another nonce.
const USE_NONCE: &str = "use_dpop_nonce";

/// An error, of whichever sort.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal {
    #[serde(rename = "errorCode")]
    code: String,
    #[serde(rename = "errorSummary")]
    summary: String,
    #[serde(rename = "errorCauses")]
    causes: Vec<Cause>,
    error: String,
    error_description: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Cause {
    error_summary: String,
}

/// By what the gateway is known to Okta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// A service app.
    App,
    /// An administrator's token.
    Token,
}

impl Refusal {
    /// What an answer says is wrong, as far as it is Okta that says so.
    pub(super) fn of(answer: &Answer) -> Self {
        answer.json().unwrap_or_default()
    }

    /// Whether the server wants to find in proofs what it gives with its answer. The token endpoint says so in the body (RFC
    /// 9449 section 8), and the API with a challenge (section 9), or in the body as well.
    pub(super) fn wants_nonce(&self, answer: &Answer) -> bool {
        let challenges = answer.headers.get_all(WWW_AUTHENTICATE).iter();
        let mut challenges = challenges.filter_map(|challenge| challenge.to_str().ok());
        answer.header("dpop-nonce").is_some()
            && (self.error == USE_NONCE || challenges.any(|it| it.contains(USE_NONCE)))
    }

    /// Whether the clock that a token or a proof was written by may be the reason.
    pub(super) fn may_be_the_clock(&self) -> bool {
        matches!(self.error.as_str(), "invalid_client" | "invalid_dpop_proof")
    }

    /// Okta's word for it, and what it says.
    fn reason(&self, answer: &Answer) -> String {
        let causes = self.causes.iter().map(|cause| &cause.error_summary);
        let words = [&self.code, &self.error, &self.summary, &self.error_description];
        let said = words.into_iter().chain(causes).filter(|word| !word.is_empty());
        let said = said.map(String::as_str).collect::<Vec<_>>().join(": ");
        answer.with_id(if said.is_empty() { "no reason is given" } else { &said })
    }

    /// The credential is not taken by the API.
    pub(super) fn credential(&self, answer: &Answer, known_by: KnownBy) -> ConnectorError {
        let remedy = match known_by {
            KnownBy::App => {
                "look at the service app in the Admin Console (Applications): it must be active, with the key that \
                 the gateway has"
            }
            KnownBy::Token => {
                "the token is wrong, was revoked, was not used for 30 days, or who made it is deactivated: make a new \
                 one (Security > API > Tokens), or better a service app"
            }
        };
        ConnectorError::Credential { reason: self.reason(answer), remedy: remedy.to_owned() }
    }

    /// The credential is taken, and may not do this.
    pub(super) fn forbidden(
        &self,
        answer: &Answer,
        request: &Request,
        known_by: KnownBy,
    ) -> ConnectorError {
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let scope = format!("grant the service app {} (tab Okta API Scopes)", request.needs);
        let role = "a role that may read it, such as Read-Only Administrator";
        let remedy = match known_by {
            KnownBy::App if challenge.contains("insufficient_scope") => scope,
            KnownBy::App => format!("give the service app {role} (tab Admin roles), and {scope}"),
            KnownBy::Token => format!("give the administrator who made the token {role}"),
        };
        ConnectorError::Forbidden {
            what: format!("read {}", request.what),
            reason: self.reason(answer),
            remedy,
        }
    }

    /// What was asked for is not there, if it is Okta that says so; anybody on the way may answer 404.
    pub(super) fn gone(&self, request: &Request) -> Option<ConnectorError> {
        let path = request.url.path();
        (self.code == "E0000007").then(|| ConnectorError::Gone(path.to_owned()))
    }

    /// Anything else.
    pub(super) fn failed(&self, answer: &Answer, request: &Request) -> ConnectorError {
        let status = answer.status.as_u16();
        let host = request.url.host_str().unwrap_or_default().to_owned();
        ConnectorError::Failed { host, status, reason: self.reason(answer) }
    }

    /// There is no token.
    pub(super) fn no_token(&self, answer: &Answer, request: &Request) -> ConnectorError {
        let reason = self.reason(answer);
        let remedy = match self.error.as_str() {
            "invalid_scope" => {
                let remedy = "grant the service app these scopes (tab Okta API Scopes)".to_owned();
                return ConnectorError::Forbidden {
                    what: format!("have {}", request.needs),
                    reason,
                    remedy,
                };
            }
            "invalid_client" => {
                "compare client_id, and key_id and key with the public keys of the service app (tab General, Client \
                 Credentials, Public key / Private key); and look at the machine's clock"
            }
            "invalid_dpop_proof" => "look at the machine's clock",
            "unauthorized_client" | "unsupported_grant_type" => {
                "client_id must be that of a service app (API Services), which may ask for client credentials"
            }
            _ => "look at the service app in the Admin Console (Applications)",
        };
        ConnectorError::Credential { reason, remedy: remedy.to_owned() }
    }
}
