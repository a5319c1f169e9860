//! What becomes of a request, and why: asked of the very rules and functions that requests meet.

mod verdict_text;
mod views;

use std::{net::IpAddr, sync::Arc, time::Instant};

use axum::{Json, extract::State};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};

use self::verdict_text::{mask, mismatch_text, outcome_of, proxies_answer};
pub use self::views::{AccountView, ReadingView, RequestQuestion, RequestView, RuleView};
use super::{Admin, AdminError, Options, users::find_user};
use crate::{
    directory::DirectoryId,
    http::{Arrival, Error, Origins, Place, Route, Sites, check_request, is_navigation},
    policy::{Asked, Asker, Decided, Readings, Rules, offered_ways},
    proxy::{Forwarding, Upstream},
    session::{Token, Visitor},
    store::{Account, UserDetails},
    telemetry::{TraceId, Tracer},
};

/// What requests meet.
#[derive(Debug)]
pub struct Requests {
    /// The hosts.
    pub sites: Arc<Sites>,
    /// The applications, in the order of the configuration.
    pub apps: Vec<AskedApp>,
    /// How people can sign in.
    pub ways: Vec<String>,
    /// One that is offered only where a rule asks for it.
    pub hidden_way: Option<&'static str>,
    /// Whether proxies may ask about requests that they pass on by themselves.
    pub forward_auth: bool,
}

/// An application, as far as it can be asked about.
#[derive(Debug)]
pub struct AskedApp {
    /// What is decided for which request.
    pub rules: Arc<Rules>,
    /// What it is told.
    pub upstream: Arc<Upstream>,
    /// Whose users it sees, in order.
    pub directories: Arc<[DirectoryId]>,
    /// Whose pages may change things there.
    pub origins: Origins,
}

/// `POST /requests/explain`
pub(super) async fn explain_request(
    State(admin): State<Admin>,
    Json(question): Json<RequestQuestion>,
) -> Result<Json<RequestView>, AdminError> {
    let request = question.request()?;
    let user = match &question.user {
        Some(name) => {
            let directory = question.directory.clone();
            let options = Options { directory, ..Options::for_upkeep() };
            Some(find_user(&admin, name, &options).await?)
        }
        None => None,
    };
    let (app, place) = match admin.requests.find(&request) {
        Ok(found) => found,
        Err(view) => return Ok(Json(admin.requests.tell_of_proxies(*view, false))),
    };
    let account = match &user {
        Some(user) => admin.find_active(app, user).await?,
        None => None,
    };
    let known = Known { has_user: user.is_some(), account: account.as_ref(), question: &question };
    Ok(Json(admin.requests.judge(&request, app, place, &known)))
}

impl RequestQuestion {
    /// The request, as it would come over HTTP/1.1.
    fn request(&self) -> Result<Request<()>, AdminError> {
        let bad = |what: &str| AdminError::BadRequest(format!("{what} cannot be sent"));
        let uri: Uri = self.url.parse().map_err(|_| bad(&self.url))?;
        let authority = uri.authority().ok_or_else(|| bad(&self.url))?;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut request = Request::builder().method(self.method.as_str()).uri(target);
        request = request.header(header::HOST, authority.as_str());
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().map_err(|_| bad(name))?;
            let value: HeaderValue = value.parse().map_err(|_| bad(value))?;
            request = request.header(name, value);
        }
        request.body(()).map_err(|_| bad(&self.method))
    }
}

impl Admin {
    /// The active account that an application knows somebody by.
    async fn find_active(
        &self,
        app: &AskedApp,
        user: &UserDetails,
    ) -> Result<Option<Account>, AdminError> {
        let found = self.store.find_account(&app.directories, user.user.person).await?;
        Ok(found.filter(|account| account.user.inactive.is_none()))
    }
}

/// What is known of whoever asks.
struct Known<'a> {
    has_user: bool,
    account: Option<&'a Account>,
    question: &'a RequestQuestion,
}

impl Requests {
    /// The application of a request, or why there is none.
    fn find(&self, request: &Request<()>) -> Result<(&AskedApp, &Place), Box<RequestView>> {
        let ends = |outcome: &str, because: String| {
            let outcome = outcome.to_owned();
            Box::new(RequestView { outcome, because, ..RequestView::default() })
        };
        let refuse = |error: &Error| ends("refuse", format!("refused as {}", error.code()));
        let authority = check_request(request).map_err(|error| refuse(&error))?;
        let Some(site) = self.sites.find(authority) else {
            return Err(ends("refuse", format!("host-unknown: no url is at {authority}")));
        };
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let readings = Readings::of(target);
        let readings =
            readings.map_err(|problem| ends("refuse", format!("{}: {problem}", problem.code())))?;
        match self.sites.route(site, &readings) {
            Route::App(index, place) => Ok((&self.apps[index], place)),
            Route::Own => Err(ends("own", "the gateway answers itself".to_owned())),
            Route::Nobody => Err(ends("own", "no application is at this path".to_owned())),
            Route::Between => {
                let because = "target-between-apps: two readings are in two applications";
                Err(ends("refuse", because.to_owned()))
            }
        }
    }

    /// What becomes of a request of an application, by the functions that requests meet.
    fn judge(
        &self,
        request: &Request<()>,
        app: &AskedApp,
        place: &Place,
        known: &Known<'_>,
    ) -> RequestView {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let mut view = RequestView { app: Some(place.name.clone()), ..RequestView::default() };
        // It was read already, to find the application.
        let Ok(readings) = Readings::of(target) else {
            return view;
        };
        let client = known.question.from;
        let (method, headers) = (request.method(), request.headers());
        let asked = Asked { method, readings: &readings, client, headers };
        let decided = app.rules.decide(&asked);
        view.describe(&decided, app, &asked);

        let ways: Vec<_> = self.ways.iter().map(String::as_str).collect();
        let ways = offered_ways(decided.sign_in_with(), &ways, self.hidden_way);
        let signed_in_with = known.signed_in_with(&ways);
        let account = known.account.filter(|_| decided.needs_session());
        let verdict = decided.judge(known.user(signed_in_with));
        let with_session = known.has_user && decided.needs_session();
        let foreign = with_session && !app.origins.admit(method, headers);
        let page = is_navigation(method, headers);
        (view.outcome, view.because) = outcome_of(verdict, &decided, page, foreign);
        match view.outcome.as_str() {
            "login" => view.sign_in_with = ways.iter().map(ToString::to_string).collect(),
            "forward" => {
                let visitor = account.cloned().map(Visitor::supposed);
                let arrival = supposed_arrival(client, place);
                let visitor = visitor.as_ref();
                let token = Some(&Token::supposed());
                let forwarding =
                    Forwarding { place, arrival: &arrival, visitor, token, withheld: None };
                let sent = app.upstream.headers(headers, &forwarding);
                view.headers = sent.iter().map(|(name, value)| mask(name, value)).collect();
            }
            _ => {}
        }
        view.account = known.has_user.then(|| known.view(signed_in_with));
        self.tell_of_proxies(view, page)
    }

    /// Adds what proxies are answered that ask about the request, if any may.
    fn tell_of_proxies(&self, view: RequestView, page: bool) -> RequestView {
        let answer = self.forward_auth.then(|| proxies_answer(&view.outcome, page).to_owned());
        RequestView { forward_auth: answer, ..view }
    }
}

/// A request that has not come.
fn supposed_arrival(client: IpAddr, place: &Place) -> Arrival {
    Arrival {
        trace: TraceId::random(),
        context: Tracer::default().begin(&HeaderMap::new(), false),
        started: Instant::now(),
        client,
        site: place.site.clone(),
    }
}

impl<'a> Known<'a> {
    /// How somebody is taken to have signed in: as was said, or in a way that is good enough.
    fn signed_in_with(&self, ways: &[&'a str]) -> &'a str {
        let said = self.question.signed_in_with.as_deref();
        said.or(ways.first().copied()).unwrap_or_default()
    }

    fn user(&self, signed_in_with: &'a str) -> Asker<'a> {
        if !self.has_user {
            return Asker::Nobody;
        }
        let groups = self.account.map(|account| account.groups.as_slice());
        Asker::User { signed_in_with, groups }
    }

    fn view(&self, signed_in_with: &str) -> AccountView {
        AccountView {
            username: self.account.map(|account| account.user.profile.username.clone()),
            groups: self.account.map(|account| account.groups.clone()).unwrap_or_default(),
            signed_in_with: signed_in_with.to_owned(),
        }
    }
}

impl RequestView {
    /// What was decided, and by which rules.
    fn describe(&mut self, decided: &Decided<'_>, app: &AskedApp, asked: &Asked<'_>) {
        self.decision = Some(decided.decision.as_str().to_owned());
        self.rule = Some(app.rules.name(decided.rule));
        self.groups = decided.groups().map(|set| set.map(str::to_owned).collect()).collect();
        for path in asked.readings.iter() {
            let mut rules = Vec::new();
            app.rules.look(asked, path, |look| {
                rules.push(RuleView {
                    rule: app.rules.name(look.rule),
                    decision: look.decision.as_str().to_owned(),
                    mismatch: look.mismatch.map(|mismatch| mismatch_text(mismatch).to_owned()),
                });
            });
            self.readings.push(ReadingView { path: path.to_owned(), rules });
        }
    }
}
