//! Access tokens for Graph, by client credentials.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, ready};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{aadsts, addresses::Addresses, proof};
use crate::{
    clock::Clock,
    cloud::{
        ConnectorError,
        http::{
            Connection, Credential, Dialect, Exchange, Line, NewToken, Request, Token, TokenCache,
            Verdict,
        },
    },
    config::EntraConfig,
};

/// Asks for tokens, and keeps them.
#[derive(Debug)]
pub(super) struct Tokens {
    url: Url,
    login: Line<Login>,
    cache: TokenCache,
}

/// How Entra ID's token endpoint speaks. What proves who asks is in the form.
#[derive(Debug)]
struct Login {
    config: EntraConfig,
    scope: String,
    clock: Clock,
}

#[derive(Deserialize)]
struct Given {
    access_token: SecretString,
    /// In seconds.
    expires_in: u64,
}

impl Tokens {
    pub(super) fn open(
        connection: &Arc<Connection>,
        config: &EntraConfig,
        addresses: &Addresses,
    ) -> Result<Self, ConnectorError> {
        let url = addresses.token_url(&config.tenant)?;
        let clock = connection.clock.clone();
        let login = Login { config: config.clone(), scope: addresses.scope(), clock };
        // What cannot be read is said when the gateway starts, not when the first round begins.
        proof::fields(config, url.as_str(), &login.clock)?;
        let base = url.join(".").unwrap_or_else(|_| url.clone());
        let login = Line::new(Arc::clone(connection), base, login);
        Ok(Self { url, login, cache: TokenCache::default() })
    }

    /// What goes with a request of Graph.
    pub(super) async fn credential(&self, urgent: bool) -> Result<Credential, ConnectorError> {
        let token = self.token(urgent).await?;
        let headers = HeaderMap::from_iter([(AUTHORIZATION, token.header("Bearer")?)]);
        Ok(Credential { headers, token: token.number })
    }

    pub(super) async fn token(&self, urgent: bool) -> Result<Token, ConnectorError> {
        self.cache.token(self.fetch(urgent)).await
    }

    /// The token with this number is not taken any more.
    pub(super) fn refuse(&self, number: u64) {
        self.cache.refuse(number);
    }

    async fn fetch(&self, urgent: bool) -> Result<NewToken, ConnectorError> {
        let mut request = Request::post_form(self.url.clone(), &[], "a token");
        request.urgent = urgent;
        let given: Given = self.login.ask(&request).await?;
        let lifetime = Duration::from_secs(given.expires_in);
        Ok(NewToken { secret: given.access_token, lifetime })
    }
}

impl Dialect for Login {
    fn credential<'a>(
        &'a self,
        _request: &'a Request,
    ) -> BoxFuture<'a, Result<Credential, ConnectorError>> {
        Box::pin(ready(Ok(Credential::default())))
    }

    fn form(&self, request: &Request) -> Result<Option<SecretString>, ConnectorError> {
        let proof = proof::fields(&self.config, request.url.as_str(), &self.clock)?;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("client_id", &self.config.client_id)
            .append_pair("scope", &self.scope)
            .append_pair("grant_type", "client_credentials");
        for (name, value) in &proof {
            form.append_pair(name, value);
        }
        Ok(Some(form.finish().into()))
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        let answer = exchange.answer;
        let host = exchange.request.url.host_str().unwrap_or_default().to_owned();
        let error = aadsts::read(answer);
        let failed = |reason: &str| ConnectorError::Failed {
            host,
            status: answer.status.as_u16(),
            reason: answer.with_id(reason),
        };
        match (answer.status, error) {
            (StatusCode::TOO_MANY_REQUESTS, _) => Verdict::Throttled(answer.retry_after()),
            (_, Some(error)) if error.is_passing() => Verdict::Passing(failed(&error.reason())),
            (status, _) if status.is_server_error() => Verdict::Passing(failed("it fails")),
            (_, Some(error)) => Verdict::Final(error.into()),
            (_, None) => Verdict::Final(failed("it refuses to give a token, without a reason")),
        }
    }
}
