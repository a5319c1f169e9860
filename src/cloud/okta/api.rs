//! How Okta's management API is asked.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, header::AUTHORIZATION};
use url::Url;

use super::{
    api_token::ApiToken,
    limits,
    refusal::{KnownBy, Refusal},
    service_app::{Identity, ServiceApp},
};
use crate::{
    cloud::{
        ConnectorError,
        http::{Answer, Connection, Credential, Dialect, Exchange, Quota, Request, Verdict},
    },
    config::OktaConfig,
};

/// What the gateway proves itself with.
#[derive(Debug)]
pub(super) enum Api {
    /// As an app of its own.
    App(Box<ServiceApp>),
    /// With an administrator's token.
    Token(ApiToken),
}

impl Api {
    pub(super) fn open(
        connection: &Arc<Connection>,
        config: &OktaConfig,
        org: &Url,
    ) -> Result<Self, ConnectorError> {
        if let Some(token) = &config.token {
            return Ok(Self::Token(ApiToken::open(connection, token)?));
        }
        let (Some(client_id), Some(key)) = (config.client_id.clone(), config.key.clone()) else {
            return Err(refused(connection, "okta", &"say client_id and key, or else token"));
        };
        let scopes = match &config.application {
            Some(_) => "okta.users.read okta.groups.read okta.apps.read",
            None => "okta.users.read okta.groups.read",
        };
        let identity = Identity { client_id, key, key_id: config.key_id.clone() };
        Ok(Self::App(Box::new(ServiceApp::open(connection, org, identity, scopes)?)))
    }

    fn known_by(&self) -> KnownBy {
        match self {
            Self::App(_) => KnownBy::App,
            Self::Token(_) => KnownBy::Token,
        }
    }

    fn unauthorized(&self, exchange: &Exchange<'_>, refusal: &Refusal) -> Verdict {
        let renewed = match self {
            Self::App(app) => app.renew(exchange, refusal),
            Self::Token(token) => {
                let used = exchange.credential.headers.get(AUTHORIZATION);
                exchange.renewals == 0 && token.renew(used)
            }
        };
        if renewed {
            return Verdict::Renew;
        }
        Verdict::Final(refusal.credential(exchange.answer, self.known_by()))
    }
}

impl Dialect for Api {
    fn credential<'a>(
        &'a self,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Credential, ConnectorError>> {
        match self {
            Self::App(app) => Box::pin(app.credential(request)),
            Self::Token(token) => {
                let headers = HeaderMap::from_iter([(AUTHORIZATION, token.header())]);
                Box::pin(std::future::ready(Ok(Credential { headers, ..Credential::default() })))
            }
        }
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        let (answer, request) = (exchange.answer, exchange.request);
        let refusal = Refusal::of(answer);
        let failed = || refusal.failed(answer, request);
        match answer.status.as_u16() {
            // It is the proof that is refused, whatever was asked.
            400 | 401 if refusal.wants_nonce(answer) => self.unauthorized(exchange, &refusal),
            // A first page is never refused like this, so it is the place in the list that Okta has forgotten.
            400 if has_cursor(&request.url) => {
                Verdict::Final(ConnectorError::Restart(format!("a page of {}", request.what)))
            }
            401 => self.unauthorized(exchange, &refusal),
            403 => Verdict::Final(refusal.forbidden(answer, request, self.known_by())),
            404 => Verdict::Final(refusal.gone(request).unwrap_or_else(failed)),
            429 => limits::throttled(answer),
            408 | 500.. => Verdict::Passing(failed()),
            _ => Verdict::Final(failed()),
        }
    }

    fn quota(&self, answer: &Answer) -> Quota {
        limits::quota(answer)
    }
}

fn has_cursor(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| name == "after")
}

/// Something in the configuration cannot be used.
pub(super) fn refused(
    connection: &Connection,
    key: &str,
    problem: &dyn ToString,
) -> ConnectorError {
    let key = format!("connector {:?}: {key}", connection.name);
    ConnectorError::Key { key, problem: problem.to_string() }
}
