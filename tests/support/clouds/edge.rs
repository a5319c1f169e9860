//! Where HTTP comes in: a request becomes [`Asked`], and the [`Answer`] goes out with what goes wrong.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body as HttpBody,
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Value, json};

use super::{
    Host,
    asked::{Answer, Asked, Body},
    cloud::{Cloud, Seen},
    faults::Trouble,
    google, graph,
    line::Line,
    okta,
    tenant::Vendor,
};

const LARGEST_BODY: usize = 4 << 20;
const SEEN: usize = 100_000;

/// One host of one cloud.
#[derive(Clone)]
pub struct Served {
    pub cloud: Arc<Cloud>,
    pub host: Host,
    pub scheme: &'static str,
}

/// Answers any request of a host.
pub async fn serve(
    State(served): State<Served>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<HttpBody> {
    let uri = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let Some(asked) = read(request, &served, &uri).await else {
        return finish(&served, Answer::text("too large".to_owned()), &[], &line);
    };
    for trouble in &asked.troubles {
        if let Trouble::Delay { ms } = trouble {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
        }
    }
    let (method, troubles) = (asked.method.to_string(), asked.troubles.clone());
    let cloud = served.clone();
    // A search through a million people takes a while.
    let answer = tokio::task::spawn_blocking(move || answer(&cloud, &asked)).await;
    let answer = answer.unwrap_or_else(|error| Answer::new(500, json!(error.to_string())));
    google::channels::greet(&served.cloud);
    let mut seen = served.cloud.seen();
    if seen.len() < SEEN {
        seen.push(Seen { method, uri, status: answer.status });
    }
    drop(seen);
    finish(&served, answer, &troubles, &line)
}

async fn read(request: Request, served: &Served, uri: &str) -> Option<Asked> {
    let (head, body) = request.into_parts();
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let origin = format!("{}://{host}", served.scheme);
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.ok()?;
    let troubles = served.cloud.faults.take(uri);
    let asked = Asked::at(head.method, &origin, uri, served.cloud.now());
    Some(Asked { headers: head.headers, body, troubles, ..asked })
}

fn answer(served: &Served, asked: &Asked) -> Answer {
    let cloud = &served.cloud;
    if let Some(refusal) = refusal(cloud, asked) {
        return refusal;
    }
    match served.host {
        Host::Graph => graph::answer(cloud, asked),
        Host::Login => graph::token::answer(cloud, asked),
        Host::Okta => okta::answer(cloud, asked),
        Host::Google => google::answer(cloud, asked),
        Host::GoogleToken => google::token::answer(cloud, asked),
    }
}

/// What is answered instead, if something goes wrong.
pub fn refusal(cloud: &Cloud, asked: &Asked) -> Option<Answer> {
    asked.troubles.iter().find_map(|trouble| match trouble {
        Trouble::Throttle { retry_after } => Some(throttled(cloud, *retry_after)),
        Trouble::Status { status } => Some(failure(cloud, *status)),
        Trouble::NotAuthorized => Some(google::error::forbidden()),
        Trouble::Gone => Some(graph::delta::gone(asked)),
        Trouble::LostState => Some(graph::delta::lost(asked)),
        Trouble::Html { status } => {
            let page = Answer::text("<!DOCTYPE html><title>Sign in</title>".to_owned());
            Some(Answer { status: *status, ..page.with("content-type", "text/html") })
        }
        Trouble::Nothing => Some(Answer::json(json!({}))),
        Trouble::ExpiredToken => {
            expire(cloud, asked);
            None
        }
        _ => None,
    })
}

fn expire(cloud: &Cloud, asked: &Asked) {
    let token = asked.authorization("Bearer").or_else(|| asked.authorization("DPoP"));
    cloud.tokens.expire(token.unwrap_or_default(), cloud.now());
}

fn throttled(cloud: &Cloud, retry_after: Option<u64>) -> Answer {
    let answer = match cloud.vendor {
        Vendor::Graph => graph::error::throttled(cloud),
        Vendor::Okta => okta::error::throttled(cloud, 0, retry_after.unwrap_or(1)),
        Vendor::Google => google::error::throttled(),
    };
    match retry_after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

fn failure(cloud: &Cloud, status: u16) -> Answer {
    match cloud.vendor {
        Vendor::Graph => graph::error::failure(cloud, status),
        Vendor::Okta => okta::error::failure(status),
        Vendor::Google => google::error::failure(status),
    }
}

/// Writes the answer, whole or not.
fn finish(
    served: &Served,
    answer: Answer,
    troubles: &[Trouble],
    line: &Line,
) -> Response<HttpBody> {
    let (content_type, mut bytes) = match answer.body {
        Body::Json(value) => (content_type(served.cloud.vendor), body(value, troubles)),
        Body::Text(text) => ("text/plain", text.into_bytes()),
        Body::Nothing => ("", Vec::new()),
    };
    if troubles.contains(&Trouble::HalfJson) {
        bytes.truncate(bytes.len() / 2);
    }
    if let Some(harm) = troubles.iter().find_map(|trouble| trouble.harm(bytes.len())) {
        line.arm(harm);
    }
    let mut response = Response::new(HttpBody::from(bytes));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    let content_type =
        if troubles.contains(&Trouble::WrongContentType) { "text/html" } else { content_type };
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let now = served.cloud.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let date = ("date", now);
    for (name, value) in answer.headers.into_iter().chain([date]) {
        let Ok(value) = HeaderValue::from_str(&value) else { continue };
        // Several links are several headers; anything else is said once.
        if name == "link" {
            headers.append(HeaderName::from_static(name), value);
        } else {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn content_type(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Graph => {
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
        }
        Vendor::Okta => "application/json",
        Vendor::Google => "application/json; charset=UTF-8",
    }
}

fn body(mut value: Value, troubles: &[Trouble]) -> Vec<u8> {
    for trouble in troubles {
        let Trouble::Enormous { bytes } = trouble else { continue };
        let first = if value.is_array() { value.get_mut(0) } else { Some(&mut value) };
        if let Some(object) = first.and_then(Value::as_object_mut) {
            object.insert("filler".to_owned(), json!("x".repeat(*bytes)));
        }
    }
    serde_json::to_vec(&value).unwrap_or_default()
}
