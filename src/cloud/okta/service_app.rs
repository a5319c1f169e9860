//! The gateway as a service app of Okta: `private_key_jwt` (RFC 7523), and tokens that are bound to a key.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{
    api::refused,
    dpop::{Act, Prover},
    limits,
    refusal::Refusal,
};
use crate::{
    cloud::{
        ConnectorError,
        http::{
            Answer, Connection, Credential, Dialect, Exchange, Line, NewToken, Quota, Request,
            TokenCache, Verdict,
        },
        jwt::{JwtError, JwtKey},
    },
    config::SecretSource,
    secrets::random,
};

/// The key of the configuration that may be wrong.
const KEY: &str = "okta.key";

const PATH: &str = "/oauth2/v1/token";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DPOP: HeaderName = HeaderName::from_static("dpop");

/// An assertion is good so long, which is long enough for a try.
const ASSERTION_SECONDS: i64 = 300;

/// What a server wants to find in proofs; it says so when it wants something else.
#[derive(Debug, Default)]
pub(super) struct Nonce(Mutex<Option<String>>);

impl Nonce {
    /// Takes what an answer says, if it says anything.
    pub(super) fn learn(&self, answer: &Answer) {
        if let Some(nonce) = answer.header("dpop-nonce") {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(nonce.to_owned());
        }
    }

    fn value(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A service app that asks for tokens, and proves that they are its own.
#[derive(Debug)]
pub(super) struct ServiceApp {
    line: Line<Endpoint>,
    tokens: TokenCache,
    /// Whether tokens are bound to the key, as far as is known.
    bound: AtomicBool,
    nonce: Nonce,
    scopes: &'static str,
}

/// The organisation's token endpoint.
#[derive(Debug)]
struct Endpoint {
    connection: Arc<Connection>,
    url: Url,
    identity: Identity,
    prover: Prover,
    nonce: Nonce,
}

/// Which service app it is. Its key is read whenever it is needed, so that another one is used without a restart.
#[derive(Debug)]
pub(super) struct Identity {
    pub client_id: String,
    pub key: SecretSource,
    pub key_id: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    token_type: String,
    expires_in: u64,
}

impl ServiceApp {
    pub(super) fn open(
        connection: &Arc<Connection>,
        org: &Url,
        identity: Identity,
        scopes: &'static str,
    ) -> Result<Self, ConnectorError> {
        let endpoint = Endpoint {
            connection: Arc::clone(connection),
            url: org.join(PATH).map_err(|_| ConnectorError::ForeignLink(PATH.to_owned()))?,
            identity,
            prover: Prover::new().map_err(|error| refused(connection, KEY, &error))?,
            nonce: Nonce::default(),
        };
        // What cannot be read is said when the gateway starts, not when the first round begins.
        endpoint.key()?;
        Ok(Self {
            line: Line::new(Arc::clone(connection), org.clone(), endpoint),
            tokens: TokenCache::default(),
            bound: AtomicBool::new(true),
            nonce: Nonce::default(),
            scopes,
        })
    }

    /// What proves who asks the API.
    pub(super) async fn credential(&self, request: &Request) -> Result<Credential, ConnectorError> {
        let token = self.tokens.token(self.fetch(self.scopes, request.urgent)).await?;
        let mut headers = HeaderMap::new();
        if self.bound.load(Ordering::Relaxed) {
            headers.insert(AUTHORIZATION, token.header("DPoP")?);
            let endpoint = &self.line.dialect;
            let nonce = self.nonce.value();
            let secret = token.secret.expose_secret();
            let act = Act { token: Some(secret), nonce: nonce.as_deref(), ..act(request) };
            headers.insert(DPOP, endpoint.proof(act)?);
        } else {
            headers.insert(AUTHORIZATION, token.header("Bearer")?);
        }
        Ok(Credential { headers, token: token.number })
    }

    /// What the API's refusal of a credential means, if another one may be taken.
    pub(super) fn renew(&self, exchange: &Exchange<'_>, refusal: &Refusal) -> bool {
        if refusal.wants_nonce(exchange.answer) {
            self.nonce.learn(exchange.answer);
        } else {
            self.tokens.refuse(exchange.credential.token);
        }
        exchange.renewals < 3
    }

    /// Asks for a token with some scopes.
    async fn fetch(&self, scopes: &'static str, urgent: bool) -> Result<NewToken, ConnectorError> {
        let request = Request::post_form(self.line.at(PATH)?, &[], "a token").needing(scopes);
        let request = if urgent { request.urgent() } else { request };
        let answer: TokenAnswer = self.line.ask(&request).await?;
        self.bound.store(answer.token_type.eq_ignore_ascii_case("DPoP"), Ordering::Relaxed);
        Ok(NewToken {
            secret: answer.access_token,
            lifetime: Duration::from_secs(answer.expires_in),
        })
    }

    /// Tries whether there is a token with some scopes.
    pub(super) async fn try_scopes(&self, scopes: &'static str) -> Result<(), ConnectorError> {
        self.fetch(scopes, false).await.map(drop)
    }

    /// What it asks for.
    pub(super) fn scopes(&self) -> &'static str {
        self.scopes
    }
}

impl Endpoint {
    /// The time, by Okta's clock if that is known: a token that is from the future is no good.
    fn now(&self) -> DateTime<Utc> {
        self.connection.clock.now() + self.connection.skew().unwrap_or_default()
    }

    /// Whether the clocks differ so much that a token may be refused for it.
    fn is_skewed(&self) -> bool {
        self.connection.skew().is_some_and(|skew| skew.abs() > TimeDelta::minutes(1))
    }

    fn proof(&self, act: Act<'_>) -> Result<HeaderValue, ConnectorError> {
        let proof = self.prover.prove(act, self.now()).map_err(|error| self.unsigned(error))?;
        let mut value =
            HeaderValue::try_from(proof).map_err(|_| self.unsigned(JwtError::Refused))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn key(&self) -> Result<JwtKey, ConnectorError> {
        let text = self.identity.key.read();
        let text = text.map_err(|error| refused(&self.connection, KEY, &error))?;
        JwtKey::read(text.expose_secret()).map_err(|error| self.unsigned(error))
    }

    fn unsigned(&self, error: JwtError) -> ConnectorError {
        refused(&self.connection, KEY, &error)
    }

    /// Says who the gateway is: for one try only, for Okta takes none twice.
    fn assertion(&self) -> Result<String, ConnectorError> {
        let (key, now) = (self.key()?, self.now().timestamp());
        let Identity { client_id, key_id, .. } = &self.identity;
        let mut header = json!({ "typ": "JWT" });
        if let Some(id) = key_id.as_deref().or(key.id()) {
            header["kid"] = json!(id);
        }
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": self.url.as_str(),
            "iat": now, "exp": now + ASSERTION_SECONDS, "jti": BASE64.encode(random::<16>()),
        });
        let signed = key.sign(key.usual_algorithm(), header, &claims);
        signed.map_err(|error| self.unsigned(error))
    }

    fn prove(&self, request: &Request) -> Result<Credential, ConnectorError> {
        let nonce = self.nonce.value();
        let proof = self.proof(Act { nonce: nonce.as_deref(), ..act(request) })?;
        Ok(Credential { headers: HeaderMap::from_iter([(DPOP, proof)]), ..Credential::default() })
    }
}

impl Dialect for Endpoint {
    fn credential<'a>(
        &'a self,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Credential, ConnectorError>> {
        Box::pin(std::future::ready(self.prove(request)))
    }

    fn form(&self, request: &Request) -> Result<Option<SecretString>, ConnectorError> {
        let assertion = self.assertion()?;
        let fields = [
            ("grant_type", "client_credentials"),
            ("scope", request.needs),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", &assertion),
        ];
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        Ok(Some(form.extend_pairs(fields).finish().into()))
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        let (answer, refusal) = (exchange.answer, Refusal::of(exchange.answer));
        if refusal.wants_nonce(answer) && exchange.renewals < 2 {
            self.nonce.learn(answer);
            return Verdict::Renew;
        }
        // Now that Okta has answered, its clock is known.
        if refusal.may_be_the_clock() && exchange.renewals == 0 && self.is_skewed() {
            return Verdict::Renew;
        }
        match answer.status.as_u16() {
            429 => limits::throttled(answer),
            500.. => Verdict::Passing(refusal.failed(answer, exchange.request)),
            _ => Verdict::Final(refusal.no_token(answer, exchange.request)),
        }
    }

    fn quota(&self, answer: &Answer) -> Quota {
        limits::quota(answer)
    }
}

/// A request as a proof names it.
fn act(request: &Request) -> Act<'_> {
    Act { method: request.method.as_str(), url: &request.url, token: None, nonce: None }
}
