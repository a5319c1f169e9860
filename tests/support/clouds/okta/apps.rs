//! Applications, and who may use them: people by themselves, and through groups.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    error, groups as okta_groups,
    list::{self, Window},
    users as okta_users,
};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    ids::Sort,
    tenant::{App, Status, Tenant, User},
    time::in_millis,
};

fn render(tenant: &Tenant, origin: &str, app: &App) -> Value {
    let id = tenant.ids.okta(Sort::App, app.no);
    json!({
        "id": id,
        "orn": format!("orn:okta:idp:00o1gatehouseexam5x7:apps:example:{id}"),
        "name": format!("example_{}_1", app.name.to_lowercase()),
        "label": app.name,
        "status": "ACTIVE",
        "created": in_millis(tenant.since),
        "lastUpdated": in_millis(tenant.since),
        "signOnMode": "SAML_2_0",
        "features": [],
        "accessibility": { "selfService": false, "errorRedirectUrl": null, "loginRedirectUrl": null },
        "visibility": {
            "autoLaunch": false, "autoSubmitToolbar": false, "hide": { "iOS": false, "web": false },
        },
        "_links": {
            "users": { "href": format!("{origin}/api/v1/apps/{id}/users") },
            "groups": { "href": format!("{origin}/api/v1/apps/{id}/groups") },
        },
    })
}

pub fn list(cloud: &Cloud, asked: &Asked) -> Outcome {
    let window = Window::read(cloud, asked, 200, 200)?;
    let tenant = cloud.tenant();
    let all = tenant.apps.iter().map(|app| (app.no as usize, app));
    let all = all.filter(|(no, _)| *no >= window.after);
    let (items, next) = list::fill(&window, all, |app| render(&tenant, &asked.origin, app));
    Ok(list::answer(cloud, asked, &window, items, next))
}

fn find<'a>(tenant: &'a Tenant, id: &str) -> Result<&'a App, Answer> {
    let app = tenant.ids.of_okta(Sort::App, id).and_then(|no| tenant.apps.get(no as usize));
    app.ok_or_else(|| error::not_found("AppInstance", id))
}

pub fn one(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let tenant = cloud.tenant();
    Ok(Answer::json(render(&tenant, &asked.origin, find(&tenant, id)?)))
}

/// Everybody who is assigned, and how. Deactivation takes assignments away.
fn assigned(tenant: &Tenant, app: &App) -> BTreeMap<u32, &'static str> {
    let members =
        app.groups.iter().filter_map(|no| tenant.group(*no)).flat_map(|group| &group.users);
    let mut all: BTreeMap<u32, &str> = members.map(|no| (*no, "GROUP")).collect();
    all.extend(app.users.iter().map(|no| (*no, "USER")));
    all.retain(|no, _| tenant.user(*no).is_some_and(|user| user.status != Status::Deprovisioned));
    all
}

fn assignment(tenant: &Tenant, asked: &Asked, app: &App, user: &User, scope: &str) -> Value {
    let (id, app) = (tenant.ids.okta(Sort::User, user.no), tenant.ids.okta(Sort::App, app.no));
    let origin = &asked.origin;
    let mut object = json!({
        "id": id,
        "externalId": null,
        "created": in_millis(tenant.since),
        "lastUpdated": in_millis(user.changed),
        "scope": scope,
        "status": if user.is_active() { "ACTIVE" } else { "SUSPENDED" },
        "statusChanged": in_millis(tenant.since),
        "passwordChanged": null,
        "syncState": "DISABLED",
        // The name that the application knows them by.
        "credentials": { "userName": user.login.split('@').next() },
        "profile": { "email": user.mail },
        "_links": {
            "app": { "href": format!("{origin}/api/v1/apps/{app}") },
            "user": { "href": format!("{origin}/api/v1/users/{id}") },
        },
    });
    if asked.parameter("expand") == Some("user") {
        object["_embedded"] = json!({ "user": okta_users::render(tenant, origin, user) });
    }
    object
}

pub fn users(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let window = Window::read(cloud, asked, 50, 500)?;
    let tenant = cloud.tenant();
    let app = find(&tenant, id)?;
    let all = assigned(&tenant, app).into_iter().map(|(no, scope)| (no as usize, (no, scope)));
    let all = all.filter(|(no, _)| *no >= window.after);
    let (items, next) = list::fill(&window, all, |(no, scope)| {
        let user = tenant.user(no);
        user.map(|user| assignment(&tenant, asked, app, &user, scope)).unwrap_or_default()
    });
    Ok(list::answer(cloud, asked, &window, items, next))
}

pub fn user(cloud: &Cloud, asked: &Asked, id: &str, user: &str) -> Outcome {
    let tenant = cloud.tenant();
    let app = find(&tenant, id)?;
    let no = tenant.ids.of_okta(Sort::User, user);
    let found = no.and_then(|no| Some((tenant.user(no)?, *assigned(&tenant, app).get(&no)?)));
    let (user, scope) = found.ok_or_else(|| error::not_found("AppUser", user))?;
    Ok(Answer::json(assignment(&tenant, asked, app, &user, scope)))
}

pub fn groups(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let window = Window::read(cloud, asked, 200, 200)?;
    let tenant = cloud.tenant();
    let app = find(&tenant, id)?;
    let all = app.groups.iter().filter(|no| tenant.group(**no).is_some());
    let all = all.map(|no| (*no as usize, *no)).filter(|(no, _)| *no >= window.after);
    let (items, next) = list::fill(&window, all, |no| {
        let group = tenant.ids.okta(Sort::Group, no);
        let mut object = json!({
            "id": group,
            "lastUpdated": in_millis(tenant.since),
            "priority": 0,
            "profile": {},
            "_links": {
                "app": { "href": format!("{}/api/v1/apps/{id}", asked.origin) },
                "group": { "href": format!("{}/api/v1/groups/{group}", asked.origin) },
            },
        });
        if asked.parameter("expand") == Some("group")
            && let Some(group) = tenant.group(no)
        {
            let group = okta_groups::render(&tenant, &asked.origin, group);
            object["_embedded"] = json!({ "group": group });
        }
        object
    });
    Ok(list::answer(cloud, asked, &window, items, next))
}
