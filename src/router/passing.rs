//! Passing a request on to its application, and what is the gateway's to do before and after.

use std::sync::Arc;

use http::{HeaderMap, Method, Request};

use super::{App, Destination, Router, binding::Binding, lives};
use crate::{
    http::{Arrival, Body, Error, Response, is_own_request},
    proxy::Forwarding,
    session::{LiveSession, Token, Visitor},
};

/// Whose a request is, as far as that was looked for.
pub(super) struct Whose<'a> {
    pub(super) looked: bool,
    pub(super) session: Option<&'a Arc<LiveSession>>,
    pub(super) visitor: Option<&'a Visitor>,
}

impl Router {
    /// Passes a request on that may be.
    pub(super) async fn pass_on(
        &self,
        request: Request<Body>,
        arrival: &Arrival,
        to: &Destination<'_>,
        whose: &Whose<'_>,
    ) -> Result<Response, Error> {
        let app = to.app;
        let session = whose.session;
        let token = self.find_token(to, whose).await?;
        let binding = self.bind(app, request.headers(), whose).await;
        let signs_out = session.is_some() && to.is_sign_out(request.method(), request.headers());
        let signing_out: Option<HeaderMap> = signs_out.then(|| request.headers().clone());
        let forwarding = Forwarding {
            place: to.place,
            arrival,
            visitor: whose.visitor,
            token: token.as_ref(),
            withheld: binding.withholds().then_some(&app.cookies),
        };
        let (goes_on, is_get) = (lives(whose.session), request.method() == Method::GET);
        let answered = app.upstream.forward(request, &forwarding, goes_on).await;
        let mut response =
            answered.map_err(|error| to.offer_again(error.into(), is_get, arrival))?;
        binding.finish(&app.cookies, response.headers_mut());
        match signing_out {
            // Whom the application did not let go is still there.
            Some(headers) if response.status().as_u16() < 400 => {
                Box::pin(self.login.follow_out(arrival, &headers, response)).await
            }
            _ => Ok(response),
        }
    }

    /// What is done about the application's own cookies.
    pub(super) async fn bind(&self, app: &App, headers: &HeaderMap, whose: &Whose<'_>) -> Binding {
        // Who has no active account there is nobody to the application, and has no session of its.
        let known = whose.session.filter(|_| whose.visitor.is_some());
        let known = known.map(|session| &**session);
        Binding::of(&self.sessions, &app.cookies, headers, whose.looked, known).await
    }

    /// What the application knows the session by, where it is told so. Without it, an application that asks
    /// for it would take somebody who is signed in for nobody, and end what they had begun: so nobody gets
    /// through who cannot be given one.
    pub(super) async fn find_token(
        &self,
        to: &Destination<'_>,
        whose: &Whose<'_>,
    ) -> Result<Option<Token>, Error> {
        let application = to.app.upstream.application();
        let (Some(live), Some(_), Some(application)) = (whose.session, whose.visitor, application)
        else {
            return Ok(None);
        };
        self.sessions.token_for(live, application).await.map(Some).map_err(Error::unavailable)
    }
}

impl Destination<'_> {
    /// Lets people try a page again which the application has not given them.
    fn offer_again(&self, error: Error, is_get: bool, arrival: &Arrival) -> Error {
        if !is_get || !error.status().is_server_error() {
            return error;
        }
        // With the host before it: of two slashes, the second would begin another one.
        error.with_way_on(format!("{}{}", arrival.site.origin(), self.target), "Try again")
    }

    /// Whether somebody signs out of the application, and a page of its own has asked for it.
    pub(super) fn is_sign_out(&self, method: &Method, headers: &HeaderMap) -> bool {
        self.app.sign_out.have(self.readings)
            && is_own_request(method, headers, self.place.site.origin())
    }
}
