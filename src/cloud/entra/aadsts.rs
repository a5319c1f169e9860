//! Entra ID's errors (`learn.microsoft.com/entra/identity-platform/reference-error-codes`), and what to do about them.

use serde::Deserialize;

use crate::cloud::{
    ConnectorError,
    http::{Answer, excerpt},
};

/// An error of the token endpoint.
#[derive(Debug, Deserialize)]
pub(super) struct LoginError {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u32>,
    trace_id: Option<String>,
}

/// Reads the error that an answer is, if it is one.
pub(super) fn read(answer: &Answer) -> Option<LoginError> {
    answer.json().ok()
}

impl LoginError {
    /// Whether trying again may help.
    pub(super) fn is_passing(&self) -> bool {
        self.error == "temporarily_unavailable" || self.code() == Some(90033)
    }

    fn code(&self) -> Option<u32> {
        self.error_codes.first().copied()
    }

    /// The code and what it says, and what the support asks for.
    pub(super) fn reason(&self) -> String {
        let description = self.error_description.split(" Trace ID:").next().unwrap_or_default();
        let description = if description.is_empty() { &self.error } else { description };
        let description = excerpt(description);
        match &self.trace_id {
            Some(id) => format!("{description} (trace {})", excerpt(id)),
            None => description,
        }
    }
}

impl From<LoginError> for ConnectorError {
    fn from(error: LoginError) -> Self {
        let remedy = error.code().map_or(UNKNOWN, remedy).to_owned();
        Self::Credential { reason: error.reason(), remedy }
    }
}

const UNKNOWN: &str =
    "compare tenant, client_id and credential with the application's registration in Entra ID";

/// What to do about a code.
fn remedy(code: u32) -> &'static str {
    match code {
        7_000_215 => "put the secret's value, not its id, where entra.secret says",
        7_000_222 => {
            "the secret has expired: make a new one in Entra ID (Certificates & secrets), or use a certificate or a federated token, which need not be renewed by hand"
        }
        7_000_218 => "say one of secret, certificate and federated_token",
        700_016 | 7_000_229 => {
            "there is no such application in this tenant: compare entra.client_id and entra.tenant with the registration's overview"
        }
        7_000_112 => {
            "the application is disabled in this tenant: enable it (Enterprise applications, Properties)"
        }
        90_002 | 900_021 | 900_023 => {
            "there is no such tenant in this cloud: compare entra.tenant, and entra.cloud for national clouds"
        }
        500_011 | 500_014 | 1_002_012 => {
            "the tenant does not have this Graph: compare entra.cloud and entra.graph"
        }
        65_001 | 650_056 => "an administrator has to consent: API permissions, Grant admin consent",
        53_003 | 530_034 => {
            "a policy of conditional access (for workload identities) keeps the gateway out: let its address in, or except the application"
        }
        700_027 | 700_025 => {
            "the certificate is not registered: upload entra.certificate.certificate (Certificates & secrets), and compare it with its key"
        }
        700_024 | 700_023 | 50_027 => {
            "set the gateway's clock: what it signs is good for ten minutes"
        }
        700_211 => "the federated credential names another issuer than the token has",
        700_212 => {
            "the token is for another audience: project it for api://AzureADTokenExchange, and say the same in the federated credential"
        }
        700_213 | 70_021 => "the federated credential names another subject than the token has",
        50_013 => {
            "the token's signature is not its issuer's: is the issuer reachable for Entra ID?"
        }
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_comes_with_what_to_do_and_an_unknown_one_with_what_to_look_at() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired. Trace ID: 1 Correlation ID: 2","error_codes":[7000222],"trace_id":"t-1"}"#;
        let error: LoginError = serde_json::from_str(body).unwrap();
        assert!(!error.is_passing());
        let text = ConnectorError::from(error).to_string();
        assert_eq!(
            text,
            "the cloud does not take the connector's credential: AADSTS7000222: The provided client secret keys are expired. (trace t-1); the secret has expired: make a new one in Entra ID (Certificates & secrets), or use a certificate or a federated token, which need not be renewed by hand"
        );
        let error: LoginError = serde_json::from_str(r#"{"error":"invalid_request"}"#).unwrap();
        assert!(ConnectorError::from(error).to_string().ends_with(UNKNOWN));
        let busy: LoginError =
            serde_json::from_str(r#"{"error":"temporarily_unavailable"}"#).unwrap();
        assert!(busy.is_passing());
    }
}
