//! Back with a session: the form goes on its way.

use askama::Template;
use chrono::TimeDelta;
use http::{HeaderMap, Method, Request, StatusCode};

use super::{SavedForm, find_token};
use crate::{
    http::{
        Arrival, Body, Error, Place, Response, find_cookie, is_navigation, is_same_origin, page,
        see_other,
    },
    login::{Login, flow::browser_hash},
    secrets::sha256,
};

/// Who comes back later may have forgotten what they sent, or may be somebody else.
const BY_ITSELF: TimeDelta = TimeDelta::minutes(10);

/// What becomes of a request for a form that was kept.
#[derive(Debug)]
pub enum Resumed {
    /// It is no such request, or nobody is signed in yet.
    No(Request<Body>),
    /// The form itself, to be looked at as if it had come just now.
    Form(Request<Body>),
    /// Something else is to be done before.
    Answer(Response),
}

/// Marks a form that somebody has said yes to, or that needs no yes: whose page has sent it is settled.
#[derive(Clone, Copy, Debug)]
pub struct Settled;

/// Marks a request for a form that waits for somebody to sign in: what the rules say of the form counts, and
/// not what they say of the page at its address.
#[derive(Clone, Copy, Debug)]
pub struct Awaited;

#[derive(Template)]
#[template(path = "login/send_form.html")]
struct SendFormPage<'a> {
    app: &'a str,
    /// The other site, if it says its name.
    site: Option<&'a str>,
    own: bool,
    action: String,
    way_back: String,
}

impl Login {
    /// Puts a form that was kept in the place of the request that comes for it.
    pub async fn resume_form(
        &self,
        request: Request<Body>,
        arrival: &Arrival,
        place: &Place,
        target: &str,
    ) -> Result<Resumed, Error> {
        let Some((plain, token)) = find_token(target) else {
            return Ok(Resumed::No(request));
        };
        Box::pin(self.resume_kept(request, arrival, place, target, (plain, token))).await
    }

    async fn resume_kept(
        &self,
        request: Request<Body>,
        arrival: &Arrival,
        place: &Place,
        target: &str,
        (plain, token): (&str, &str),
    ) -> Result<Resumed, Error> {
        let (method, headers) = (request.method(), request.headers());
        let agreed = *method == Method::POST && is_same_origin(headers, arrival.site.origin());
        let comes = *method == Method::GET && is_navigation(method, headers);
        if !agreed && !comes {
            return Ok(Resumed::No(request));
        }
        if !self.has_session(headers, arrival).await? {
            // It is come back to after the login.
            if agreed {
                let address = format!("{}{target}", arrival.site.origin());
                return Ok(Resumed::Answer(see_other(&address)));
            }
            let mut request = request;
            request.extensions_mut().insert(Awaited);
            return Ok(Resumed::No(request));
        }
        let form = self.find_kept(headers, arrival, place, plain, token).await?;
        let by_itself = form.head.own && self.clock.now() - form.head.saved_at <= BY_ITSELF;
        if !agreed && !by_itself {
            return Ok(Resumed::Answer(ask(&form, place, target, plain)));
        }
        self.pass_on(request, form, arrival, token).await.map(Resumed::Form)
    }

    /// Takes a form, and makes it the request. Of two who come for it at once, one gets it.
    async fn pass_on(
        &self,
        request: Request<Body>,
        form: SavedForm,
        arrival: &Arrival,
        token: &str,
    ) -> Result<Request<Body>, Error> {
        let had = self.store.take_form(sha256(token.as_bytes()), self.clock.now()).await;
        let had = had.map_err(Error::unavailable)?.is_some();
        let (app, target) = (form.head.app.clone(), form.head.target.clone());
        let (parts, _) = request.into_parts();
        let form = form.into_request(parts).filter(|_| had);
        let mut form = form.ok_or_else(|| gone(arrival, &target))?;
        form.extensions_mut().insert(Settled);
        self.metrics.count_form("sent");
        tracing::info!(trace = %arrival.trace, app, "form passed on");
        Ok(form)
    }

    async fn has_session(&self, headers: &HeaderMap, arrival: &Arrival) -> Result<bool, Error> {
        let Some(cookie) = find_cookie(headers, arrival.site.cookies().session) else {
            return Ok(false);
        };
        let found = self.sessions.find(cookie, arrival.site.authority()).await;
        Ok(found.map_err(Error::unavailable)?.is_some())
    }

    /// The form of a token, if it is this application's and this browser's.
    async fn find_kept(
        &self,
        headers: &HeaderMap,
        arrival: &Arrival,
        place: &Place,
        plain: &str,
        token: &str,
    ) -> Result<SavedForm, Error> {
        let found = self.store.find_form(&sha256(token.as_bytes()), self.clock.now()).await;
        let here = browser_hash(headers, &arrival.site);
        let found = found.map_err(Error::unavailable)?.filter(|form| {
            let whose = form.browser_hash.as_deref();
            whose.is_none_or(|whose| here.is_some_and(|here| here.as_slice() == whose))
        });
        let form = found.and_then(|form| SavedForm::open(&self.sealer, &form.sealed));
        let form = form.filter(|form| form.head.app == place.name && form.head.target == plain);
        form.ok_or_else(|| gone(arrival, plain))
    }
}

fn ask(form: &SavedForm, place: &Place, target: &str, plain: &str) -> Response {
    // In full: a path that begins with two slashes would lead to another host.
    let here = |target: &str| format!("{}{target}", place.site.origin());
    let origin = form.head.origin.as_deref().filter(|origin| *origin != "null");
    page(
        StatusCode::OK,
        &SendFormPage {
            app: &place.name,
            site: origin.filter(|_| !form.head.own),
            own: form.head.own,
            action: here(target),
            way_back: here(plain),
        },
    )
}

fn gone(arrival: &Arrival, plain: &str) -> Error {
    let sentence = "This form has been sent already, was kept for too long, or is another browser's. If \
                    you do not find in the application what you sent, send it again.";
    Error::new(StatusCode::GONE, "form-gone", sentence)
        .with_way_on(format!("{}{plain}", arrival.site.origin()), "To the application")
}
