//! The assertion consumer service: what identity providers' pages post to (SAML bindings 3.5).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{body::Bytes, extract::State};
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header};
use tokio::time::timeout;

use super::{
    ACS_PATH, Login, Provider,
    complete::{Proven, Written},
    flow::Flow,
};
use crate::{
    http::{Arrival, Body, Error, Parameters, Response, find_cookie, see_other},
    provisioning::Statement,
    saml::{Assertion, Expectations, IdentityProvider, ResponseError, decode_post, judge},
    secrets::{Hash, sha256},
    store::{LoginState, Replay},
    sync::LookupError,
    telemetry::{LoginMethod, LoginOutcome, TraceId},
};

/// A response with its certificates, signatures and 150 groups has 50 KiB.
const MAX_FORM_BYTES: usize = 1024 * 1024;

/// A browser sends it at once.
const READ: Duration = Duration::from_secs(15);

/// `POST /_gatehouse/saml/acs`
pub async fn consume_assertion(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    login.require_login_host(&arrival)?;
    check_media_type(&headers)?;
    let body = read(body).await?;
    let form = Parameters::parse(&body)?;
    let handle = sha256(form.find("RelayState").unwrap_or_default().as_bytes());
    let taken = login.store.take_login_state(handle, login.clock.now()).await;
    let Some(state) = taken.map_err(Error::unavailable)? else {
        return login.come_back(&arrival, &headers, handle).await;
    };
    let flow = login.open(std::str::from_utf8(&state.flow).ok())?;
    let place = login.admit(arrival.client).await?;
    let signed_in = login.sign_in(&arrival, &headers, &form, handle, &state, &flow).await;
    drop(place);
    signed_in.map_err(|error| error.with_trace(flow.trace))
}

/// `GET /_gatehouse/saml/acs`: an answer that nobody waits for (any more), from a page of this site, so that
/// the browser has sent its cookies along.
pub async fn show_used_answer(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    headers: HeaderMap,
) -> Result<Response, Error> {
    login.require_login_host(&arrival)?;
    if login.find_parent(&arrival, &headers).await?.is_some() {
        return Ok(see_other(&login.home_url()));
    }
    let sentence = "This sign-in has been used, is too old, or was not begun here. Begin at the \
                    application.";
    Err(Error::new(StatusCode::BAD_REQUEST, "saml-unsolicited", sentence)
        .with_way_on(login.home_url(), "To the start page"))
}

/// Why a response logs nobody in.
#[derive(Debug, thiserror::Error)]
pub(super) enum AcsError {
    #[error(transparent)]
    Response(#[from] ResponseError),
    #[error(transparent)]
    Mapping(#[from] crate::provisioning::MappingError),
    #[error("the assertion {0:?} was used before")]
    Replay(String),
    #[error("there is no identity provider {0:?} (any more)")]
    NoProvider(String),
    #[error("nobody comes in without the word of the cloud: {0}")]
    Lookup(#[from] LookupError),
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    #[error("the check did not end: {0}")]
    Unfinished(#[from] tokio::task::JoinError),
}

impl AcsError {
    fn code(&self) -> &'static str {
        match self {
            Self::Response(error) => error.code(),
            Self::Mapping(error) => error.code(),
            Self::Replay(_) => "assertion-replayed",
            Self::NoProvider(_) => "idp-unknown",
            Self::Lookup(_) => "cloud-unavailable",
            Self::Store(_) | Self::Unfinished(_) => "unavailable",
        }
    }
}

/// Nothing else is worth reading.
fn check_media_type(headers: &HeaderMap) -> Result<(), Error> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    if media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(Error::bad_request("saml-not-a-form", format_args!("content type {media_type:?}")))
}

/// A form, within bounds of size and time: strangers send it.
async fn read(body: Body) -> Result<Bytes, Error> {
    let reading = timeout(READ, axum::body::to_bytes(body, MAX_FORM_BYTES));
    let read = reading.await.map_err(|_| Error::bad_request("saml-too-slow", "no end in time"))?;
    read.map_err(|error| Error::bad_request("saml-too-large", error))
}

impl Login {
    /// A response that nobody waits for: somebody went back in their browser, clicked twice, or came from
    /// the identity provider's own page. Nothing in it is looked at. Whoever was on the way somewhere goes
    /// on there, by signing in once more if need be.
    async fn come_back(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        handle: Hash,
    ) -> Result<Response, Error> {
        let used = self.store.find_used_login_state(handle, self.clock.now()).await;
        let used = used.map_err(Error::unavailable)?;
        let own = used.filter(|state| is_of_browser(state, arrival, headers));
        let flow = own.and_then(|state| self.open(std::str::from_utf8(&state.flow).ok()).ok());
        let again = flow.and_then(|flow| flow.retry(*flow.browser()));
        Ok(see_other(&match again {
            Some(again) => self.sign_in_url(&again),
            None => self.login_url(ACS_PATH),
        }))
    }

    async fn sign_in(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        form: &Parameters<'_>,
        handle: Hash,
        state: &LoginState,
        flow: &Flow,
    ) -> Result<Response, Error> {
        if let Err(error) = self.check_browser(arrival, headers, state, flow) {
            // Two tabs that began at once have one cookie between them: begin once more, with it.
            return match flow.retry(*flow.browser()) {
                Some(again) => Ok(see_other(&self.sign_in_url(&again))),
                None => Err(self.failed(arrival.client, error)),
            };
        }
        let response = form.find("SAMLResponse").unwrap_or_default().to_owned();
        match self.prove(state, response, flow.trace).await {
            Ok(proven) => {
                let browser_hash = state.browser_hash.clone();
                let written = Some(Written { handle_hash: handle, browser_hash });
                let proven = Proven { written, ..proven };
                let completed = self.complete(arrival, headers, flow, proven).await?;
                self.forget_begun(arrival.client);
                Ok(completed)
            }
            Err(refusal) => Err(self.refuse(arrival, state, flow, &refusal)),
        }
    }

    /// A response must come from the browser that was sent: else somebody could log others in as
    /// themselves.
    fn check_browser(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        state: &LoginState,
        flow: &Flow,
    ) -> Result<(), Error> {
        if is_of_browser(state, arrival, headers) {
            return Ok(());
        }
        let reason = "saml-other-browser";
        self.note(arrival, flow.trace, LoginMethod::saml, LoginOutcome::refused, reason);
        let sentence =
            "This sign-in was begun in another browser, or your browser keeps no cookies.";
        Err(Error::new(StatusCode::BAD_REQUEST, "saml-other-browser", sentence)
            .with_way_on(self.destination(flow), "Sign in again"))
    }

    async fn prove(
        &self,
        state: &LoginState,
        response: String,
        trace: TraceId,
    ) -> Result<Proven, AcsError> {
        let provider = self.providers.iter().find(|provider| provider.name == state.idp);
        let known = provider.and_then(|provider| Some((provider, provider.identity_provider()?)));
        let (provider, idp) = known.ok_or_else(|| AcsError::NoProvider(state.idp.clone()))?;
        let assertion = self.judge(provider, idp, state.request_id.clone(), response).await?;

        let key = sha256(format!("{}\0{}", assertion.issuer, assertion.id).as_bytes());
        let until = assertion.replay_until;
        if !self.store.remember_once(Replay::Assertion, key, until).await? {
            return Err(AcsError::Replay(assertion.id));
        }
        let mut claims = provider.mapping.claims(&statement(&assertion))?;
        let enabled_at_source = self.look_up(provider, &mut claims, trace).await?;
        Ok(Proven {
            claims,
            enabled_at_source,
            method: LoginMethod::saml,
            name_id: Some(assertion.name_id),
            session_index: assertion.session_index,
            not_on_or_after: assertion.session_not_on_or_after,
            written: None,
        })
    }

    /// Judges where blocking does no harm.
    async fn judge(
        &self,
        provider: &Provider,
        idp: Arc<IdentityProvider>,
        request_id: String,
        response: String,
    ) -> Result<Assertion, AcsError> {
        let sp = self.service_provider.clone();
        let (clock_skew, allow_sha1) = (provider.clock_skew, provider.allow_sha1);
        let now: DateTime<Utc> = self.clock.now();
        let judging = tokio::task::spawn_blocking(move || {
            let request_id = Some(request_id.as_str());
            let expected = Expectations { request_id, clock_skew, allow_sha1 };
            judge(&decode_post(&response)?, &idp, &sp, &expected, now)
        });
        Ok(judging.await??)
    }

    fn refuse(
        &self,
        arrival: &Arrival,
        state: &LoginState,
        flow: &Flow,
        refusal: &AcsError,
    ) -> Error {
        let code = refusal.code();
        self.note(arrival, flow.trace, LoginMethod::saml, LoginOutcome::refused, code);
        if matches!(refusal, AcsError::Store(_) | AcsError::Unfinished(_) | AcsError::Lookup(_)) {
            return Error::unavailable(refusal);
        }
        let title = self.providers.iter().find(|provider| provider.name == state.idp);
        let title = title.map_or("The identity provider", |provider| provider.title.as_str());
        let sentence = match refusal {
            AcsError::Response(ResponseError::Status(_)) => {
                format!("{title} has not signed you in.")
            }
            _ => format!("What {title} says about you could not be accepted."),
        };
        let error = Error::new(StatusCode::FORBIDDEN, code, sentence)
            .caused_by(format_args!("{}: {refusal}", state.idp))
            .with_way_on(format!("{}&choose=", self.sign_in_url(flow)), "Try again");
        self.failed(arrival.client, error)
    }
}

/// Whether a login was begun in the browser that has sent these headers.
fn is_of_browser(state: &LoginState, arrival: &Arrival, headers: &HeaderMap) -> bool {
    let cookie = find_cookie(headers, arrival.site.cookies().saml);
    cookie.is_some_and(|cookie| sha256(cookie.as_bytes()) == *state.browser_hash)
}

fn statement(assertion: &Assertion) -> Statement {
    let mut attributes = BTreeMap::<String, Vec<String>>::new();
    for attribute in &assertion.attributes {
        attributes.entry(attribute.name.clone()).or_default().extend(attribute.values.clone());
    }
    Statement {
        name_id: assertion.name_id.value.clone(),
        name_id_format: assertion.name_id.format.clone(),
        attributes,
    }
}
