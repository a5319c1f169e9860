//! The fake application at a server with two tokens.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{CrowdApp, Settings};
use crate::support::{
    crowd_client::CrowdClient,
    curl::{Answer, Curl},
};

/// A Crowd server whose tokens are the names of users with `token-of-` before them, until they are ended.
#[derive(Clone, Default)]
struct Crowd {
    ended: Arc<Mutex<BTreeSet<String>>>,
    factors: Arc<Mutex<Vec<String>>>,
}

#[derive(Deserialize)]
struct Named {
    username: String,
}

fn answer(status: StatusCode, body: &str) -> Response {
    let mut response = (status, body.to_owned()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, "application/xml".parse().unwrap());
    headers.insert(header::CACHE_CONTROL, "no-store".parse().unwrap());
    headers.insert("X-Embedded-Crowd-Version", "Crowd/5.3.1".parse().unwrap());
    response
}

fn session(crowd: &Crowd, token: &str) -> Response {
    match token.strip_prefix("token-of-") {
        Some(user) if !crowd.ended.lock().unwrap().contains(token) => answer(
            StatusCode::OK,
            &format!(
                "<session><token>{token}</token><user name='{user}'/><expiry-date>2036-01-01T00:00:00Z</expiry-date></session>"
            ),
        ),
        _ => answer(StatusCode::NOT_FOUND, "<error><reason>INVALID_SSO_TOKEN</reason></error>"),
    }
}

async fn begin(State(crowd): State<Crowd>, body: String) -> Response {
    let user = body.split_once("<username>").unwrap().1.split_once('<').unwrap().0.to_owned();
    session(&crowd, &format!("token-of-{user}"))
}

impl Crowd {
    async fn start(&self) -> CrowdClient {
        let routes = Router::new()
            .route(
                "/config/cookie",
                get(async || {
                    let cookie = "<cookie-config><secure>true</secure><name>crowd.token_key</name></cookie-config>";
                    answer(StatusCode::OK, cookie)
                }),
            )
            .route(
                "/session/{token}",
                get(async |State(crowd): State<Self>, Path(token): Path<String>| {
                    session(&crowd, &token)
                })
                .post(
                    async |State(crowd): State<Self>, Path(token): Path<String>, body: String| {
                        crowd.factors.lock().unwrap().push(body);
                        session(&crowd, &token)
                    },
                )
                .delete(async |State(crowd): State<Self>, Path(token): Path<String>| {
                    crowd.ended.lock().unwrap().insert(token);
                    answer(StatusCode::NO_CONTENT, "")
                }),
            )
            .route("/session", post(begin))
            .route(
                "/authentication/notify",
                post(async |Query(named): Query<Named>| {
                    let user = format!("<user name='{}'><active>true</active></user>", named.username);
                    answer(StatusCode::OK, &user)
                }),
            )
            .route(
                "/authentication",
                post(async |Query(named): Query<Named>| {
                    let user = format!("<user name='{}'><active>true</active></user>", named.username);
                    answer(StatusCode::OK, &user)
                }),
            )
            .route(
                "/user/group/direct",
                get(async || answer(StatusCode::OK, "<groups><group name='users'/></groups>")),
            )
            .with_state(self.clone());
        let routes = Router::new().nest("/rest/usermanagement/1", routes);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        CrowdClient::new(&url, "jira", "secret")
    }

    async fn app(&self, change: impl FnOnce(&mut Settings)) -> CrowdApp {
        let mut settings = Settings::new(self.start().await);
        change(&mut settings);
        CrowdApp::start(settings).await
    }
}

/// A browser, which keeps the application's own cookies but not the token: that is the gateway's to say.
struct Visitor {
    browser: Curl,
    url: String,
}

impl Visitor {
    fn of(app: &CrowdApp) -> Self {
        let browser = Curl::new("/dev/null".as_ref());
        Self { browser, url: format!("http://127.0.0.1:{}", app.port) }
    }

    async fn ask(&self, path: &str, token: Option<&str>) -> Answer {
        self.browser.forget_cookie("127.0.0.1", "crowd.token_key");
        if let Some(token) = token {
            self.browser.set_cookie("127.0.0.1", "crowd.token_key", token);
        }
        self.browser.ask(&format!("{}{path}", self.url), &[]).await
    }

    async fn user(&self, token: Option<&str>) -> String {
        self.ask("/", token).await.header("x-ausername").unwrap()
    }
}

const ALICE: Option<&str> = Some("token-of-alice");
const BOB: Option<&str> = Some("token-of-bob");

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_token_is_its_user_and_gets_it_again() {
    let crowd = Crowd::default();
    let app = crowd.app(|_| ()).await;
    let visitor = Visitor::of(&app);
    assert_eq!(visitor.user(None).await, "anonymous");
    let secured = visitor.ask("/secure/x", None).await;
    assert_eq!(secured.header("location").unwrap(), "/login.jsp?os_destination=/secure/x");
    let answer = visitor.ask("/secure/x", ALICE).await;
    assert_eq!((answer.status, answer.header("x-ausername").unwrap().as_str()), (200, "alice"));
    assert!(
        answer.heads.contains("crowd.token_key=token-of-alice; Path=/; Secure"),
        "{}",
        answer.heads
    );
    assert!(app.knows("alice").await, "it was told of her");
    assert_eq!(visitor.user(Some("made-up")).await, "anonymous");
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_interval_nobody_is_asked_unless_the_token_changes() {
    let crowd = Crowd::default();
    let hour = Duration::from_hours(1);
    let app = crowd.app(|settings| settings.validation_interval = hour).await;
    let visitor = Visitor::of(&app);
    for _ in 0..3 {
        assert_eq!(visitor.user(ALICE).await, "alice");
    }
    assert_eq!((app.calls("validate"), app.calls("find"), app.calls("notify")), (1, 1, 1));
    // Another token is another user, at once; none is nobody.
    assert_eq!(visitor.user(BOB).await, "bob");
    assert_eq!(visitor.user(None).await, "anonymous");
    assert_eq!(app.calls("validate"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_interval_an_ended_token_is_worth_nothing() {
    let crowd = Crowd::default();
    let app = crowd.app(|_| ()).await;
    let visitor = Visitor::of(&app);
    assert_eq!(visitor.user(ALICE).await, "alice");
    crowd.ended.lock().unwrap().insert("token-of-alice".to_owned());
    assert_eq!(visitor.user(ALICE).await, "anonymous");
    assert_eq!(app.calls("validate"), 2);
    let factors = crowd.factors.lock().unwrap().clone();
    assert!(factors[0].contains("<name>remote_address</name><value>127.0.0.1</value>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_token() {
    let crowd = Crowd::default();
    let app = crowd.app(|_| ()).await;
    let visitor = Visitor::of(&app);
    assert_eq!(visitor.user(ALICE).await, "alice");
    let answer = visitor.ask("/logout", ALICE).await;
    assert!(answer.heads.contains("crowd.token_key=; Path=/; Max-Age=0"));
    assert!(crowd.ended.lock().unwrap().contains("token-of-alice"));
    assert_eq!(visitor.user(ALICE).await, "anonymous");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_remembered_comes_back_without_a_token() {
    let crowd = Crowd::default();
    let app = crowd.app(|_| ()).await;
    let visitor = Visitor::of(&app);
    let url = format!("{}/login.jsp", visitor.url);
    let form = ["--data", "os_username=alice&os_password=x&os_cookie=true"];
    assert_eq!(visitor.browser.ask(&url, &form).await.status, 302);
    assert_eq!(visitor.user(None).await, "alice");
    assert_eq!((app.calls("remember"), app.calls("authenticate")), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_does_not_tell_knows_only_its_own_copy() {
    let crowd = Crowd::default();
    let app = crowd.app(|settings| settings.notifies = false).await;
    assert_eq!(Visitor::of(&app).user(ALICE).await, "anonymous");
    let app = crowd.app(|settings| settings.users_group = Some("others".to_owned())).await;
    assert_eq!(Visitor::of(&app).user(ALICE).await, "anonymous");
    let app = crowd.app(|settings| settings.users_group = Some("users".to_owned())).await;
    assert_eq!(Visitor::of(&app).user(ALICE).await, "alice");
}
