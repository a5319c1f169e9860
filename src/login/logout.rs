//! The end of a session, on every host.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use http::{HeaderMap, Method, StatusCode, header};

use super::{LOGGED_OUT_PATH, LOGOUT_PATH, Login};
use crate::{
    http::{
        Arrival, Error, Place, Response, find_cookie, is_for_a_page, is_own_link, is_same_origin,
        page, see_other,
    },
    store::SessionId,
};

#[derive(Template)]
#[template(path = "login/confirm_logout.html")]
struct ConfirmPage {
    action: &'static str,
}

#[derive(Template)]
#[template(path = "login/logged_out.html")]
struct LoggedOutPage {
    sign_in: String,
}

/// `GET /_gatehouse/logout`. A link of the application that somebody clicks logs out at once; anything else
/// could be a trick, such as a picture in a comment, so it asks first.
pub async fn confirm_logout(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if is_own_link(&method, &headers, arrival.site.origin()) {
        return login.end_session(&arrival, &headers).await;
    }
    Ok(page(StatusCode::OK, &ConfirmPage { action: LOGOUT_PATH }))
}

/// `POST /_gatehouse/logout`
pub async fn log_out(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if !is_same_origin(&headers, arrival.site.origin()) {
        let sentence = "Another site asked to sign you out. You are still signed in.";
        return Err(Error::new(StatusCode::FORBIDDEN, "logout-cross-site", sentence)
            .with_way_on(LOGOUT_PATH.to_owned(), "Sign out"));
    }
    login.end_session(&arrival, &headers).await
}

/// `GET /_gatehouse/logged-out`
pub async fn show_logged_out(
    State(login): State<Arc<Login>>,
    arrival: Arrival,
) -> Result<Response, Error> {
    login.require_login_host(&arrival)?;
    let flow = login.flow_to_home(&arrival);
    // Whoever has just signed out shall not be signed in again by the ticket of their computer.
    let sign_in = format!("{}&choose=", login.sign_in_url(&flow));
    Ok(page(StatusCode::OK, &LoggedOutPage { sign_in }))
}

impl Login {
    /// Ends the session of somebody who has signed out of an application just now, and leads them to the same
    /// page as whoever signs out here. What the application has set is kept; a script gets its own answer.
    pub async fn follow_out(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
        answered: Response,
    ) -> Result<Response, Error> {
        let mut ended = self.end_session(arrival, headers).await?;
        // Browsers take cookies in the order in which they come.
        let set = answered.headers().get_all(header::SET_COOKIE).iter().cloned();
        let set = set.map(|value| (header::SET_COOKIE, value));
        if is_for_a_page(headers) {
            ended.headers_mut().extend(set);
            return Ok(ended);
        }
        let removed = ended.headers().get_all(header::SET_COOKIE).iter().cloned();
        let removed = removed.map(|value| (header::SET_COOKIE, value));
        let all: HeaderMap = removed.chain(set).collect();
        let mut answered = answered;
        answered.headers_mut().remove(header::SET_COOKIE);
        answered.headers_mut().extend(all);
        Ok(answered)
    }

    async fn end_session(&self, arrival: &Arrival, headers: &HeaderMap) -> Result<Response, Error> {
        for session in self.sessions_of(arrival, headers).await? {
            self.sessions.end(session).await.map_err(Error::unavailable)?;
            tracing::info!(trace = %arrival.trace, session = session.0, "logged out");
        }
        let mut response = see_other(&self.login_url(LOGGED_OUT_PATH));
        let cookies = arrival.site.cookies();
        for name in [cookies.session, cookies.login] {
            response.headers_mut().append(header::SET_COOKIE, cookies.remove(name));
        }
        let here = |place: &Place| place.site.authority() == arrival.site.authority();
        for (index, _) in self.sites.places().filter(|(_, place)| here(place)) {
            if let Some(of_app) = self.app_cookies.get(index).filter(|of_app| !of_app.is_empty()) {
                of_app.forget(response.headers_mut());
            }
        }
        Ok(response)
    }

    /// The sessions that a browser shows here: its child's parent, and on the login host its parent.
    async fn sessions_of(
        &self,
        arrival: &Arrival,
        headers: &HeaderMap,
    ) -> Result<Vec<SessionId>, Error> {
        let mut sessions = Vec::new();
        if let Some(cookie) = find_cookie(headers, arrival.site.cookies().session) {
            let found = self.sessions.find(cookie, arrival.site.authority()).await;
            sessions.extend(found.map_err(Error::unavailable)?.map(|live| live.parent));
        }
        sessions.extend(self.find_parent(arrival, headers).await?.map(|parent| parent.id));
        sessions.dedup();
        Ok(sessions)
    }
}
