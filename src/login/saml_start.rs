//! The way to an identity provider.

use std::sync::Arc;

use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use super::{
    Login, Provider,
    flow::{Browser, Flow},
};
use crate::{
    http::{Arrival, Body, Error, Parameters, Response, is_navigation, see_other},
    saml::RequestId,
    secrets::{random, sha256},
    store::LoginState,
};

/// People answer a second factor late, or not before lunch is over.
const LIFE: TimeDelta = TimeDelta::hours(1);

/// `GET /_gatehouse/saml/start?idp=…&flow=…`
pub async fn start_saml(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    login.require_login_host(&arrival)?;
    let parameters = Parameters::of(&uri)?;
    let flow = login.open(parameters.find("flow"))?;
    let mut flow = flow.with_fragment(parameters.find("fragment"));
    // Each way is written down, so it is for browsers that go it.
    if !is_navigation(&method, &headers) {
        return Err(Error::bad_request("saml-start-not-a-page", "no navigation"));
    }
    flow.replaces = login.find_parent(&arrival, &headers).await?.map(|parent| parent.id.0);
    let provider = login.find_provider(parameters.find("idp").unwrap_or_default(), &flow)?;
    let Some(idp) = provider.identity_provider() else {
        let others = format!("{}&choose=", login.sign_in_url(&flow));
        return Err(Error::unavailable(format_args!("no metadata of {} yet", provider.name))
            .with_way_on(others, "Sign in another way"));
    };

    let cookies = arrival.site.cookies();
    let browser = Browser::of(&headers, cookies.saml);
    let handle = BASE64.encode(random::<16>());
    let request_id = RequestId::random();
    let now = login.clock.now();
    let state = LoginState {
        idp: provider.name.clone(),
        request_id: request_id.as_str().to_owned(),
        browser_hash: browser.hash().to_vec(),
        flow: login.seal(&flow).into_bytes(),
        expires_at: now + LIFE,
    };
    login.count_begun(arrival.client).await.map_err(|error| error.with_trace(flow.trace))?;
    let handle_hash = sha256(handle.as_bytes());
    login.store.insert_login_state(handle_hash, state).await.map_err(Error::unavailable)?;
    tracing::info!(trace = %flow.trace, idp = provider.name, "sent to the identity provider");

    let url = login.service_provider.authn_request_url(&idp, &request_id, &handle, now);
    let mut response = see_other(url.as_str());
    // The way back is a form that another site posts.
    if let Some(value) = browser.new_value() {
        let cookie = cookies.set_for_posts(cookies.saml, value);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// `GET /_gatehouse/saml/metadata`
pub async fn show_metadata(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
) -> Result<Response, Error> {
    login.require_login_host(&arrival)?;
    let mut response = Response::new(Body::from(login.service_provider.metadata()));
    let media_type = HeaderValue::from_static("application/samlmetadata+xml");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}

impl Login {
    /// A provider that is offered for a flow.
    fn find_provider(&self, name: &str, flow: &Flow) -> Result<&Provider, Error> {
        let offered = self.offered(flow).contains(&name);
        let found = self.providers.iter().find(|provider| offered && provider.name == name);
        found.ok_or_else(|| {
            let sentence = "There is no such way to sign in (any more).";
            Error::new(StatusCode::NOT_FOUND, "idp-unknown", sentence)
                .with_way_on(self.home_url(), "To the start page")
        })
    }
}
