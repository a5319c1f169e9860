//! Applications that are called when something has changed.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use chrono::TimeDelta;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::crowd::world::{PASSWORD, World, plan};
use crate::support::gateway::Plan;

/// Calls that have come, with what they brought, and how the next ones are answered.
#[derive(Clone, Default)]
struct Calls {
    calls: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<StatusCode>>>,
}

struct Ears {
    address: SocketAddr,
    calls: Calls,
    serving: JoinHandle<()>,
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn heard(State(calls): State<Calls>, headers: HeaderMap) -> Response {
    let authorization = headers.get(header::AUTHORIZATION);
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    calls.calls.lock().unwrap().push(authorization.to_owned());
    let status = calls.answers.lock().unwrap().pop().unwrap_or(StatusCode::NO_CONTENT);
    if status.is_redirection() {
        return (status, [(header::LOCATION, "/elsewhere")]).into_response();
    }
    status.into_response()
}

impl Ears {
    async fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Calls::default();
        let routes = Router::new().route("/hook", post(heard)).route("/elsewhere", post(heard));
        let routes = routes.with_state(calls.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, calls, serving }
    }

    fn heard(&self) -> Vec<String> {
        self.calls.calls.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) {
        for _ in 0..600 {
            if self.heard().len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{:?} instead of {count} calls", self.heard());
    }
}

impl World {
    async fn register(&self, url: &str, token: &str) -> String {
        let body =
            format!("<webhook><endpointUrl>{url}</endpointUrl><token>{token}</token></webhook>");
        let headers = [("content-type", "application/xml")];
        let answer = self.ask("jira", "POST", "/webhook", &headers, &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(!answer.body.contains(token), "{answer:?}");
        let document = answer.xml();
        let id = document.root_element().children().find(|child| child.has_tag_name("id")).unwrap();
        id.text().unwrap().to_owned()
    }

    async fn change(&self, arguments: &[&str]) {
        let output = self.gateway.command(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    async fn metric(&self, line: &str) -> bool {
        let url = format!("{}/metrics", self.gateway.plan.internal());
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        text.lines().any(|found| found.starts_with(line))
    }

    async fn wait_for_metric(&self, line: &str) {
        for _ in 0..600 {
            if self.metric(line).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_called_once_for_a_burst_of_changes() {
    for world in World::everywhere().await {
        let ears = Ears::at("127.0.0.1:0").await;
        let url = format!("http://localhost:{}/hook", ears.address.port());
        let id = world.register(&url, "c2VjcmV0").await;
        assert_eq!(world.register(&url, "bmV3").await, id, "the same once more is the same");
        let shown = world.get(&format!("/webhook/{id}")).await;
        assert!(shown.body.contains(&url) && !shown.body.contains("bmV3"), "{shown:?}");
        let others = world.ask("both", "GET", &format!("/webhook/{id}"), &[], "").await;
        assert_eq!(others.failure(), (404, "WEBHOOK_NOT_FOUND".to_owned()));

        for group in ["one", "two", "three"] {
            world.change(&["group", "create", group]).await;
        }
        ears.wait_for(1).await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let heard = ears.heard();
        assert!(heard.len() <= 2, "three changes were {} calls", heard.len());
        assert_eq!(heard[0], "Basic bmV3");

        // What is in a directory that the application does not see is none of its business.
        let before = ears.heard().len();
        world.change(&["user", "deactivate", "zoë"]).await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(ears.heard().len(), before);

        assert_eq!(
            world.ask("jira", "DELETE", &format!("/webhook/{id}"), &[], "").await.status,
            204
        );
        let gone = world.ask("jira", "DELETE", &format!("/webhook/{id}"), &[], "").await;
        assert_eq!(gone.failure(), (404, "WEBHOOK_NOT_FOUND".to_owned()));
        world.change(&["group", "create", "four"]).await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(ears.heard().len(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_answer_well_is_called_again_and_given_up_at_last() {
    let world = World::start(plan(Plan::new())).await;
    let ears = Ears::at("127.0.0.1:0").await;
    // From the last to the first: a redirect leads nowhere.
    *ears.calls.answers.lock().unwrap() =
        vec![StatusCode::INTERNAL_SERVER_ERROR, StatusCode::TEMPORARY_REDIRECT];
    world.register(&format!("http://{}/hook", ears.address), "c2VjcmV0").await;
    world.change(&["group", "create", "one"]).await;
    ears.wait_for(3).await;
    world
        .wait_for_metric("gatehouse_crowd_webhooks_total{application=\"jira\",outcome=\"told\"} 1")
        .await;
    assert!(
        world
            .metric("gatehouse_crowd_webhooks_total{application=\"jira\",outcome=\"failed\"} 2")
            .await
    );

    let url = world.gateway.plan.store_options().url;
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    // An application that was away for a night is called when it is back.
    let for_hours = async |hours: i64| {
        let since = (world.gateway.clock.now() - TimeDelta::hours(hours)).timestamp_micros();
        let fails = "UPDATE crowd_webhooks SET failures = 25, failing_since = $1, next_at = 0";
        sqlx::query(fails).bind(since).execute(&pool).await.unwrap();
    };
    for_hours(23).await;
    ears.calls.answers.lock().unwrap().push(StatusCode::NOT_FOUND);
    world.change(&["group", "create", "two"]).await;
    for _ in 0..200 {
        let count = "SELECT failures FROM crowd_webhooks";
        if sqlx::query_scalar::<_, i64>(count).fetch_one(&pool).await.unwrap() == 26 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for_hours(25).await;
    ears.calls.answers.lock().unwrap().push(StatusCode::NOT_FOUND);
    world.change(&["group", "create", "three"]).await;
    world
        .wait_for_metric(
            "gatehouse_crowd_webhooks_total{application=\"jira\",outcome=\"given_up\"} 1",
        )
        .await;
    let left: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM crowd_webhooks").fetch_one(&pool).await.unwrap();
    assert_eq!(left, 0);
    pool.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_where_the_application_may_not_ask_from() {
    let hash = gatehouse::secrets::sha256(PASSWORD.as_bytes());
    let credential = gatehouse::config::CredentialHash(hash).text();
    let crowd =
        format!("crowd = [{{ credentials = [\"{credential}\"], networks = [\"127.0.0.1/32\"] }}]");
    let world = World::start(plan(Plan::new()).with_app("jira", &crowd)).await;
    let ears = Ears::at("127.0.0.2:0").await;
    world.register(&format!("http://{}/hook", ears.address), "c2VjcmV0").await;
    world.change(&["group", "create", "one"]).await;
    world
        .wait_for_metric(
            "gatehouse_crowd_webhooks_total{application=\"jira\",outcome=\"failed\"} 1",
        )
        .await;
    assert!(ears.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_plain_addresses_are_kept_and_no_token_in_clear() {
    let world = World::start(plan(Plan::new())).await;
    let send = async |body: &str| {
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        world.ask("jira", "POST", "/webhook", &headers, body).await
    };
    for refused in [
        "{}",
        r#"{"endpointUrl":"file:///etc/passwd"}"#,
        r#"{"endpointUrl":"http://user:pw@127.0.0.1/"}"#,
        r#"{"endpointUrl":"http://127.0.0.1/","token":"a\nb"}"#,
    ] {
        assert_eq!(
            send(refused).await.failure(),
            (400, "ILLEGAL_ARGUMENT".to_owned()),
            "{refused}"
        );
    }
    for number in 0..20 {
        let body =
            format!(r#"{{"endpointUrl":"http://127.0.0.1:1/{number}","token":"confidential"}}"#);
        assert!(send(&body).await.json()["id"].is_number());
    }
    let more = send(r#"{"endpointUrl":"http://127.0.0.1:1/more"}"#).await;
    assert_eq!(more.failure(), (400, "ILLEGAL_ARGUMENT".to_owned()));
    let pool = sqlx::SqlitePool::connect(&world.gateway.plan.store_options().url).await.unwrap();
    let sealed: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT sealed FROM crowd_webhooks").fetch_all(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(sealed.len(), 20);
    let shows = |sealed: &Vec<u8>| String::from_utf8_lossy(sealed).contains("confidential");
    assert!(!sealed.iter().any(shows));
}
