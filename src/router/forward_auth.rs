//! Forward-auth: a proxy that passes requests on by itself asks of each whether it may, and what the application is to
//! be told.
//!
//! What becomes of the request is decided as if it had come here ([`Router::judge`]); only what is done then differs. The
//! proxy sees no more of it than a status and headers, and we see neither the request's body nor the application's answer.
//! What needs one of those is the gateway's to do as the proxy that it is: a proxy that [hands over](Product::hands_over)
//! passes such a request to it, and the others get the nearest that is safe.

use std::{net::IpAddr, sync::Arc, time::Instant};

use http::{HeaderMap, Method, Request, StatusCode, header, request::Parts};
use ipnet::IpNet;

use super::{
    Destination, Router, between_apps, binding::Binding, cross_site, judging::Judged,
    record::Record, unreadable,
};
use crate::{
    http::{
        AUTHORIZE_PATH, Arrival, Body, Error, Original, Question, Response, Route, TrustedProxies,
        is_navigation, see_other, wants_html,
    },
    login,
    policy::{Readings, Verdict},
    proxy::Forwarding,
    telemetry::TraceId,
};

/// Answers proxies that ask.
#[derive(Debug)]
pub struct ForwardAuth {
    router: Arc<Router>,
    /// Who may ask.
    peers: TrustedProxies,
    /// Who is believed to say whose a request is: they, and who stands before them.
    fronts: TrustedProxies,
}

impl ForwardAuth {
    /// For these peers; `proxies` are those that stand before the gateway, and may stand before them.
    #[must_use]
    pub fn new(router: Arc<Router>, peers: &[IpNet], proxies: &[IpNet]) -> Self {
        let fronts = TrustedProxies::new([peers, proxies].concat());
        Self { router, peers: TrustedProxies::new(peers.to_vec()), fronts }
    }

    /// Whether a path is one to ask at.
    #[must_use]
    pub fn has(path: &str) -> bool {
        path.starts_with(AUTHORIZE_PATH)
    }

    /// Answers a question.
    pub async fn respond(&self, request: Request<Body>, peer: IpAddr) -> Response {
        let asked = request.map(drop);
        let html = wants_html(asked.headers());
        let mut record = Record::of(&asked);
        let mut arrival = self.arrival(asked.headers(), peer);
        let address = asked.uri().path_and_query().map_or("", |address| address.as_str());
        let question = Question::at(address).filter(|_| self.peers.has(peer));
        let answered = match &question {
            Some(question) => self.answer(question, &asked, &mut arrival, &mut record).await,
            None => Err(not_for_you(peer)),
        };
        let mut response = self.router.finish(answered, &arrival, record, html);
        if let Some(question) = &question {
            *response.status_mut() = question.product.status(response.status());
        }
        response
    }

    fn arrival(&self, headers: &HeaderMap, peer: IpAddr) -> Arrival {
        let router = &self.router;
        Arrival {
            trace: TraceId::random(),
            context: router.tracer.begin(headers, self.peers.has(peer)),
            started: Instant::now(),
            client: self.fronts.client(peer, headers),
            site: router.sites.login().clone(),
        }
    }

    async fn answer(
        &self,
        question: &Question<'_>,
        asked: &Request<()>,
        arrival: &mut Arrival,
        record: &mut Record,
    ) -> Result<Response, Error> {
        let original = Original::read(question, asked)?;
        *record = Record::of(&original.request);
        // Who speaks TLS instead of us is who asks.
        arrival.site = self.router.find_site(&original.request, true)?;
        if original.secure.is_some_and(|secure| secure != arrival.site.is_secure()) {
            let cause = "the browser has come with another scheme than the application's url has";
            return Err(Error::bad_request("scheme", cause));
        }
        let (original, ()) = original.request.into_parts();
        self.router.authorize(&original, question, arrival, record).await
    }
}

impl Router {
    /// Says of a request that somebody else holds whether they may pass it on.
    async fn authorize(
        &self,
        asked: &Parts,
        question: &Question<'_>,
        arrival: &Arrival,
        record: &mut Record,
    ) -> Result<Response, Error> {
        let target = asked.uri.path_and_query().map_or("/", |target| target.as_str());
        let readings = Readings::of(target).map_err(unreadable)?;
        let (index, place) = match self.sites.route(&arrival.site, &readings) {
            Route::App(index, place) => (index, place),
            Route::Own => return Err(own_address()),
            Route::Between => return Err(between_apps()),
            Route::Nobody => return Err(Error::not_found()),
        };
        let app = &self.apps[index];
        record.app = Some(app.name.clone());
        if let Some(expected) = question.app.filter(|expected| *expected != &*app.name) {
            return Err(another_app(expected, &app.name));
        }
        if let Some(name) = app.upstream.find_look_alike(&asked.headers) {
            return Err(Error::bad_request("header-look-alike", format_args!("header {name:?}")));
        }
        if login::is_kept_form(target) {
            return Err(form_elsewhere());
        }
        let to = Destination { app, place, target, readings: &readings };
        let judged = self.judge(asked, arrival, &to, record).await?;
        match judged.verdict {
            Verdict::Forward => self.grant(asked, question, arrival, &to, &judged, record).await,
            // A form could be one that is kept, but its body is not here.
            Verdict::SignIn
                if !is_navigation(&asked.method, &asked.headers)
                    && !judged.decided.asks_for_credentials =>
            {
                Err(self.login.refuse_without_session(place))
            }
            verdict => {
                let request = Request::from_parts(asked.clone(), Body::empty());
                self.turn_away(verdict, &judged.decided, request, arrival, &to, record).await
            }
        }
    }

    /// What is still to be seen to of a request that may be passed on.
    async fn grant(
        &self,
        asked: &Parts,
        question: &Question<'_>,
        arrival: &Arrival,
        to: &Destination<'_>,
        judged: &Judged<'_>,
        record: &mut Record,
    ) -> Result<Response, Error> {
        if judged.is_cross_site {
            return Err(cross_site());
        }
        if let Some(page) = self.ask_to_wait(asked, arrival, to, judged).await {
            record.decision = "wait";
            return Ok(page);
        }
        if judged.session.is_some() && to.is_sign_out(&asked.method, &asked.headers) {
            return self.sign_out(asked, question, arrival, to).await;
        }
        let whose = judged.whose();
        let binding = self.bind(to.app, &asked.headers, &whose).await;
        let can_come_again = matches!(asked.method, Method::GET | Method::HEAD);
        if matches!(binding, Binding::Replace(_))
            && (can_come_again || question.product.hands_over())
        {
            return Ok(come_again(binding, arrival, to));
        }
        let token = self.find_token(to, &whose).await?;
        let forwarding = Forwarding {
            place: to.place,
            arrival,
            visitor: whose.visitor,
            token: token.as_ref(),
            withheld: binding.withholds().then_some(&to.app.cookies),
        };
        let told = to.app.upstream.told(asked, &forwarding)?;
        record.decision = "authorize";
        Ok(may_pass(told, binding))
    }

    /// Somebody signs out of the application, and so of the gateway. Whether the application lets them go is not seen here:
    /// it is not asked, and loses their cookies.
    async fn sign_out(
        &self,
        asked: &Parts,
        question: &Question<'_>,
        arrival: &Arrival,
        to: &Destination<'_>,
    ) -> Result<Response, Error> {
        let refused = self.login.refuse_without_session(to.place);
        if question.product.hands_over() {
            return Err(refused);
        }
        let refused = axum::response::IntoResponse::into_response(refused);
        self.login.follow_out(arrival, &asked.headers, refused).await
    }
}

/// Has a browser come once more, without the application's cookies that are somebody else's: it would lose those only with
/// the application's answer, which others give.
fn come_again(binding: Binding, arrival: &Arrival, to: &Destination<'_>) -> Response {
    let mut response = see_other(&format!("{}{}", arrival.site.origin(), to.target));
    binding.finish(&to.app.cookies, response.headers_mut());
    response
}

/// 200, with what has to be set in the request, and at most one cookie for the browser: some proxies pass on one only, so
/// it must not be one of several that belong together.
fn may_pass(told: HeaderMap, binding: Binding) -> Response {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = told;
    if let Binding::Mark(marker) = binding {
        response.headers_mut().insert(header::SET_COOKIE, marker);
    }
    response
}

fn not_for_you(peer: IpAddr) -> Error {
    let sentence = "This address is for the proxies of the configuration.";
    Error::new(StatusCode::FORBIDDEN, "not-a-peer", sentence)
        .caused_by(format_args!("{peer} is none, or the address is none of a product's"))
}

fn own_address() -> Error {
    let sentence = "This address is the sign-on gateway's own.";
    Error::new(StatusCode::FORBIDDEN, "own-address", sentence)
        .caused_by("what is below /_gatehouse/ has to be passed to the gateway, unasked")
}

fn another_app(expected: &str, found: &str) -> Error {
    let sentence = "This address belongs to another application.";
    Error::new(StatusCode::MISDIRECTED_REQUEST, "another-app", sentence)
        .caused_by(format_args!("asked for {expected:?}, and it is {found:?}"))
}

fn form_elsewhere() -> Error {
    let sentence =
        "What you sent waits at the sign-on gateway, and this address does not lead there.";
    Error::new(StatusCode::FORBIDDEN, "form-elsewhere", sentence)
}
