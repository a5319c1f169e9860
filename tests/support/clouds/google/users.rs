//! People. The index that `query` asks may be behind by hours; who was deleted can be seen for twenty days.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{
    CUSTOMER, check_names, error,
    list::Window,
    query::{self, Clause},
    tagged,
};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    ids::Sort,
    page::Page,
    tenant::{Kind, Status, Tenant, User},
    time::in_millis,
};

const KNOWN: [&str; 13] = [
    "customer",
    "domain",
    "maxResults",
    "pageToken",
    "orderBy",
    "sortOrder",
    "projection",
    "customFieldMask",
    "query",
    "showDeleted",
    "viewType",
    "event",
    "userKey",
];

/// Addresses are in small letters here, whatever was said.
pub fn address(user: &User) -> String {
    user.login.to_lowercase()
}

pub fn render(tenant: &Tenant, user: &User, public: bool) -> Value {
    let (given, family) = (user.given.as_deref(), user.family.as_deref());
    let name = json!({
        "givenName": given.unwrap_or("-"), "familyName": family.unwrap_or("-"),
        "fullName": user.display, "displayName": user.display,
    });
    let primary = address(user);
    let mut object = json!({
        "kind": "admin#directory#user",
        "id": tenant.ids.google(Sort::User, user.no),
        "primaryEmail": primary,
        "name": name,
        "emails": emails(user),
    });
    if public {
        return tagged(object);
    }
    let path = tenant.units.get(user.unit as usize).map_or("/", |unit| unit.path.as_str());
    let more = json!({
        "isAdmin": user.admin, "isDelegatedAdmin": false, "agreedToTerms": true,
        "suspended": matches!(user.status, Status::Suspended | Status::Deprovisioned),
        "archived": user.status == Status::Archived,
        "changePasswordAtNextLogin": false, "ipWhitelisted": false,
        "isEnrolledIn2Sv": false, "isEnforcedIn2Sv": false,
        "isMailboxSetup": user.licensed, "includeInGlobalAddressList": true,
        "isGuestUser": matches!(user.kind, Kind::Guest { .. } | Kind::Untyped),
        "customerId": CUSTOMER, "orgUnitPath": path,
        "creationTime": in_millis(user.created),
        "lastLoginTime": "1970-01-01T00:00:00.000Z",
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    add_optional(tenant, user, &mut object);
    tagged(object)
}

fn emails(user: &User) -> Value {
    let first = json!({ "address": address(user), "primary": true });
    let aliases = user.aliases.iter().map(|alias| json!({ "address": alias }));
    let others = user.other_mails.iter().map(|it| json!({ "address": it, "type": "home" }));
    std::iter::once(first).chain(aliases).chain(others).collect()
}

/// What is not there is left out.
fn add_optional(tenant: &Tenant, user: &User, object: &mut Value) {
    if !user.aliases.is_empty() {
        object["aliases"] = json!(user.aliases);
    }
    if let Some(employee) = &user.employee {
        object["externalIds"] = json!([{ "value": employee, "type": "organization" }]);
    }
    if user.department.is_some() || user.title.is_some() {
        let (title, department) = (&user.title, &user.department);
        object["organizations"] =
            json!([{ "title": title, "department": department, "primary": true }]);
    }
    if let Some(manager) = user.manager.and_then(|no| tenant.user(no)) {
        object["relations"] = json!([{ "value": address(&manager), "type": "manager" }]);
    }
    if user.status == Status::Suspended {
        object["suspensionReason"] = json!("ADMIN");
    }
    if let Some(deleted) = user.deleted {
        object["deletionTime"] = json!(in_millis(deleted));
    }
}

/// Whose directory: one of the two has to be said.
pub fn check_whose(cloud: &Cloud, asked: &Asked) -> Result<(), Answer> {
    match (asked.parameter("customer"), asked.parameter("domain")) {
        (Some("my_customer" | CUSTOMER), _) => Ok(()),
        (None, Some(domain)) if domain == cloud.tenant().plan.domain => Ok(()),
        (None, Some(_)) => Err(error::not_found("domain")),
        (Some(_), _) => Err(error::forbidden()),
        (None, None) => Err(error::bad_request()),
    }
}

fn one_of(asked: &Asked, name: &str, allowed: &[&str]) -> Result<(), Answer> {
    match asked.parameter(name) {
        Some(value) if !allowed.contains(&value) => Err(error::invalid(name)),
        _ => Ok(()),
    }
}

fn clauses(asked: &Asked) -> Result<Vec<Clause>, Answer> {
    const NAMES: [&str; 10] = [
        "email",
        "name",
        "givenName",
        "familyName",
        "orgUnitPath",
        "isSuspended",
        "isArchived",
        "isAdmin",
        "orgDepartment",
        "externalId",
    ];
    let Some(text) = asked.parameter("query") else { return Ok(Vec::new()) };
    let clauses = query::parse(text).ok_or_else(|| error::invalid("query"))?;
    let known = clauses.iter().all(|clause| NAMES.contains(&clause.name.as_str()));
    if known { Ok(clauses) } else { Err(error::invalid("query")) }
}

fn holds(clause: &Clause, user: &User, whole: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match clause.name.as_str() {
        "email" => {
            let all: Vec<String> =
                std::iter::once(address(user)).chain(user.aliases.clone()).collect();
            clause.holds(&all.iter().map(String::as_str).collect::<Vec<_>>())
        }
        "name" => {
            clause.holds(&[&text(&whole["name"]["givenName"]), &text(&whole["name"]["familyName"])])
        }
        name @ ("givenName" | "familyName") => clause.holds(&[&text(&whole["name"][name])]),
        // Also who is below.
        "orgUnitPath" => {
            let path = text(&whole["orgUnitPath"]);
            let below = format!("{}/", clause.value.trim_end_matches('/'));
            path == clause.value || path.starts_with(&below)
        }
        "isSuspended" => clause.is(&whole["suspended"]),
        "isArchived" => clause.is(&whole["archived"]),
        "isAdmin" => clause.is(&whole["isAdmin"]),
        "orgDepartment" => clause.holds(&[user.department.as_deref().unwrap_or_default()]),
        _ => clause.holds(&[user.employee.as_deref().unwrap_or_default()]),
    }
}

pub fn list(cloud: &Cloud, asked: &Asked) -> Outcome {
    check_names(asked, &KNOWN)?;
    check_whose(cloud, asked)?;
    one_of(asked, "projection", &["basic", "full", "custom"])?;
    one_of(asked, "viewType", &["admin_view", "domain_public"])?;
    one_of(asked, "orderBy", &["email", "givenName", "familyName"])?;
    one_of(asked, "sortOrder", &["ASCENDING", "DESCENDING"])?;
    one_of(asked, "showDeleted", &["true", "false"])?;
    if asked.parameter("projection") == Some("custom")
        && asked.parameter("customFieldMask").is_none()
    {
        return Err(error::invalid("custom_field_mask"));
    }
    let window = Window::read(cloud, asked, 100, 500)?;
    let clauses = clauses(asked)?;
    let tenant = cloud.tenant();
    let (deleted, public) = (
        asked.parameter("showDeleted") == Some("true"),
        asked.parameter("viewType") == Some("domain_public"),
    );
    let oldest = cloud.now() - TimeDelta::days(20);
    let revision = if clauses.is_empty() { tenant.history.len() } else { cloud.visible(&tenant) };
    let is_there = |user: &User| match user.deleted {
        Some(at) => deleted && at > oldest,
        None => !deleted,
    };
    let from = |no: usize| {
        (u32::try_from(no).unwrap_or(u32::MAX)..tenant.users)
            .filter_map(|no| tenant.user_then(no, revision))
            .filter(|user| is_there(user))
            .filter(|user| {
                let whole = || render(&tenant, user, false);
                clauses.is_empty() || {
                    let whole = whole();
                    clauses.iter().all(|clause| holds(clause, user, &whole))
                }
            })
    };
    let write = |user: &User| render(&tenant, user, public);
    let page = match asked.parameter("orderBy") {
        None => {
            let mut all = from(window.after).peekable();
            let items = all.by_ref().take(window.limit).map(|user| write(&user)).collect();
            Page { items, next: all.peek().map(|user| user.no.to_string()) }
        }
        Some(by) => {
            let mut all: Vec<User> = from(0).collect();
            all.sort_by_cached_key(|user| match by {
                "email" => address(user),
                "givenName" => user.given.clone().unwrap_or_default(),
                _ => user.family.clone().unwrap_or_default(),
            });
            if asked.parameter("sortOrder") == Some("DESCENDING") {
                all.reverse();
            }
            let begin = window.after.min(all.len());
            let end = (begin + window.limit).min(all.len());
            let items = all[begin..end].iter().map(write).collect();
            Page { items, next: (end < all.len()).then(|| end.to_string()) }
        }
    };
    Ok(window.answer(cloud, asked, "users", "users", page))
}

/// Somebody by id, address or alias.
pub fn find(tenant: &Tenant, key: &str) -> Option<User> {
    let by_id = tenant.ids.of_google(Sort::User, key).and_then(|no| tenant.user(no));
    let is_named = |user: &User| {
        let aliases = user.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(key));
        user.login.eq_ignore_ascii_case(key) || aliases
    };
    by_id.or_else(|| tenant.all_users(0).find(|user| user.deleted.is_none() && is_named(user)))
}

pub fn one(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    check_names(asked, &["projection", "customFieldMask", "viewType"])?;
    let tenant = cloud.tenant();
    let user = find(&tenant, key).ok_or_else(|| error::not_found("userKey"))?;
    let public = asked.parameter("viewType") == Some("domain_public");
    Ok(Answer::json(render(&tenant, &user, public)))
}
