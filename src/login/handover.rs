//! Back on the application's host: a one-time code becomes a session.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri, header};

use super::{Login, flow::browser_hash};
use crate::http::{Arrival, Error, Parameters, Response, find_cookie, see_other};

/// `GET /_gatehouse/handover?code=…&flow=…`
pub async fn take_over(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let parameters = Parameters::of(&uri)?;
    let flow = login.open(parameters.find("flow"))?;
    let (site, cookies) = (&arrival.site, arrival.site.cookies());
    let here =
        login.place_of(&flow).is_some_and(|place| place.site.authority() == site.authority());
    if !here {
        return Err(Error::not_found());
    }
    let code = parameters.find("code").unwrap_or_default();
    // The browser that brings the code must be the one that began, or somebody could log others in as
    // themselves.
    let browser = browser_hash(&headers, site).filter(|hash| hash == flow.browser());
    if let Some(browser) = browser {
        let _place = login.admit(arrival.client).await?;
        let redeemed = login.sessions.redeem(code, site.authority(), &browser);
        if let Some(child) = redeemed.await.map_err(Error::unavailable)? {
            let mut response = see_other(&login.destination(&flow));
            let cookie = cookies.set(cookies.session, &child);
            response.headers_mut().append(header::SET_COOKIE, cookie);
            return Ok(response);
        }
    }
    // Somebody went back in their browser: they have what the code was good for.
    if let Some(cookie) = find_cookie(&headers, cookies.session) {
        let found = login.sessions.find(cookie, site.authority()).await;
        if found.map_err(Error::unavailable)?.is_some() {
            return Ok(see_other(&login.destination(&flow)));
        }
    }
    // Two tabs that began at once have one cookie between them: begin once more, with it.
    let Some(browser) = browser_hash(&headers, site) else {
        return Err(login.failed(arrival.client, login.no_cookies(&flow)));
    };
    if let Some(again) = flow.retry(browser) {
        return Ok(see_other(&login.sign_in_url(&again)));
    }
    let sentence = "This sign-in has been used, is too old, or was begun in another browser.";
    let error = Error::new(StatusCode::BAD_REQUEST, "handover-refused", sentence)
        .with_trace(flow.trace)
        .with_way_on(login.destination(&flow), "Sign in again");
    Err(login.failed(arrival.client, error))
}
