//! Push notifications: `admin/directory/v1/guides/push`, `reference/rest/v1/users/watch`, `…/channels/stop`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::{error, users};
use crate::support::clouds::{
    asked::{Answer, Asked, Body, Outcome},
    cloud::Cloud,
    hooks::{Listener, Message},
    ids::Sort,
    jose::hash,
    tenant::{Event, Of, Vendor, What},
};

const EVENTS: [&str; 5] = ["add", "delete", "makeAdmin", "undelete", "update"];

/// Two days at most, and two hours if nothing is said.
const LONGEST: TimeDelta = TimeDelta::days(2);
const USUAL: TimeDelta = TimeDelta::hours(2);

const KNOWN: [&str; 10] = [
    "id",
    "type",
    "address",
    "token",
    "params",
    "payload",
    "expiration",
    "kind",
    "resourceId",
    "resourceUri",
];

fn body(asked: &Asked) -> Result<Map<String, Value>, Answer> {
    let is_json = asked.header("content-type").is_some_and(|it| it.starts_with("application/json"));
    let read = serde_json::from_slice(&asked.body).ok().filter(|_| is_json);
    read.ok_or_else(error::bad_request)
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Answer> {
    let found = body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.ok_or_else(|| error::required(name))
}

pub fn watch(cloud: &Cloud, asked: &Asked) -> Outcome {
    super::check_names(asked, &["customer", "domain", "event"])?;
    users::check_whose(cloud, asked)?;
    let event = asked.parameter("event").unwrap_or_default();
    if !EVENTS.contains(&event) {
        return Err(error::invalid("event"));
    }
    let body = body(asked)?;
    if let Some(name) = body.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(error::unknown_name(name));
    }
    let (id, address) = (text(&body, "id")?, text(&body, "address")?);
    let is_id = |c: char| c.is_ascii_alphanumeric() || "-_+/=".contains(c);
    if id.len() > 64 || !id.chars().all(is_id) {
        return Err(error::invalid("id"));
    }
    if text(&body, "type")? != "web_hook" {
        return Err(error::invalid("type"));
    }
    if !address.starts_with("https://") {
        return Err(error::webhook_not_https());
    }
    let secret = body.get("token").and_then(Value::as_str).map(str::to_owned);
    if secret.as_ref().is_some_and(|token| token.len() > 256) {
        return Err(error::invalid("token"));
    }
    let until = until(asked, &body)?;
    let mut listeners = cloud.hooks.listeners();
    listeners.retain(|it| it.until > asked.now);
    if listeners.iter().any(|it| it.id == id) {
        return Err(error::channel_not_unique(id));
    }
    let resource = hash(&format!("{} {event}", asked.path))[..27].to_owned();
    let listener = Listener {
        id: id.to_owned(),
        topic: event.to_owned(),
        address: address.to_owned(),
        lifecycle: None,
        secret,
        resource,
        until,
        messages: 0,
    };
    let mut shown = json!({
        "kind": "api#channel", "id": id, "resourceId": listener.resource,
        "resourceUri": uri(asked, event), "expiration": until.timestamp_millis().to_string(),
    });
    if let Some(token) = &listener.secret {
        shown["token"] = json!(token);
    }
    listeners.push(listener);
    Ok(Answer::json(shown))
}

fn uri(asked: &Asked, event: &str) -> String {
    format!("{}/admin/directory/v1/users?alt=json&customer=my_customer&event={event}", asked.origin)
}

/// When it is to end: after so many seconds, or then.
fn until(asked: &Asked, body: &Map<String, Value>) -> Result<DateTime<Utc>, Answer> {
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
    let ttl = body.get("params").and_then(|params| params.get("ttl"));
    let wanted = match (ttl, body.get("expiration")) {
        (Some(ttl), _) => number(ttl).map(|seconds| asked.now + TimeDelta::seconds(seconds)),
        (None, Some(at)) => number(at).and_then(DateTime::from_timestamp_millis),
        (None, None) => Some(asked.now + USUAL),
    };
    let wanted = wanted.filter(|at| *at > asked.now).ok_or_else(|| error::invalid("ttl"))?;
    Ok(wanted.min(asked.now + LONGEST))
}

pub fn stop(cloud: &Cloud, asked: &Asked) -> Outcome {
    let body = body(asked)?;
    let (id, resource) = (text(&body, "id")?, text(&body, "resourceId")?);
    let mut listeners = cloud.hooks.listeners();
    let before = listeners.len();
    listeners.retain(|it| it.id != id || it.resource != resource);
    if listeners.len() == before {
        return Err(error::channel_not_found(id));
    }
    Ok(Answer { status: 204, headers: Vec::new(), body: Body::Nothing })
}

/// The first message of a channel says that it begins.
pub fn greet(cloud: &Arc<Cloud>) {
    let origin = cloud.origin("google");
    let mut messages = Vec::new();
    if cloud.vendor == Vendor::Google {
        for listener in cloud.hooks.listeners().iter_mut().filter(|it| it.messages == 0) {
            listener.messages = 1;
            messages.push(told(listener, &origin, "sync", 1, Value::Null));
        }
    }
    cloud.send(messages);
}

/// What a listener is told of something.
pub fn message(cloud: &Cloud, listener: &Listener, event: &Event) -> Option<Message> {
    let (Of::User(no), What::User(before)) = (event.of, &event.what) else { return None };
    let tenant = cloud.tenant();
    let user = tenant.any_user(no)?;
    let state = match before {
        None => "add",
        Some(before) if before.deleted.is_none() && user.deleted.is_some() => "delete",
        Some(before) if before.deleted.is_some() && user.deleted.is_none() => "undelete",
        Some(before) if before.admin != user.admin => "makeAdmin",
        Some(_) => "update",
    };
    if listener.topic != state {
        return None;
    }
    let body = super::tagged(json!({
        "kind": "admin#directory#user",
        "id": tenant.ids.google(Sort::User, no),
        "primaryEmail": users::address(&user),
    }));
    let origin = cloud.origin("google");
    Some(told(listener, &origin, state, listener.messages + 1, body))
}

fn told(listener: &Listener, origin: &str, state: &str, number: u64, body: Value) -> Message {
    let until = listener.until.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let uri = format!(
        "{origin}/admin/directory/v1/users?alt=json&customer=my_customer&event={}",
        listener.topic
    );
    let mut headers = vec![
        ("x-goog-channel-id", listener.id.clone()),
        ("x-goog-channel-expiration", until),
        ("x-goog-resource-id", listener.resource.clone()),
        ("x-goog-resource-uri", uri),
        ("x-goog-resource-state", state.to_owned()),
        ("x-goog-message-number", number.to_string()),
    ];
    if !body.is_null() {
        headers.push(("content-type", "application/json; charset=UTF-8".to_owned()));
    }
    headers.extend(listener.secret.clone().map(|token| ("x-goog-channel-token", token)));
    Message { address: listener.address.clone(), headers, body }
}
