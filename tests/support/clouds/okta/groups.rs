//! Groups: who is in them changes `lastMembershipUpdated` only; there are none in one another.

use serde_json::{Value, json};

use super::{
    error, language,
    list::{self, Window},
    users,
};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    expression::Expression,
    ids::Sort,
    tenant::{Group, GroupKind, Member, Status, Tenant, User},
    time::in_millis,
};

pub fn render(tenant: &Tenant, origin: &str, group: &Group) -> Value {
    let id = tenant.ids.okta(Sort::Group, group.no);
    let (kind, class) = match group.kind {
        GroupKind::Everyone => ("BUILT_IN", "okta:user_group"),
        GroupKind::Imported => ("APP_GROUP", "okta:windows_security_principal"),
        _ => ("OKTA_GROUP", "okta:user_group"),
    };
    let mut profile = json!({ "name": group.name, "description": group.description });
    let mut object = json!({
        "id": id,
        "created": in_millis(group.created),
        "lastUpdated": in_millis(group.changed),
        "lastMembershipUpdated": in_millis(group.membership_changed),
        "objectClass": [class],
        "type": kind,
        "_links": {
            "logo": [],
            "users": { "href": format!("{origin}/api/v1/groups/{id}/users") },
            "apps": { "href": format!("{origin}/api/v1/groups/{id}/apps") },
        },
    });
    if kind == "APP_GROUP" {
        profile["samAccountName"] = json!(group.nickname);
        profile["dn"] =
            json!(format!("CN={},OU=Groups,DC=corp,DC=example,DC=local", group.nickname));
        profile["windowsDomainQualifiedName"] = json!(format!("CORP\\{}", group.nickname));
        profile["externalId"] = json!(format!("{:024}", group.no));
        object["source"] = json!({ "id": tenant.ids.okta(Sort::App, 0) });
    }
    object["profile"] = profile;
    object
}

/// A group in it is not one that Okta knows; who was deactivated is not listed.
fn people<'a>(tenant: &'a Tenant, group: &'a Group) -> impl Iterator<Item = User> + 'a {
    tenant
        .members(group)
        .filter_map(|member| match member {
            Member::User(no) => tenant.user(no),
            _ => None,
        })
        .filter(|user| user.status != Status::Deprovisioned)
}

fn condition(asked: &Asked) -> Result<Option<Expression>, Answer> {
    const FILTERED: [&str; 5] = ["id", "type", "lastUpdated", "lastMembershipUpdated", "source.id"];
    let (search, filter) = (asked.parameter("search"), asked.parameter("filter"));
    if search.is_some() && filter.is_some() {
        return Err(error::invalid("search", "search and filter cannot be used together."));
    }
    let Some(text) = search.or(filter) else { return Ok(None) };
    let condition = language::parse(text).ok_or_else(|| error::criteria(text))?;
    for (path, _, _) in condition.comparisons() {
        if filter.is_some() && !FILTERED.contains(&path) {
            return Err(error::criteria(&format!("{path} cannot be filtered")));
        }
    }
    Ok(Some(condition))
}

pub fn list(cloud: &Cloud, asked: &Asked) -> Outcome {
    let window = Window::read(cloud, asked, 10_000, 10_000)?;
    let condition = condition(asked)?;
    let prefix = asked.parameter("q").map(str::to_lowercase);
    let tenant = cloud.tenant();
    let wants = |whole: &Value| {
        let name = whole["profile"]["name"].as_str().unwrap_or_default().to_lowercase();
        condition.as_ref().is_none_or(|it| it.is_true_of(whole))
            && prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
    };
    let all = tenant.list_groups().filter(|group| group.no as usize >= window.after);
    let all = all.map(|group| (group.no as usize, (group, render(&tenant, &asked.origin, group))));
    let all = all.filter(|(_, (_, whole))| wants(whole));
    let stats = asked.parameter("expand") == Some("stats");
    let (items, next) = list::fill(&window, all, |(group, mut whole)| {
        if stats {
            whole["_embedded"] = json!({ "stats": {
                "usersCount": people(&tenant, group).count(),
                "appsCount": 0,
                "groupPushMappingsCount": 0,
                "hasAdminPrivilege": false,
            } });
        }
        whole
    });
    Ok(list::answer(cloud, asked, &window, items, next))
}

fn find<'a>(tenant: &'a Tenant, id: &str) -> Result<&'a Group, Answer> {
    let group = tenant.ids.of_okta(Sort::Group, id).and_then(|no| tenant.group(no));
    group.ok_or_else(|| error::not_found("UserGroup", id))
}

pub fn one(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let tenant = cloud.tenant();
    Ok(Answer::json(render(&tenant, &asked.origin, find(&tenant, id)?)))
}

pub fn members(cloud: &Cloud, asked: &Asked, id: &str) -> Outcome {
    let window = Window::read(cloud, asked, 1_000, 1_000)?;
    let tenant = cloud.tenant();
    let group = find(&tenant, id)?;
    let all = people(&tenant, group).filter(|user| user.no as usize >= window.after);
    let all = all.map(|user| (user.no as usize, user));
    let (items, next) =
        list::fill(&window, all, |user| users::render(&tenant, &asked.origin, &user));
    Ok(list::answer(cloud, asked, &window, items, next))
}

/// The rule that fills the group after the huge one.
fn a_rule(tenant: &Tenant) -> Value {
    json!({
        "type": "group_rule",
        "id": tenant.ids.okta(Sort::Rule, 0),
        "status": "ACTIVE",
        "name": "Most of all",
        "created": in_millis(tenant.since),
        "lastUpdated": in_millis(tenant.since),
        "conditions": {
            "people": { "users": { "exclude": [] }, "groups": { "exclude": [] } },
            "expression": {
                "value": "user.department==\"Engineering\"", "type": "urn:okta:expression:1.0",
            },
        },
        "actions": { "assignUserToGroups": { "groupIds": [tenant.ids.okta(Sort::Group, 2)] } },
    })
}

pub fn rules(cloud: &Cloud, asked: &Asked) -> Outcome {
    let window = Window::read(cloud, asked, 50, 200)?;
    let rules = if window.after == 0 { vec![a_rule(&cloud.tenant())] } else { vec![] };
    Ok(list::answer(cloud, asked, &window, rules, None))
}

pub fn rule(cloud: &Cloud, _asked: &Asked, id: &str) -> Outcome {
    let rule = a_rule(&cloud.tenant());
    if rule["id"] == id { Ok(Answer::json(rule)) } else { Err(error::not_found("GroupRule", id)) }
}
