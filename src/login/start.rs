//! The beginning, on an application's host.

use axum::response::IntoResponse as _;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{
    Login,
    flow::{Browser, Flow, Start},
};
use crate::http::{Arrival, Error, Place, Response, find_cookie, see_other};

impl Login {
    /// Sends a browser that wants to see a page to the login host, to sign in in one of these ways.
    #[must_use]
    pub fn begin(
        &self,
        arrival: &Arrival,
        asked: &HeaderMap,
        place: &Place,
        target: &str,
        ways: &[String],
    ) -> Response {
        let cookies = arrival.site.cookies();
        let browser = Browser::of(asked, cookies.browser);
        let had_session =
            find_cookie(asked, cookies.session).is_some_and(|value| !value.is_empty());
        let start = Start { trace: arrival.trace, now: self.clock.now(), had_session };
        let flow = Flow::to(place, target, browser.hash(), ways, &start);
        let mut response = see_other(&self.sign_in_url(&flow));
        if let Some(value) = browser.new_value() {
            let cookie = cookies.set(cookies.browser, value);
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    /// What is told to a script, or to somebody whose form came without a session: nothing of it was
    /// passed on.
    #[must_use]
    pub fn refuse_without_session(&self, place: &Place) -> Error {
        let sentence = "You are not signed in, or not any more. Nothing of what you sent has reached the \
                        application.";
        Error::new(StatusCode::UNAUTHORIZED, "login-required", sentence)
            .with_way_on(place.url(), "Sign in")
    }

    /// What is told to a client such as git, which sends its credentials when it is asked for them and not
    /// before. The application checks them.
    #[must_use]
    pub fn ask_for_credentials(&self, place: &Place) -> Response {
        let mut response = self.refuse_without_session(place).into_response();
        let basic = HeaderValue::from_str(&format!("Basic realm=\"{}\"", place.name));
        if let Ok(basic) = basic {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }

    /// The same, of somebody who has signed in in a way that is not good enough for what they ask for.
    #[must_use]
    pub fn refuse_this_way(&self, place: &Place) -> Error {
        let sentence = "You are signed in, but this needs another way of signing in. Nothing of what you \
                        sent has reached the application.";
        Error::new(StatusCode::UNAUTHORIZED, "other-way-required", sentence)
            .with_way_on(place.url(), "To the application")
    }
}
