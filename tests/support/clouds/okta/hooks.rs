//! Event hooks, which an administrator makes: `developer.okta.com/docs/concepts/event-hooks`, `…/reference/api/event-types`,
//! `…/reference/api/system-log` for the events.

use chrono::TimeDelta;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::clouds::{
    cloud::Cloud,
    hooks::{Listener, Message},
    ids::Sort,
    tenant::{Event, Member, Of, Status, Tenant, What},
    time::in_millis,
    tokens::random,
};

/// What an administrator fills in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewHook {
    pub uri: String,
    /// The value of the header `Authorization`.
    pub secret: String,
    pub events: Vec<String>,
}

/// Makes a hook, once whoever is to be told has answered a challenge.
pub async fn create(cloud: &Cloud, hook: NewHook) -> Result<String, String> {
    let NewHook { uri, secret, events } = hook;
    if !uri.starts_with("https://") {
        return Err("The URI must use https.".to_owned());
    }
    let challenge = random();
    let headers =
        [("x-okta-verification-challenge", challenge.clone()), ("authorization", secret.clone())];
    let answer = cloud.hooks.try_out(Method::GET, &uri, &headers).await?;
    let (status, kind) = (answer.status(), answer.headers().get("content-type").cloned());
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let body = answer.text().await.map_err(|error| error.to_string())?;
    let said: Value = serde_json::from_str(&body).unwrap_or_default();
    if status != 200 || !is_json || said["verification"] != json!(challenge) {
        return Err(format!("The endpoint could not be verified: {status} {body:.100}"));
    }
    let id = format!("who{}", &random()[..17]);
    cloud.hooks.listeners().push(Listener {
        id: id.clone(),
        topic: events.join(","),
        address: uri,
        lifecycle: None,
        secret: Some(secret),
        resource: String::new(),
        until: cloud.now() + TimeDelta::days(3_650),
        messages: 0,
    });
    Ok(id)
}

/// What a listener is told of something.
pub fn message(cloud: &Cloud, listener: &Listener, event: &Event) -> Option<Message> {
    let tenant = cloud.tenant();
    let (kind, target) = described(&tenant, event)?;
    if !listener.topic.split(',').any(|topic| topic == kind) {
        return None;
    }
    let at = in_millis(event.at);
    let said = json!({
        "uuid": random(),
        "published": at,
        "eventType": kind,
        "version": "0",
        "displayMessage": kind,
        "severity": "INFO",
        "client": { "userAgent": null, "zone": "null", "device": "Computer", "id": null, "ipAddress": null, "geographicalContext": null },
        "actor": user(&tenant, 0),
        "outcome": { "result": "SUCCESS", "reason": null },
        "target": target,
        "transaction": { "type": "WEB", "id": random(), "detail": {} },
        "debugContext": { "debugData": {} },
        "authenticationContext": { "externalSessionId": "unknown", "authenticationStep": 0 },
    });
    let body = json!({
        "eventType": "com.okta.event_hook",
        "eventTypeVersion": "1.0",
        "cloudEventsVersion": "0.1",
        "source": format!("{}/api/v1/eventHooks/{}", cloud.origin("okta"), listener.id),
        "eventId": random(),
        "data": { "events": [said] },
        "eventTime": at,
        "contentType": "application/json",
    });
    let mut headers = vec![("content-type", "application/json".to_owned())];
    headers.extend(listener.secret.clone().map(|secret| ("authorization", secret)));
    Some(Message { address: listener.address.clone(), headers, body })
}

/// The type of an event, and whom it is about.
fn described(tenant: &Tenant, event: &Event) -> Option<(&'static str, Value)> {
    match (event.of, &event.what) {
        (Of::User(no), What::User(None)) => {
            Some(("user.lifecycle.create", json!([user(tenant, no)])))
        }
        (Of::User(no), What::User(Some(before))) => {
            let kind = match tenant.any_user(no) {
                None => "user.lifecycle.delete.initiated",
                Some(now) => match (before.status, now.status) {
                    (_, Status::Suspended) => "user.lifecycle.suspend",
                    (_, Status::Deprovisioned) => "user.lifecycle.deactivate",
                    (Status::Suspended, _) => "user.lifecycle.unsuspend",
                    (before, now) if before != now => "user.lifecycle.activate",
                    _ => "user.account.update_profile",
                },
            };
            Some((kind, json!([user(tenant, no)])))
        }
        (Of::Group(no), What::Joined(Member::User(member))) => {
            let targets = json!([user(tenant, *member), group(tenant, no)]);
            Some(("group.user_membership.add", targets))
        }
        (Of::Group(no), What::Left(Member::User(member))) => {
            let targets = json!([user(tenant, *member), group(tenant, no)]);
            Some(("group.user_membership.remove", targets))
        }
        (Of::Group(no), What::Group(before)) => {
            let kind = match (before, tenant.group(no)) {
                (None, _) => "group.lifecycle.create",
                (_, None) => "group.lifecycle.delete",
                _ => "group.profile.update",
            };
            Some((kind, json!([group(tenant, no)])))
        }
        _ => None,
    }
}

fn user(tenant: &Tenant, no: u32) -> Value {
    let known = tenant.any_user(no);
    let text = |text: fn(&crate::support::clouds::tenant::User) -> String| known.as_ref().map(text);
    json!({
        "id": tenant.ids.okta(Sort::User, no), "type": "User",
        "alternateId": text(|it| it.login.clone()), "displayName": text(|it| it.display.clone()),
        "detailEntry": null,
    })
}

fn group(tenant: &Tenant, no: u32) -> Value {
    let name = tenant.any_group(no).map(|group| group.name.clone());
    json!({
        "id": tenant.ids.okta(Sort::Group, no), "type": "UserGroup", "alternateId": "unknown",
        "displayName": name, "detailEntry": null,
    })
}
