//! The service account that the gateway is: its key, and tokens to act for an administrator with
//! (`developers.google.com/identity/protocols/oauth2/service-account`).

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::refusal::TokenRefusal;
use crate::{
    cloud::{
        ConnectorError,
        http::{
            Connection, Credential, Dialect, Exchange, Line, NewToken, Request, TokenCache,
            Verdict, excerpt,
        },
        jwt::{Algorithm, JwtKey},
    },
    config::{GoogleConfig, SecretSource},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// A claim is good so long, which is long enough for a try.
const CLAIM_SECONDS: i64 = 300;

/// What is said of a file that is something else.
const NO_KEY: &str = "is no key of a service account (JSON): create one in the Google Cloud console (IAM & Admin > Service accounts > Keys)";

/// What has to be delegated to the account.
pub(super) const SCOPES: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly \
     https://www.googleapis.com/auth/admin.directory.group.readonly \
     https://www.googleapis.com/auth/admin.directory.group.member.readonly";

/// A service account that acts for an administrator.
#[derive(Debug)]
pub(super) struct Account {
    line: Line<Endpoint>,
    tokens: TokenCache,
}

/// Who acts for whom.
#[derive(Clone, Debug)]
pub(super) struct Delegation {
    /// The account's number, to which scopes are granted.
    pub client_id: String,
    /// The administrator.
    pub admin: String,
}

/// Google's token endpoint.
#[derive(Debug)]
struct Endpoint {
    connection: Arc<Connection>,
    url: Url,
    /// Read whenever it is needed, so that another key is used without a restart.
    key: SecretSource,
    delegation: Delegation,
}

/// A key as Google hands it out.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    client_id: String,
    private_key_id: String,
    private_key: SecretString,
    token_uri: Url,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: u64,
}

impl Account {
    pub(super) fn open(
        connection: &Arc<Connection>,
        config: &GoogleConfig,
    ) -> Result<Self, ConnectorError> {
        // What cannot be read is said when the gateway starts, not when the first round begins.
        let (file, _) = KeyFile::read(&config.key).map_err(|it| refused(connection, it))?;
        let delegation = Delegation { client_id: file.client_id, admin: config.admin.clone() };
        let endpoint = Endpoint {
            connection: Arc::clone(connection),
            url: file.token_uri,
            key: config.key.clone(),
            delegation,
        };
        let base = endpoint.url.join(".").unwrap_or_else(|_| endpoint.url.clone());
        let line = Line::new(Arc::clone(connection), base, endpoint);
        Ok(Self { line, tokens: TokenCache::default() })
    }

    /// What goes with a request of the API.
    pub(super) async fn credential(&self, request: &Request) -> Result<Credential, ConnectorError> {
        let token = self.tokens.token(self.fetch(SCOPES, request.urgent)).await?;
        let headers = HeaderMap::from_iter([(AUTHORIZATION, token.header("Bearer")?)]);
        Ok(Credential { headers, token: token.number })
    }

    /// The token with this number is not taken any more.
    pub(super) fn refuse(&self, token: u64) {
        self.tokens.refuse(token);
    }

    /// Tries whether there is a token with some scopes.
    pub(super) async fn try_scopes(&self, scopes: &'static str) -> Result<(), ConnectorError> {
        self.fetch(scopes, false).await.map(drop)
    }

    pub(super) fn delegation(&self) -> &Delegation {
        &self.line.dialect.delegation
    }

    async fn fetch(&self, scopes: &'static str, urgent: bool) -> Result<NewToken, ConnectorError> {
        let url = self.line.dialect.url.clone();
        let request = Request::post_form(url, &[], "a token").needing(scopes);
        let request = if urgent { request.urgent() } else { request };
        let answer: TokenAnswer = self.line.ask(&request).await?;
        let lifetime = Duration::from_secs(answer.expires_in);
        Ok(NewToken { secret: answer.access_token, lifetime })
    }
}

impl KeyFile {
    /// Reads what Google has handed out, and the key in it.
    fn read(source: &SecretSource) -> Result<(Self, JwtKey), String> {
        let text = source.read().map_err(|error| error.to_string())?;
        let file: Self = serde_json::from_str(text.expose_secret()).map_err(|_| NO_KEY)?;
        if file.kind != "service_account" {
            return Err(format!("is of the type {}, not service_account", excerpt(&file.kind)));
        }
        check(&file.token_uri)?;
        let key = JwtKey::read(file.private_key.expose_secret());
        let key = key.map_err(|error| format!("private_key {error}"))?;
        Ok((file, key))
    }
}

impl Endpoint {
    /// The time, by Google's clock if that is known: a claim that is from the future is no good.
    fn now(&self) -> DateTime<Utc> {
        self.connection.clock.now() + self.connection.skew().unwrap_or_default()
    }

    /// Whether the clocks differ so much that a claim may be refused for it.
    fn is_skewed(&self) -> bool {
        self.connection.skew().is_some_and(|skew| skew.abs() > TimeDelta::minutes(1))
    }

    /// Says who asks, for whom, and what for.
    fn claim(&self, scopes: &str) -> Result<String, ConnectorError> {
        let read = KeyFile::read(&self.key);
        let (file, key) = read.map_err(|problem| refused(&self.connection, problem))?;
        let now = self.now().timestamp();
        let header = json!({ "typ": "JWT", "kid": file.private_key_id });
        let claims = json!({
            "iss": file.client_email, "sub": self.delegation.admin, "scope": scopes,
            "aud": self.url.as_str(), "iat": now, "exp": now + CLAIM_SECONDS,
        });
        let signed = key.sign(Algorithm::Rs256, header, &claims);
        signed.map_err(|error| refused(&self.connection, format!("private_key {error}")))
    }
}

fn refused(connection: &Connection, problem: String) -> ConnectorError {
    ConnectorError::Key { key: format!("connector {:?}: google.key", connection.name), problem }
}

/// What is sent there makes tokens: in clear only to this machine.
fn check(url: &Url) -> Result<(), String> {
    let local = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let good = url.scheme() == "https" || (url.scheme() == "http" && local);
    good.then_some(()).ok_or_else(|| "token_uri must begin with https://".to_owned())
}

impl Dialect for Endpoint {
    fn credential<'a>(
        &'a self,
        _request: &'a Request,
    ) -> BoxFuture<'a, Result<Credential, ConnectorError>> {
        Box::pin(std::future::ready(Ok(Credential::default())))
    }

    fn form(&self, request: &Request) -> Result<Option<SecretString>, ConnectorError> {
        let claim = self.claim(request.needs)?;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let fields = [("grant_type", JWT_BEARER), ("assertion", &claim)];
        Ok(Some(form.extend_pairs(fields).finish().into()))
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        let (answer, refusal) = (exchange.answer, TokenRefusal::of(exchange.answer));
        // Now that Google has answered, its clock is known.
        if refusal.may_be_the_clock() && exchange.renewals == 0 && self.is_skewed() {
            return Verdict::Renew;
        }
        match answer.status.as_u16() {
            429 => Verdict::Throttled(answer.retry_after()),
            408 | 500.. => Verdict::Passing(refusal.failed(answer, exchange.request)),
            _ => Verdict::Final(refusal.no_token(answer, exchange.request, &self.delegation)),
        }
    }
}
