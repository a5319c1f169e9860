//! The part of an application that keeps sessions of its own, as Atlassian's do: whoever a session was begun
//! for is who it is, whatever the gateway says of later requests.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{RawQuery, State, WebSocketUpgrade, ws::WebSocket},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
    routing::{any, get},
};
use serde::{Deserialize, Serialize};

/// What such an application shows.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Shown {
    /// Its session, and whose it takes it for.
    pub session: String,
    pub owner: String,
    /// Whose the gateway says that the request is.
    pub user: String,
    /// All cookies that it was sent.
    pub cookies: String,
}

#[derive(Clone, Default)]
struct Sessions {
    owners: Arc<Mutex<BTreeMap<String, String>>>,
    number: Arc<AtomicU32>,
}

/// `…/own` shows the session and begins one if there is none; `/logout` ends it.
pub fn routes() -> Router {
    Router::new()
        .route("/own", any(show))
        .route("/own/socket", get(open))
        .route("/public/own", any(show))
        .route("/images/own", any(show))
        .route("/rest/own", any(show))
        .route("/logout", any(end))
        .with_state(Sessions::default())
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let lines = headers.get_all(name).iter();
    let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// The value of a cookie.
pub fn cookie(cookies: &str, name: &str) -> Option<String> {
    let found = cookies.split("; ").find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.map(str::to_owned)
}

impl Sessions {
    /// The session of a request, and what begins one that was not there.
    fn of(&self, headers: &HeaderMap) -> (Shown, Vec<(HeaderName, String)>) {
        let cookies = text(headers, header::COOKIE.as_str());
        let user = text(headers, "x-forwarded-user");
        let mut owners = self.owners.lock().unwrap();
        let known = cookie(&cookies, "JSESSIONID").filter(|id| owners.contains_key(id));
        let mut set = Vec::new();
        let session = known.unwrap_or_else(|| {
            let id = format!("s{}", self.number.fetch_add(1, Ordering::Relaxed));
            owners.insert(id.clone(), user.clone());
            set.push((header::SET_COOKIE, format!("JSESSIONID={id}; Path=/; HttpOnly")));
            id
        });
        let owner = owners[&session].clone();
        (Shown { session, owner, user, cookies }, set)
    }
}

/// It repeats Crowd's cookie for all of its domain, as such applications do.
async fn show(State(sessions): State<Sessions>, headers: HeaderMap) -> Response {
    let (shown, mut set) = sessions.of(&headers);
    if let Some(token) = cookie(&shown.cookies, "crowd.token_key") {
        set.push((
            header::SET_COOKIE,
            format!("crowd.token_key={token}; Path=/; Domain=localhost"),
        ));
    }
    (AppendHeaders(set), Json(shown)).into_response()
}

async fn open(
    State(sessions): State<Sessions>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let (shown, set) = sessions.of(&headers);
    let told = serde_json::to_string(&shown).unwrap();
    let mut response = upgrade.on_upgrade(async |mut socket: WebSocket| {
        let _ = socket.send(told.into()).await;
    });
    for (name, value) in set {
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

/// `?refuse` is somebody without the right token in the form.
async fn end(
    State(sessions): State<Sessions>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if query.as_deref() == Some("refuse") {
        return (StatusCode::FORBIDDEN, "not signed out").into_response();
    }
    if let Some(id) = cookie(&text(&headers, header::COOKIE.as_str()), "JSESSIONID") {
        sessions.owners.lock().unwrap().remove(&id);
    }
    let set = [
        (header::SET_COOKIE, "JSESSIONID=; Path=/; Max-Age=0"),
        (header::SET_COOKIE, "last-board=7; Path=/"),
    ];
    (AppendHeaders(set), "signed out of the application").into_response()
}
