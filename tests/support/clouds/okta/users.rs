//! People: listing leaves out who was deactivated, searching does not.

use serde_json::{Map, Value, json};

use super::{
    error, groups as okta_groups, language,
    list::{self, Window},
};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    expression::{Comparison, Expression},
    ids::Sort,
    tenant::{Member, Status, Tenant, User, people},
    time::in_millis,
};

/// A status in Okta's word.
pub fn status(user: &User) -> Value {
    match user.status {
        // Google's, and there is none here.
        Status::Archived => json!("SUSPENDED"),
        status => serde_json::to_value(status).unwrap_or_default(),
    }
}

pub fn render(tenant: &Tenant, origin: &str, user: &User) -> Value {
    let id = tenant.ids.okta(Sort::User, user.no);
    let activated = !matches!(user.status, Status::Staged);
    // A text like any other: it does not follow whom it names.
    let manager = user
        .manager
        .map(|no| people::generate(tenant.vendor, &tenant.plan, no, tenant.since).login);
    let mut profile = json!({
        "firstName": user.given, "lastName": user.family, "displayName": user.display,
        "login": user.login, "email": user.mail.as_deref().unwrap_or(&user.login),
        "secondEmail": user.other_mails.first(), "mobilePhone": null,
        "employeeNumber": user.employee, "department": user.department, "title": user.title,
        "manager": manager,
    });
    if let Some(premises) = &user.on_premises {
        profile["samAccountName"] = json!(premises.sam);
        profile["onPremisesSid"] = json!(premises.sid);
    }
    json!({
        "id": id,
        "status": status(user),
        "created": in_millis(user.created),
        "activated": activated.then(|| in_millis(user.created)),
        "statusChanged": activated.then(|| in_millis(user.status_changed)),
        "lastLogin": null,
        "lastUpdated": in_millis(user.changed),
        "passwordChanged": null,
        "type": { "id": "oty1gatehouseexam5x7" },
        "profile": profile,
        "credentials": {
            "provider": match user.on_premises {
                Some(_) => json!({ "type": "ACTIVE_DIRECTORY", "name": "corp.example.local" }),
                None => json!({ "type": "OKTA", "name": "OKTA" }),
            },
        },
        "_links": { "self": { "href": format!("{origin}/api/v1/users/{id}") } },
    })
}

/// Leaves out what `fields` and the media type's parameter do not want.
fn write(tenant: &Tenant, asked: &Asked, user: &User) -> Value {
    let mut object = render(tenant, &asked.origin, user);
    let omit = asked.header("content-type").unwrap_or_default();
    if omit.contains("omitCredentials")
        && let Some(object) = object.as_object_mut()
    {
        object.remove("credentials");
    }
    match asked.parameter("fields") {
        Some(fields) => cut(&object, fields),
        None => object,
    }
}

/// `id,status,profile:(login,email)`.
fn cut(object: &Value, fields: &str) -> Value {
    let mut cut = Map::new();
    let (plain, profile) = fields.split_once("profile:(").unwrap_or((fields, ""));
    let (profile, rest) = profile.split_once(')').unwrap_or((profile, ""));
    let copy = |from: &Value, names: &str, to: &mut Map<String, Value>| {
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            to.insert(name.to_owned(), from[name].clone());
        }
    };
    copy(object, plain, &mut cut);
    copy(object, rest, &mut cut);
    if !profile.is_empty() {
        let mut inner = Map::new();
        copy(&object["profile"], profile, &mut inner);
        cut.insert("profile".to_owned(), Value::Object(inner));
    }
    cut.insert("id".to_owned(), object["id"].clone());
    Value::Object(cut)
}

/// What is asked of everybody.
struct Query {
    condition: Option<Expression>,
    prefix: Option<String>,
    sort: Option<(String, bool)>,
    /// Whether the index is asked, which may be behind.
    search: bool,
}

impl Query {
    fn read(asked: &Asked) -> Result<Self, Answer> {
        let (search, filter) = (asked.parameter("search"), asked.parameter("filter"));
        if search.is_some() && filter.is_some() {
            return Err(error::invalid("search", "search and filter cannot be used together."));
        }
        let parse = |text: &str| language::parse(text).ok_or_else(|| error::criteria(text));
        let condition = match search.or(filter) {
            Some(text) => Some(parse(text)?),
            None => None,
        };
        if let Some(condition) = condition.as_ref().filter(|_| filter.is_some()) {
            check_filter(condition)?;
        }
        let sort = asked.parameter("sortBy").map(|by| {
            (
                by.to_owned(),
                asked
                    .parameter("sortOrder")
                    .is_some_and(|order| order.eq_ignore_ascii_case("desc")),
            )
        });
        if sort.is_some() && search.is_none() {
            return Err(error::invalid("sortBy", "sortBy can only be used with search."));
        }
        let prefix = asked.parameter("q").map(str::to_lowercase);
        Ok(Self { condition, prefix, sort, search: search.is_some() })
    }

    fn wants(&self, whole: &Value) -> bool {
        if let Some(condition) = &self.condition {
            return condition.is_true_of(whole);
        }
        let begins = |name: &str, prefix: &str| {
            let value = whole["profile"][name].as_str().unwrap_or_default();
            value.to_lowercase().starts_with(prefix)
        };
        let named = self.prefix.as_ref().is_none_or(|prefix| {
            ["firstName", "lastName", "email"].iter().any(|name| begins(name, prefix))
        });
        named && whole["status"] != "DEPROVISIONED"
    }
}

/// A filter knows a few attributes, and compares most of them for equality only.
fn check_filter(condition: &Expression) -> Result<(), Answer> {
    const EQUAL: [&str; 7] = [
        "status",
        "id",
        "profile.login",
        "profile.email",
        "profile.firstName",
        "profile.lastName",
        "lastUpdated",
    ];
    for (path, how, _) in condition.comparisons() {
        let is_time = path == "lastUpdated";
        let ordered = matches!(
            how,
            Comparison::Greater
                | Comparison::GreaterOrEqual
                | Comparison::Less
                | Comparison::LessOrEqual
        );
        if !EQUAL.contains(&path) || !(how == Comparison::Equal || is_time && ordered) {
            return Err(error::criteria(&format!("{path} cannot be filtered like this")));
        }
    }
    Ok(())
}

pub fn list(cloud: &Cloud, asked: &Asked) -> Outcome {
    let query = Query::read(asked)?;
    let window = Window::read(cloud, asked, if query.prefix.is_some() { 10 } else { 200 }, 200)?;
    let tenant = cloud.tenant();
    let revision = if query.search { cloud.visible(&tenant) } else { tenant.history.len() };
    let found = |from: usize| {
        (u32::try_from(from).unwrap_or(u32::MAX)..tenant.users)
            .filter_map(|no| tenant.user_then(no, revision))
            .filter(|user| user.deleted.is_none())
            .filter(|user| query.wants(&render(&tenant, "", user)))
    };
    let (items, next) = match &query.sort {
        None => {
            let all = found(window.after).map(|user| (user.no as usize, user));
            list::fill(&window, all, |user| write(&tenant, asked, &user))
        }
        Some((by, descending)) => {
            let mut all: Vec<_> = found(0).map(|user| (key(&tenant, &user, by), user)).collect();
            all.sort_by(|one, other| one.0.cmp(&other.0));
            if *descending {
                all.reverse();
            }
            let all = all.into_iter().map(|(_, user)| user).enumerate().skip(window.after);
            list::fill(&window, all, |user| write(&tenant, asked, &user))
        }
    };
    Ok(list::answer(cloud, asked, &window, items, next))
}

fn key(tenant: &Tenant, user: &User, by: &str) -> String {
    let whole = render(tenant, "", user);
    by.split('.')
        .fold(&whole, |value, part| &value[part])
        .as_str()
        .unwrap_or_default()
        .to_lowercase()
}

/// Somebody by id, by login, or by its part before the at sign.
fn find(tenant: &Tenant, key: &str) -> Result<User, Answer> {
    let by_id = tenant.ids.of_okta(Sort::User, key).and_then(|no| tenant.user(no));
    let is_named = |user: &User| {
        let local = user.login.split('@').next().unwrap_or_default();
        user.login.eq_ignore_ascii_case(key) || local.eq_ignore_ascii_case(key)
    };
    let by_login = || {
        tenant.all_users(0).find(|user| {
            user.deleted.is_none() && user.status != Status::Deprovisioned && is_named(user)
        })
    };
    by_id.or_else(by_login).ok_or_else(|| error::not_found("User", key))
}

pub fn one(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    let tenant = cloud.tenant();
    Ok(Answer::json(write(&tenant, asked, &find(&tenant, key)?)))
}

pub fn groups(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    let window = Window::read(cloud, asked, 200, 200)?;
    let tenant = cloud.tenant();
    let user = find(&tenant, key)?;
    let all = tenant.groups_of(Member::User(user.no), false);
    let all = all.into_iter().enumerate().skip(window.after);
    let write = |no| {
        tenant
            .group(no)
            .map(|group| okta_groups::render(&tenant, &asked.origin, group))
            .unwrap_or_default()
    };
    let (items, next) = list::fill(&window, all, write);
    Ok(list::answer(cloud, asked, &window, items, next))
}
