//! An application of Atlassian's, as far as it lets people in: Seraph with Crowd's single sign-on authenticator, on a
//! port of its own. Everything else of it is a page that says who somebody is.

mod seraph;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{ConnectInfo, Form, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use serde::Deserialize;
use tokio::{net::TcpListener, task::JoinHandle};

use self::seraph::{Seen, Seraph};
use super::crowd_client::{CachedDirectory, CrowdClient};

/// The Crowd server, as `crowd.properties` names it, and what an administrator can choose.
#[derive(Clone)]
pub struct Settings {
    /// `crowd.base.url`, `application.name` and `application.password`.
    pub crowd: CrowdClient,
    /// `session.validationinterval`, which is in minutes there.
    pub validation_interval: Duration,
    /// `cookie.tokenkey`. Default: what the server says.
    pub token_key: Option<String>,
    /// Whether the application tells of logins; old ones do not, and know people only by synchronisation.
    pub notifies: bool,
    /// Who may sign in to it: everybody in this group. Default: everybody.
    pub users_group: Option<String>,
}

impl Settings {
    /// What most administrators choose.
    pub fn new(crowd: CrowdClient) -> Self {
        Self {
            crowd,
            validation_interval: Duration::ZERO,
            token_key: None,
            notifies: true,
            users_group: None,
        }
    }
}

/// An application that runs until this is dropped.
pub struct CrowdApp {
    pub port: u16,
    app: Arc<App>,
    serving: JoinHandle<()>,
}

struct App {
    settings: Settings,
    sessions: Mutex<BTreeMap<String, HttpSession>>,
    directory: tokio::sync::Mutex<CachedDirectory>,
    /// Who was told of lately.
    notified: Mutex<BTreeMap<String, Instant>>,
    remembered: Mutex<BTreeMap<String, String>>,
    next: Mutex<u64>,
    calls: Mutex<BTreeMap<&'static str, usize>>,
}

/// What the container keeps for a browser.
#[derive(Clone, Default)]
struct HttpSession {
    user: Option<String>,
    token: Option<String>,
    validated: Option<Instant>,
}

impl CrowdApp {
    pub async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Arc::new(App {
            settings,
            sessions: Mutex::default(),
            directory: tokio::sync::Mutex::default(),
            notified: Mutex::default(),
            remembered: Mutex::default(),
            next: Mutex::default(),
            calls: Mutex::default(),
        });
        let routes = Router::new()
            .route("/status", get(async || "{\"state\":\"RUNNING\"}"))
            .route("/login.jsp", get(async || "<form>").post(sign_in))
            .route("/logout", get(sign_out))
            .fallback(any(show))
            .with_state(Arc::clone(&app))
            .into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { port, app, serving }
    }

    /// The scheduled synchronisation.
    pub async fn synchronise(&self) {
        let mut directory = self.app.directory.lock().await;
        directory.synchronise(&self.app.settings.crowd).await.unwrap();
    }

    /// Whether its own copy of the directory has somebody.
    pub async fn knows(&self, user: &str) -> bool {
        self.app.directory.lock().await.users.contains_key(user)
    }

    /// How often it has called for something: `validate`, `notify` and so on.
    pub fn calls(&self, what: &str) -> usize {
        self.app.calls.lock().unwrap().get(what).copied().unwrap_or_default()
    }
}

impl Drop for CrowdApp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl App {
    /// A number that nobody had.
    fn next(&self) -> u64 {
        let mut next = self.next.lock().unwrap();
        *next += 1;
        *next
    }

    fn count(&self, what: &'static str) {
        *self.calls.lock().unwrap().entry(what).or_default() += 1;
    }

    /// The browser's session, a new one if it has none.
    fn session(&self, headers: &HeaderMap) -> (String, HttpSession) {
        let known = cookie(headers, "JSESSIONID");
        let sessions = self.sessions.lock().unwrap();
        match known.and_then(|id| sessions.get(&id).map(|session| (id, session.clone()))) {
            Some(known) => known,
            None => (format!("{:032X}", self.next()), HttpSession::default()),
        }
    }

    fn keep(&self, id: &str, session: HttpSession) {
        self.sessions.lock().unwrap().insert(id.to_owned(), session);
    }
}

/// The value of a cookie; of several, the first, as Tomcat does.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value.trim_matches('"').to_owned())
}

/// Any page: those below `/secure` are for people who are signed in.
async fn show(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let headers = request.headers();
    let (id, session) = app.session(headers);
    let mut seraph = Seraph::new(&app, headers, peer.ip(), session);
    let seen = match seraph.see().await {
        Ok(seen) => seen,
        // It shows the page to nobody, and says why in its log.
        Err(error) => Seen { reason: "AUTHENTICATION_DENIED", problem: Some(error), user: None },
    };
    let path = request.uri().path();
    let (session, cookies) = (seraph.session, seraph.cookies);
    app.keep(&id, session);
    let mut response = match &seen.user {
        None if path.starts_with("/secure") => {
            let place = format!("/login.jsp?os_destination={path}");
            (StatusCode::FOUND, [(header::LOCATION, place)]).into_response()
        }
        user => format!("you are {}", user.as_deref().unwrap_or("anonymous")).into_response(),
    };
    if let Some(problem) = seen.problem {
        eprintln!("crowd app: {problem}");
    }
    let name = seen.user.as_deref().unwrap_or("anonymous");
    let headers = response.headers_mut();
    headers.insert("X-AUSERNAME", HeaderValue::from_str(name).unwrap());
    headers.insert("X-Seraph-LoginReason", HeaderValue::from_static(seen.reason));
    let own = format!("JSESSIONID={id}; Path=/; HttpOnly");
    for cookie in [own].into_iter().chain(cookies) {
        headers.append(header::SET_COOKIE, HeaderValue::from_str(&cookie).unwrap());
    }
    response
}

/// What the application's own form has.
#[derive(Deserialize)]
struct Login {
    os_username: String,
    os_password: String,
    os_cookie: Option<String>,
}

async fn sign_in(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Response {
    let (id, session) = app.session(&headers);
    let mut seraph = Seraph::new(&app, &headers, peer.ip(), session);
    let done = seraph.sign_in(&login.os_username, &login.os_password).await;
    let (session, mut cookies) = (seraph.session, seraph.cookies);
    app.keep(&id, session);
    if login.os_cookie.is_some() && done.is_ok() {
        let value = format!("remember{}", app.next());
        cookies.push(format!("seraph.rememberme.cookie={value}; Path=/"));
        app.remembered.lock().unwrap().insert(value, login.os_username);
    }
    cookies.push(format!("JSESSIONID={id}; Path=/; HttpOnly"));
    let mut response = match done {
        Ok(()) => (StatusCode::FOUND, [(header::LOCATION, "/")]).into_response(),
        Err(error) => (StatusCode::OK, error).into_response(),
    };
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_str(&cookie).unwrap());
    }
    response
}

async fn sign_out(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let (id, session) = app.session(&headers);
    let mut seraph = Seraph::new(&app, &headers, peer.ip(), session);
    if let Err(error) = seraph.sign_out().await {
        eprintln!("crowd app: {error}");
    }
    app.sessions.lock().unwrap().remove(&id);
    let mut response = (StatusCode::FOUND, [(header::LOCATION, "/")]).into_response();
    for cookie in seraph.cookies {
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_str(&cookie).unwrap());
    }
    response
}

#[cfg(test)]
mod tests;
