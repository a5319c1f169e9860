//! A request's way through the house, and every address of the gateway's own.
//!
//! What few requests come to is in boxes: else the way of each would have room for all of it, and room is copied.

mod binding;
mod forward_auth;
mod judging;
mod passing;
mod record;

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
    time::Instant,
};

use axum::{Router as Routes, extract::DefaultBodyLimit, routing::get};
use http::{HeaderMap, Method, Request, StatusCode, request::Parts};
use hyper::body::Incoming;

pub use self::forward_auth::ForwardAuth;
use self::{judging::Judged, record::Record};
use crate::{
    clock::Clock,
    crowd::AccountFirst,
    directory::DirectoryId,
    hints::{self, Ears},
    http::{
        AppCookies, Arrival, Body, Error, Origins, Pages, Peer, Place, Response, Route, STYLE_PATH,
        Site, Sites, TrustedProxies, check_request, find_cookie, is_navigation, read_away,
        see_other, style, wants_html,
    },
    keyring::Keyring,
    login::{self, Login, Resumed},
    policy::{Asked, Asker, Decided, Paths, Readings, Rules, TargetProblem, Verdict},
    proxy::{KEYS_PATH, Upstream, WELL_KNOWN_KEYS_PATH, show_keys},
    session::{LiveSession, Sessions, Visitor},
    telemetry::{Forwarded, Metrics, TraceId, Tracer},
};

/// A response with its certificates, signatures and 150 groups has 50 KiB.
const MAX_FORM_BYTES: usize = 4 * 1024 * 1024;

/// An application, as requests see it.
#[derive(Debug)]
pub struct App {
    /// What the configuration calls it.
    pub name: Arc<str>,
    /// Where its requests are counted that are passed on.
    pub forwarded: Arc<Forwarded>,
    /// What everybody gets at their first visit.
    pub default_groups: Vec<String>,
    /// What is decided for which request.
    pub rules: Arc<Rules>,
    /// Where requests go.
    pub upstream: Arc<Upstream>,
    /// Whose users it sees, in order.
    pub directories: Arc<[DirectoryId]>,
    /// Whose pages may change things there.
    pub origins: Origins,
    /// In which cookies it keeps sessions of its own.
    pub cookies: AppCookies,
    /// Where people sign out of it, and so of the gateway.
    pub sign_out: Paths,
    /// Has newcomers wait until the application knows them, if it has to be told.
    pub account_first: Option<AccountFirst>,
}

/// Where a request wants to go.
#[derive(Clone, Copy)]
struct Destination<'a> {
    app: &'a App,
    place: &'a Place,
    /// Path and query, as they came.
    target: &'a str,
    readings: &'a Readings<'a>,
}

impl<'a> Destination<'a> {
    /// What the rules say. What is for a form that waits needs the login that the form needs; whatever passes
    /// without one is asked for as the page that it is.
    fn decide(&self, asked: &Parts, client: IpAddr, is_awaited: bool) -> Decided<'a> {
        let ask = |method: &Method| {
            let (readings, headers) = (self.readings, &asked.headers);
            self.app.rules.decide(&Asked { method, readings, client, headers })
        };
        let as_form = is_awaited.then(|| ask(&Method::POST));
        let as_form = as_form.filter(|form| form.judge(Asker::Nobody) != Verdict::Forward);
        as_form.unwrap_or_else(|| ask(&asked.method))
    }
}

/// Leads requests through the house.
#[derive(Debug)]
pub struct Router {
    /// The hosts.
    pub sites: Arc<Sites>,
    /// Whom to believe whose address it is.
    pub trusted: TrustedProxies,
    /// Whether only trusted proxies may come: they speak TLS for us.
    pub proxied_only: bool,
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// The way to a session.
    pub login: Arc<Login>,
    /// The applications, in the order of the configuration.
    pub apps: Vec<App>,
    /// The gateway's own pages.
    pub own: Routes,
    /// How they look.
    pub pages: Pages,
    /// What is counted.
    pub metrics: Metrics,
    /// Who looks at requests on their way.
    pub tracer: Tracer,
    /// The time.
    pub clock: Clock,
}

/// Every address of the gateway's own, on one screen.
pub fn own_routes(login: Arc<Login>, keyring: Arc<Keyring>, ears: Arc<Ears>) -> Routes {
    let keys = get(move || std::future::ready(show_keys(&keyring)));
    Routes::new()
        // On the login host.
        .route(login::HOME_PATH, get(login::show_home))
        .route(login::LOGIN_PATH, get(login::show_sign_in))
        .route(login::PASSWORD_PATH, get(login::show_password).post(login::sign_in_by_password))
        .route(login::SAML_START_PATH, get(login::start_saml))
        .route(login::ACS_PATH, get(login::show_used_answer).post(login::consume_assertion))
        .route(login::METADATA_PATH, get(login::show_metadata))
        .route(login::LOGGED_OUT_PATH, get(login::show_logged_out))
        .route(WELL_KNOWN_KEYS_PATH, keys.clone())
        .route(hints::PATH, hints::receive(ears))
        // On the hosts of applications.
        .route(login::HANDOVER_PATH, get(login::take_over))
        // On all of them.
        .route(login::LOGOUT_PATH, get(login::confirm_logout).post(login::log_out))
        .route(KEYS_PATH, keys)
        .route(STYLE_PATH, get(async || style()))
        .fallback(async || Error::not_found())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .with_state(login)
}

impl Router {
    /// Answers a request.
    pub async fn respond(&self, request: Request<Incoming>, peer: Peer) -> Response {
        let html = wants_html(request.headers());
        let mut record = Record::of(&request);
        let mut arrival = Arrival {
            trace: TraceId::random(),
            context: self.tracer.begin(request.headers(), self.trusted.has(peer.address)),
            started: Instant::now(),
            client: self.trusted.client(peer.client, request.headers()),
            site: self.sites.login().clone(),
        };
        let by_proxy = self.trusted.has(peer.address) || peer.address.to_canonical().is_loopback();
        let led = match self.find_site(&request, by_proxy) {
            Ok(site) => {
                arrival.site = site;
                self.lead(request.map(Body::new), &arrival, &mut record).await
            }
            Err(error) => Err(error),
        };
        self.finish(led, &arrival, record, html)
    }

    /// An answer as it is sent, which has been told to everybody.
    fn finish(
        &self,
        led: Result<Response, Error>,
        arrival: &Arrival,
        mut record: Record,
        html: bool,
    ) -> Response {
        let mut response = led.unwrap_or_else(|error| {
            record.decision = "refuse";
            self.metrics.count_refused(error.code());
            axum::response::IntoResponse::into_response(error)
        });
        if record.decision != "forward" {
            response = self.pages.finish(response, arrival, html);
        }
        record.tell(arrival, &response, &self.metrics, &self.tracer, &self.clock);
        response
    }

    /// The site that a request is for, if it is one that may be looked at.
    fn find_site<B>(&self, request: &Request<B>, by_proxy: bool) -> Result<Arc<Site>, Error> {
        let authority = check_request(request)?;
        if self.proxied_only && !by_proxy {
            let sentence = "This address is for the proxy in front of it.";
            return Err(Error::new(StatusCode::FORBIDDEN, "not-by-proxy", sentence));
        }
        self.sites.find(authority).cloned().ok_or_else(|| {
            let sentence = "There is no application at this address.";
            Error::new(StatusCode::MISDIRECTED_REQUEST, "host-unknown", sentence)
                .caused_by(format_args!("host {authority:?}"))
        })
    }

    async fn lead(
        &self,
        request: Request<Body>,
        arrival: &Arrival,
        record: &mut Record,
    ) -> Result<Response, Error> {
        let uri = request.uri().clone();
        let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let readings = Readings::of(target).map_err(unreadable)?;

        let (index, place) = match self.sites.route(&arrival.site, &readings) {
            Route::App(index, place) => (index, place),
            Route::Own => {
                record.decision = "own";
                return Ok(Box::pin(self.respond_ourselves(request, arrival)).await);
            }
            Route::Between => return Err(between_apps()),
            Route::Nobody => {
                if arrival.site.authority() != self.sites.login().authority() {
                    return Err(Error::not_found());
                }
                record.decision = "own";
                return match target {
                    "/" => Ok(see_other(login::HOME_PATH)),
                    WELL_KNOWN_KEYS_PATH => {
                        Ok(Box::pin(self.respond_ourselves(request, arrival)).await)
                    }
                    _ => Err(Error::not_found()),
                };
            }
        };
        let app = &self.apps[index];
        record.app = Some(app.name.clone());
        record.forwarded = Some(app.forwarded.clone());
        let request = match self.login.resume_form(request, arrival, place, target).await? {
            Resumed::No(request) => request,
            // All of it is asked of the form as well: the rules may say otherwise for it.
            Resumed::Form(form) => return Box::pin(self.lead(form, arrival, record)).await,
            Resumed::Answer(response) => {
                record.decision = "login";
                return Ok(response);
            }
        };
        let to = Destination { app, place, target, readings: &readings };
        self.decide(request, arrival, &to, record).await
    }

    async fn respond_ourselves(&self, mut request: Request<Body>, arrival: &Arrival) -> Response {
        request.extensions_mut().insert(arrival.clone());
        match tower::ServiceExt::oneshot(self.own.clone(), request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    async fn decide(
        &self,
        request: Request<Body>,
        arrival: &Arrival,
        to: &Destination<'_>,
        record: &mut Record,
    ) -> Result<Response, Error> {
        let (asked, body) = request.into_parts();
        let judged = self.judge(&asked, arrival, to, record).await?;
        if judged.verdict != Verdict::Forward {
            let request = Request::from_parts(asked, body);
            let Judged { verdict, decided, .. } = &judged;
            let turned = self.turn_away(*verdict, decided, request, arrival, to, record);
            return Box::pin(turned).await;
        }
        if judged.is_cross_site {
            Box::pin(read_away(body)).await;
            return Err(cross_site());
        }
        if let Some(page) = self.ask_to_wait(&asked, arrival, to, &judged).await {
            Box::pin(read_away(body)).await;
            record.decision = "wait";
            return Ok(page);
        }
        let request = Request::from_parts(asked, body);
        let response = self.pass_on(request, arrival, to, &judged.whose()).await?;
        record.decision = "forward";
        Ok(response)
    }

    /// Has somebody sign in, or tells them why they may not.
    async fn turn_away(
        &self,
        verdict: Verdict,
        decided: &Decided<'_>,
        request: Request<Body>,
        arrival: &Arrival,
        to: &Destination<'_>,
        record: &mut Record,
    ) -> Result<Response, Error> {
        let Destination { app, place, target, .. } = *to;
        let rule = || app.rules.name(decided.rule);
        match verdict {
            Verdict::SignIn | Verdict::SignInAnotherWay
                if is_navigation(request.method(), request.headers()) =>
            {
                record.decision = "login";
                let (headers, ways) = (request.headers(), decided.sign_in_with());
                Ok(self.login.begin(arrival, headers, place, target, ways))
            }
            Verdict::SignIn if decided.asks_for_credentials => {
                Ok(self.login.ask_for_credentials(place))
            }
            Verdict::SignIn => {
                let kept = self.login.keep_form(request, arrival, place, target).await?;
                record.decision = "login";
                Ok(kept)
            }
            Verdict::SignInAnotherWay => Err(self.login.refuse_this_way(place).caused_by(rule())),
            Verdict::NoAccount => Err(no_active_account()),
            Verdict::NotInGroup => Err(not_in_group().caused_by(rule())),
            Verdict::Denied | Verdict::Forward => Err(denied().caused_by(rule())),
        }
    }

    async fn find_session(
        &self,
        headers: &HeaderMap,
        arrival: &Arrival,
    ) -> Result<Option<Arc<LiveSession>>, Error> {
        match find_cookie(headers, arrival.site.cookies().session) {
            Some(cookie) => {
                let found = self.sessions.find(cookie, arrival.site.authority());
                found.await.map_err(Error::unavailable)
            }
            None => Ok(None),
        }
    }

    /// The active account that an application knows somebody by.
    async fn find_account(
        &self,
        app: &App,
        live: &LiveSession,
    ) -> Result<Option<Arc<Visitor>>, Error> {
        let found =
            self.sessions.find_account(live, &app.directories, &app.name, &app.default_groups);
        let visitor = found.await.map_err(Error::unavailable)?;
        Ok(visitor.filter(|visitor| visitor.account.user.inactive.is_none()))
    }
}

/// Whether a session still is one, for as long as somebody asks.
fn lives(session: Option<&Arc<LiveSession>>) -> impl Fn() -> bool + Send + 'static {
    let session: Option<Weak<LiveSession>> = session.map(Arc::downgrade);
    move || session.as_ref().is_none_or(|session| session.strong_count() > 0)
}

fn unreadable(problem: TargetProblem) -> Error {
    if problem == TargetProblem::TooLong {
        let sentence = "The address is longer than applications take.";
        return Error::new(StatusCode::URI_TOO_LONG, problem.code(), sentence);
    }
    Error::bad_request(problem.code(), problem)
}

fn between_apps() -> Error {
    Error::bad_request("target-between-apps", "two readings are in two applications")
}

fn no_active_account() -> Error {
    let sentence = "You are signed in, but have no active account for this application. Ask your \
                    administrator for one.";
    Error::new(StatusCode::FORBIDDEN, "no-active-account", sentence)
        .with_way_on(login::LOGOUT_PATH.to_owned(), "Sign out")
}

fn not_in_group() -> Error {
    let sentence = "You are signed in, but this address is for a group that you are not in.";
    Error::new(StatusCode::FORBIDDEN, "not-in-group", sentence)
}

fn cross_site() -> Error {
    let sentence = "Another site's page may not use this application in your name.";
    Error::new(StatusCode::FORBIDDEN, "cross-site-request", sentence)
}

fn denied() -> Error {
    let sentence = "This address is closed.";
    Error::new(StatusCode::FORBIDDEN, "denied", sentence)
}
