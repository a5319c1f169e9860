//! The double, at servers that answer wrongly.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
};
use http_body_util::BodyExt as _;

use super::{CrowdClient, CrowdError, factors};

/// A server with one answer for everything, and what it was asked.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Answers {
    answer: Arc<(u16, Vec<(&'static str, &'static str)>, &'static str)>,
    asked: Arc<Mutex<Vec<String>>>,
}

const CROWD: (&str, &str) = ("X-Embedded-Crowd-Version", "Crowd/5.3.1");
const XML: (&str, &str) = ("Content-Type", "application/xml");
const FRESH: (&str, &str) = ("Cache-Control", "no-store");
const ALICE: &str = "<user name='alice'><active>true</active></user>";

impl Server {
    async fn start(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> Self {
        let asked = Arc::default();
        let answer = Arc::new((status, headers.to_vec(), body));
        let answers = Answers { answer, asked: Arc::clone(&asked) };
        let routes = Router::new().fallback(reply).with_state(answers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/crowd/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, asked }
    }

    fn client(&self) -> CrowdClient {
        CrowdClient::new(&self.url, "jira", "secret")
    }
}

async fn reply(State(answers): State<Answers>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header = |name: &str| {
        parts.headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned()
    };
    let names = ["authorization", "accept", "content-type", "x-atlassian-token"];
    let line = format!("{} {} {}", parts.method, parts.uri, names.map(header).join(" | "));
    let body = String::from_utf8_lossy(&body);
    answers.asked.lock().unwrap().push(format!("{line}\n{body}"));
    let (status, headers, body) = &*answers.answer;
    let mut response = Response::builder().status(*status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body((*body).into()).unwrap()
}

async fn outcome(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
) -> Result<String, CrowdError> {
    let server = Server::start(status, headers, body).await;
    server.client().find_user("alice").await.map(|user| user.name)
}

#[tokio::test]
async fn it_asks_as_the_applications_do() {
    let server = Server::start(200, &[CROWD, XML, FRESH], ALICE).await;
    let client = server.client();
    client.find_user("a b").await.unwrap();
    client.authenticate("alice", "<pw>").await.unwrap();
    client.is_member("alice", "g h", "direct").await.unwrap();
    client.find_session("a b").await.unwrap_err();
    let basic = "Basic amlyYTpzZWNyZXQ=";
    let base = "/crowd/rest/usermanagement/1";
    let asked = server.asked.lock().unwrap().clone();
    assert_eq!(
        asked[0],
        format!(
            "GET {base}/user?username=a+b&expand=attributes {basic} | application/xml | - | no-check\n"
        )
    );
    assert!(asked[1].contains("| application/xml | application/xml; charset=UTF-8 | no-check\n"));
    assert!(asked[1].ends_with("<password><value>&lt;pw&gt;</value></password>"));
    let exists = format!(
        "GET {base}/group/user/direct?groupname=g+h&username=alice {basic} | - | - | no-check\n"
    );
    assert_eq!(asked[2], exists);
    assert!(asked[3].starts_with(&format!("GET {base}/session/a%20b?expand=user ")));
}

#[tokio::test]
async fn an_answer_without_the_version_is_not_crowds() {
    for headers in [&[XML, FRESH][..], &[("X-Embedded-Crowd-Version", "5.3.1"), XML, FRESH]] {
        for status in [200, 401, 404, 503] {
            let refused = outcome(status, headers, ALICE).await;
            assert!(matches!(refused, Err(CrowdError::NotCrowd(_))), "{refused:?}");
        }
    }
    assert_eq!(outcome(200, &[CROWD, XML, FRESH], ALICE).await.unwrap(), "alice");
}

#[tokio::test]
async fn a_status_says_what_becomes_of_it() {
    let basic = ("WWW-Authenticate", "Basic realm=\"Crowd REST Service\"");
    let refused = outcome(401, &[CROWD, basic], "Application failed to authenticate").await;
    assert!(matches!(refused, Err(CrowdError::InvalidAuthentication(_))));
    let refused = outcome(403, &[CROWD, XML], "<error/>").await;
    assert!(matches!(refused, Err(CrowdError::ApplicationPermission(_))));
    let error = "<error><reason>USER_NOT_FOUND</reason><message>no</message></error>";
    let refused = outcome(404, &[CROWD, XML], error).await.unwrap_err();
    assert_eq!(refused.reason(), Some("USER_NOT_FOUND"));
    for (status, headers, body) in [
        (404, &[CROWD][..], ""),
        (500, &[CROWD, XML], "<html/>"),
        (302, &[CROWD, XML], "<error><reason>MOVED</reason></error>"),
    ] {
        let refused = outcome(status, headers, body).await;
        assert!(matches!(refused, Err(CrowdError::OperationFailed(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    for (status, headers, body) in [
        (200, &[CROWD, XML][..], ALICE),
        (200, &[CROWD, FRESH, ("Content-Type", "application/json")], ALICE),
        (200, &[CROWD, FRESH, XML], "<group name='alice'><active>true</active></group>"),
        (200, &[CROWD, FRESH, XML], "{}"),
        (200, &[CROWD, FRESH, XML], ""),
        (401, &[CROWD], "Application failed to authenticate"),
    ] {
        let refused = outcome(status, headers, body).await;
        assert!(matches!(refused, Err(CrowdError::Malformed(_))), "{body}: {refused:?}");
    }
}

#[tokio::test]
async fn only_some_resources_may_be_unknown() {
    let server = Server::start(404, &[CROWD], "").await;
    let client = server.client();
    assert_eq!(client.event_token().await, Err(CrowdError::Unsupported));
    assert_eq!(client.memberships().await, Err(CrowdError::Unsupported));
    assert_eq!(client.notify("alice").await, Err(CrowdError::Unsupported));
    assert_eq!(client.is_member("alice", "g", "direct").await, Ok(false));
    let refused = client.validate("t", &factors("10.0.0.1", None)).await;
    assert!(matches!(refused, Err(CrowdError::OperationFailed(_))));
}

#[tokio::test]
async fn a_long_answer_must_not_break_off() {
    let server = Server::start(200, &[CROWD, XML, FRESH], "<memberships><membership").await;
    assert!(matches!(server.client().memberships().await, Err(CrowdError::Malformed(_))));
    let server = Server::start(200, &[CROWD, XML, FRESH], "<memberships/>").await;
    assert_eq!(server.client().memberships().await, Ok(Vec::new()));
}
