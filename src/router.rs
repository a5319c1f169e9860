//! A request's way through the house, and every address of the gateway's own.

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
    time::Instant,
};

use axum::{Router as Routes, extract::DefaultBodyLimit, routing::get};
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;

use crate::{
    directory::DirectoryId,
    http::{
        Arrival, Body, Error, Origins, Pages, Place, Response, STYLE_PATH, Site, Sites,
        TrustedProxies, check_request, find_cookie, is_navigation, read_away, see_other, style,
        wants_html,
    },
    login::{self, Login, Resumed, Settled},
    policy::{Asked, Decision, Readings, Rules, TargetProblem},
    proxy::{Forwarding, Upstream},
    session::{LiveSession, Sessions},
    store::Account,
    telemetry::{Metrics, RequestLabels, TraceId},
};

/// What the gateway keeps for itself on every site.
const OWN_PREFIX: &str = "/_gatehouse";

/// A response with its certificates, signatures and 150 groups has 50 KiB.
const MAX_FORM_BYTES: usize = 4 * 1024 * 1024;

/// An application, as requests see it.
#[derive(Debug)]
pub struct App {
    /// What the configuration calls it.
    pub name: String,
    /// What everybody gets at their first visit.
    pub default_groups: Vec<String>,
    /// What is decided for which request.
    pub rules: Rules,
    /// Where requests go.
    pub upstream: Upstream,
    /// Whose users it sees, in order.
    pub directories: Arc<[DirectoryId]>,
    /// Whose pages may change things there.
    pub origins: Origins,
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
}

/// Every address of the gateway's own, on one screen.
pub fn own_routes(login: Arc<Login>) -> Routes {
    Routes::new()
        // On the login host.
        .route(login::HOME_PATH, get(login::show_home))
        .route(login::LOGIN_PATH, get(login::show_sign_in))
        .route(login::SAML_START_PATH, get(login::start_saml))
        .route(login::ACS_PATH, get(login::show_used_answer).post(login::consume_assertion))
        .route(login::METADATA_PATH, get(login::show_metadata))
        .route(login::LOGGED_OUT_PATH, get(login::show_logged_out))
        // On the hosts of applications.
        .route(login::HANDOVER_PATH, get(login::take_over))
        // On all of them.
        .route(login::LOGOUT_PATH, get(login::confirm_logout).post(login::log_out))
        .route(STYLE_PATH, get(async || style()))
        .fallback(async || Error::not_found())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .with_state(login)
}

/// What became of a request, for the log and the metrics.
struct Outcome {
    response: Response,
    decision: &'static str,
    app: String,
}

impl Router {
    /// Answers a request.
    pub async fn respond(&self, request: Request<Incoming>, peer: IpAddr) -> Response {
        let started = Instant::now();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let html = wants_html(request.headers());
        let mut arrival = Arrival {
            trace: TraceId::random(),
            client: self.trusted.client(peer, request.headers()),
            site: self.sites.login().clone(),
        };
        let outcome = match self.find_site(&request, peer) {
            Ok(site) => {
                arrival.site = site;
                self.lead(request.map(Body::new), &arrival).await
            }
            Err(error) => Err((error, String::new())),
        };
        let Outcome { response, decision, app } = outcome.unwrap_or_else(|(error, app)| {
            let response = axum::response::IntoResponse::into_response(error);
            Outcome { response, decision: "refuse", app }
        });
        let response = if decision == "forward" {
            response
        } else {
            self.pages.finish(response, &arrival, html)
        };

        let status = response.status();
        self.count(&app, decision, status, started);
        tracing::info!(
            target: "gatehouse::access",
            trace = %arrival.trace, client = %arrival.client, host = arrival.site.authority(),
            method = %method, path, app, decision, status = status.as_u16(),
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        );
        response
    }

    /// The site that a request is for, if it is one that may be looked at.
    fn find_site(&self, request: &Request<Incoming>, peer: IpAddr) -> Result<Arc<Site>, Error> {
        let authority = check_request(request)?;
        if self.proxied_only && !self.trusted.has(peer) && !peer.to_canonical().is_loopback() {
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
    ) -> Result<Outcome, (Error, String)> {
        let nobody = |error: Error| (error, String::new());
        let uri = request.uri().clone();
        let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let readings = Readings::of(target).map_err(|problem| nobody(unreadable(problem)))?;

        if readings.iter().any(is_own) {
            let response = self.respond_ourselves(request, arrival).await;
            return Ok(Outcome { response, decision: "own", app: String::new() });
        }
        let Some((index, place)) = self.find_place(arrival, &readings).map_err(nobody)? else {
            let start = arrival.site.authority() == self.sites.login().authority() && target == "/";
            if !start {
                return Err(nobody(Error::not_found()));
            }
            let response = see_other(login::HOME_PATH);
            return Ok(Outcome { response, decision: "own", app: String::new() });
        };
        let app = place.name.clone();
        let request = match self.login.resume_form(request, arrival, place, target).await {
            Ok(Resumed::No(request)) => request,
            // All of it is asked of the form as well: the rules may say otherwise for it.
            Ok(Resumed::Form(form)) => return Box::pin(self.lead(form, arrival)).await,
            Ok(Resumed::Answer(response)) => {
                return Ok(Outcome { response, decision: "login", app });
            }
            Err(error) => return Err((error, app)),
        };
        match self.decide(request, arrival, index, place, target, &readings).await {
            Ok((response, decision)) => Ok(Outcome { response, decision, app }),
            Err(error) => Err((error, app)),
        }
    }

    /// The application of a path; of none if two readings are in different ones.
    fn find_place(
        &self,
        arrival: &Arrival,
        readings: &Readings<'_>,
    ) -> Result<Option<(usize, &Place)>, Error> {
        let mut places = readings.iter().map(|path| self.sites.find_place(&arrival.site, path));
        let first = places.next().flatten();
        if places.all(|place| place.map(|(index, _)| index) == first.map(|(index, _)| index)) {
            return Ok(first);
        }
        Err(Error::bad_request("target-between-apps", "two readings are in two applications"))
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
        index: usize,
        place: &Place,
        target: &str,
        readings: &Readings<'_>,
    ) -> Result<(Response, &'static str), Error> {
        let app = &self.apps[index];
        let decided = app.rules.decide(&Asked {
            method: request.method(),
            readings,
            client: arrival.client,
            headers: request.headers(),
        });
        let decision = decided.decision;
        let session = match decision {
            Decision::Deny => return Err(denied()),
            Decision::Pass => None,
            Decision::Optional | Decision::Login => {
                self.find_session(request.headers(), arrival).await?
            }
        };
        let account = match &session {
            Some(live) => self.find_account(app, live, decision).await?,
            None => None,
        };
        if decision == Decision::Login && account.is_none() {
            if is_navigation(request.method(), request.headers()) {
                return Ok((self.login.begin(arrival, request.headers(), place, target), "login"));
            }
            let kept = self.login.keep_form(request, arrival, place, target).await?;
            return Ok((kept, "login"));
        }
        if account.as_ref().is_some_and(|account| !decided.admits(&account.groups)) {
            return Err(not_in_group());
        }
        let settled = request.extensions().get::<Settled>().is_some();
        let admitted = settled || app.origins.admit(request.method(), request.headers());
        if session.is_some() && !admitted {
            read_away(request.into_body()).await;
            return Err(cross_site());
        }
        let forwarding = Forwarding { place, client: arrival.client, account: account.as_deref() };
        let goes_on = lives(session.as_ref());
        let response = app.upstream.forward(request, &forwarding, goes_on).await?;
        Ok((response, "forward"))
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

    /// The account that an application knows somebody by. Without an active one nobody is let in.
    async fn find_account(
        &self,
        app: &App,
        live: &LiveSession,
        decision: Decision,
    ) -> Result<Option<Arc<Account>>, Error> {
        let found =
            self.sessions.find_account(live, &app.directories, &app.name, &app.default_groups);
        let account = found.await.map_err(Error::unavailable)?;
        let active = account.filter(|account| account.user.inactive.is_none());
        if active.is_none() && decision == Decision::Login {
            let sentence = "You are signed in, but have no active account for this application. Ask your \
                            administrator for one.";
            return Err(Error::new(StatusCode::FORBIDDEN, "no-active-account", sentence)
                .with_way_on(login::LOGOUT_PATH.to_owned(), "Sign out"));
        }
        Ok(active)
    }

    fn count(&self, app: &str, decision: &'static str, status: StatusCode, started: Instant) {
        let class = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let status = class.get(usize::from(status.as_u16() / 100) - 1).copied().unwrap_or("?");
        let labels = RequestLabels { app: app.to_owned(), decision, status };
        self.metrics.requests.get_or_create(&labels).inc();
        self.metrics.request_seconds.observe(started.elapsed().as_secs_f64());
    }
}

/// Whether a path is the gateway's own, for anybody who reads it.
fn is_own(path: &str) -> bool {
    let start = path.get(..OWN_PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX))
        && matches!(path.as_bytes().get(OWN_PREFIX.len()), None | Some(b'/'))
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
