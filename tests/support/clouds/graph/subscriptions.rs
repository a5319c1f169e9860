//! Change notifications: `graph/api/subscription-post-subscriptions`, `…-list`, `…-update`, `…-delete`, `resources/subscription`,
//! `resources/changenotification`, `change-notifications-delivery-webhooks`, `change-notifications-lifecycle-events`.

use std::sync::Arc;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{GROUPS, USERS, context, error};
use crate::support::clouds::{
    asked::{Answer, Asked, Body, Outcome},
    cloud::Cloud,
    hooks::{Listener, Message},
    ids::Sort,
    tenant::{Event, Member, Of, What},
    time::{in_seconds, parse},
    tokens::{Issued, random},
};

/// For users and groups.
const LONGEST: TimeDelta = TimeDelta::minutes(41_760);
const SHORTEST: TimeDelta = TimeDelta::minutes(45);

const LONGEST_STATE: usize = 128;

const KNOWN: [&str; 7] = [
    "changeType",
    "notificationUrl",
    "lifecycleNotificationUrl",
    "resource",
    "expirationDateTime",
    "clientState",
    "latestSupportedTlsVersion",
];

fn invalid(asked: &Asked, message: &str) -> Answer {
    error::error(asked, 400, "ValidationError", message)
}

fn body(asked: &Asked) -> Result<Map<String, Value>, Answer> {
    let is_json = asked.header("content-type").is_some_and(|it| it.starts_with("application/json"));
    let read = serde_json::from_slice(&asked.body).ok().filter(|_| is_json);
    read.ok_or_else(|| error::bad(asked, "Unable to read JSON request payload."))
}

fn text<'a>(asked: &Asked, body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Answer> {
    let found = body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.ok_or_else(|| invalid(asked, &format!("Required property '{name}' is missing.")))
}

/// When it is to end, as far as Graph goes along.
fn until(
    asked: &Asked,
    body: &Map<String, Value>,
) -> Result<crate::support::clouds::time::Moment, Answer> {
    let wanted = parse(text(asked, body, "expirationDateTime")?)
        .ok_or_else(|| invalid(asked, "expirationDateTime is no date."))?;
    if wanted > asked.now + LONGEST {
        return Err(invalid(
            asked,
            "Subscription expiration can only be 41760 minutes in the future.",
        ));
    }
    if wanted < asked.now {
        return Err(invalid(asked, "Subscription expiration is in the past."));
    }
    Ok(wanted.max(asked.now + SHORTEST))
}

pub fn create(cloud: &Cloud, asked: &Asked, token: &Issued) -> Outcome {
    let body = body(asked)?;
    if let Some(name) = body.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(invalid(asked, &format!("Property '{name}' is not supported.")));
    }
    let topic = text(asked, &body, "resource")?.trim_start_matches('/').to_owned();
    let any_of = match topic.as_str() {
        "users" => USERS,
        "groups" => GROUPS,
        _ => return Err(invalid(asked, &format!("Resource '{topic}' is not supported."))),
    };
    if !token.allows(any_of) {
        return Err(error::forbidden(asked));
    }
    let kinds = text(asked, &body, "changeType")?;
    if !kinds.split(',').all(|kind| matches!(kind, "updated" | "deleted")) {
        return Err(invalid(asked, "changeType must be updated, deleted."));
    }
    let secret = body.get("clientState").and_then(Value::as_str).map(str::to_owned);
    if secret.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(invalid(asked, "clientState must not exceed 128 characters."));
    }
    let until = until(asked, &body)?;
    let address = text(asked, &body, "notificationUrl")?.to_owned();
    let lifecycle = body.get("lifecycleNotificationUrl").and_then(Value::as_str);
    for address in std::iter::once(address.as_str()).chain(lifecycle) {
        validate(cloud, asked, address)?;
    }
    let mut listeners = cloud.hooks.listeners();
    listeners.retain(|it| it.until > asked.now);
    if let Some(there) = listeners.iter().find(|it| it.topic == topic && it.resource == kinds) {
        let message =
            format!("Subscription Id {} already exists for the requested combination", there.id);
        return Err(error::error(asked, 409, "Conflict", &message));
    }
    let lifecycle = lifecycle.map(str::to_owned);
    let (id, resource) = (error::request_id(), kinds.to_owned());
    let listener = Listener { id, topic, address, lifecycle, secret, resource, until, messages: 0 };
    let mut shown = show(cloud, &listener);
    shown["@odata.context"] = context(asked, cloud, "subscriptions/$entity");
    listeners.push(listener);
    Ok(Answer::new(201, shown))
}

/// Whoever is to be told has to answer with a token that they are sent, decoded, as plain text.
fn validate(cloud: &Cloud, asked: &Asked, address: &str) -> Result<(), Answer> {
    let refuse = |why: &str| {
        let message = format!(
            "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation request. {why}"
        );
        invalid(asked, &message)
    };
    if !address.starts_with("https://") {
        return Err(invalid(asked, "Notification URLs must use https."));
    }
    let token = format!(
        "Validation: Testing client application reachability for subscription Request-Id: {} +%/=",
        random()
    );
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("validationToken", &token)
        .finish();
    let mark = if address.contains('?') { '&' } else { '?' };
    let address = format!("{address}{mark}{query}");
    let plain = [("content-type", "text/plain; charset=utf-8".to_owned())];
    let answered = tokio::runtime::Handle::current().block_on(async {
        let answer = cloud.hooks.try_out(Method::POST, &address, &plain).await?;
        let status = answer.status();
        let kind = answer.headers().get("content-type").cloned();
        let is_plain = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status != 200 || !is_plain || text != token {
            return Err(format!("It answered {status}."));
        }
        Ok(())
    });
    answered.map_err(|why| refuse(&why))
}

fn show(cloud: &Cloud, listener: &Listener) -> Value {
    json!({
        "id": listener.id,
        "resource": listener.topic,
        "applicationId": cloud.credentials.graph.client,
        "changeType": listener.resource,
        "clientState": null,
        "notificationUrl": listener.address,
        "lifecycleNotificationUrl": listener.lifecycle,
        "expirationDateTime": in_seconds(listener.until),
        "creatorId": cloud.credentials.graph.client,
        "latestSupportedTlsVersion": "v1_2",
    })
}

pub fn list(cloud: &Cloud, asked: &Asked) -> Answer {
    let listeners = cloud.hooks.listeners();
    let alive = listeners.iter().filter(|it| it.until > asked.now);
    let shown: Vec<_> = alive.map(|it| show(cloud, it)).collect();
    Answer::json(
        json!({ "@odata.context": context(asked, cloud, "subscriptions"), "value": shown }),
    )
}

pub fn update(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let body = body(asked)?;
    if body.keys().any(|name| name != "expirationDateTime") {
        return Err(invalid(asked, "Only expirationDateTime can be changed."));
    }
    let until = until(asked, &body)?;
    let mut listeners = cloud.hooks.listeners();
    let found = listeners.iter_mut().find(|it| it.id == id && it.until > asked.now);
    let listener = found.ok_or_else(|| not_found(asked))?;
    listener.until = until;
    let mut shown = show(cloud, listener);
    shown["@odata.context"] = context(asked, cloud, "subscriptions/$entity");
    Ok(Answer::json(shown))
}

pub fn delete(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let mut listeners = cloud.hooks.listeners();
    let before = listeners.len();
    listeners.retain(|it| it.id != id);
    if listeners.len() == before {
        return Err(not_found(asked));
    }
    Ok(Answer { status: 204, headers: Vec::new(), body: Body::Nothing })
}

fn not_found(asked: &Asked) -> Answer {
    error::error(asked, 404, "ResourceNotFound", "The object was not found.")
}

/// What a listener is told of something.
pub fn message(cloud: &Cloud, listener: &Listener, event: &Event) -> Option<Message> {
    let tenant = cloud.tenant();
    let (topic, kind, set, id) = match event.of {
        Of::User(no) => ("users", "User", "Users", tenant.ids.guid(Sort::User, no)),
        Of::Group(no) => ("groups", "Group", "Groups", tenant.ids.guid(Sort::Group, no)),
    };
    if listener.topic != topic {
        return None;
    }
    // Who is in the recycle bin was only changed.
    let is_purged = match event.of {
        Of::User(no) => tenant.any_user(no).is_none(),
        Of::Group(no) => tenant.any_group(no).is_none(),
    };
    let change = if is_purged { "deleted" } else { "updated" };
    let mut data = json!({
        "@odata.type": format!("#Microsoft.Graph.{kind}"),
        "@odata.id": format!("{set}/{id}"),
        "id": id,
        "organizationId": cloud.credentials.graph.tenant,
    });
    let moved = |member: Member| super::members::identity(tenant.ids, member).1;
    match event.what {
        What::Joined(member) => data["members@delta"] = json!([{ "id": moved(member) }]),
        What::Left(member) => {
            data["members@delta"] = json!([{ "id": moved(member), "@removed": "deleted" }]);
        }
        _ => {}
    }
    let said =
        json!({ "changeType": change, "resource": format!("{set}/{id}"), "resourceData": data });
    Some(notification(cloud, listener, &listener.address, said))
}

/// Tells all listeners something of their subscriptions: `missed`, `subscriptionRemoved` or `reauthorizationRequired`.
pub fn tell(cloud: &Arc<Cloud>, event: &str) {
    let mut listeners = cloud.hooks.listeners();
    let messages = listeners.iter().filter_map(|it| lifecycle(cloud, it, event)).collect();
    if event == "subscriptionRemoved" {
        listeners.clear();
    }
    drop(listeners);
    cloud.send(messages);
}

fn lifecycle(cloud: &Cloud, listener: &Listener, event: &str) -> Option<Message> {
    let address = listener.lifecycle.as_ref()?;
    Some(notification(cloud, listener, address, json!({ "lifecycleEvent": event })))
}

fn notification(cloud: &Cloud, listener: &Listener, address: &str, mut said: Value) -> Message {
    said["subscriptionId"] = json!(listener.id);
    said["subscriptionExpirationDateTime"] = json!(in_seconds(listener.until));
    said["clientState"] = json!(listener.secret);
    said["tenantId"] = json!(cloud.credentials.graph.tenant);
    Message {
        address: address.to_owned(),
        headers: vec![("content-type", "application/json; charset=utf-8".to_owned())],
        body: json!({ "value": [said] }),
    }
}
