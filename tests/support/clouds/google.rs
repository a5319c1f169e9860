//! Google Workspace's Directory API: `developers.google.com/workspace/admin/directory/reference/rest/v1` (users, groups, members,
//! orgunits), `…/directory/v1/guides/search-users`, `…/search-groups`, `…/performance` (partial responses, etags), `…/limits`.

pub mod channels;
pub mod error;
pub mod fields;
pub mod groups;
pub mod list;
pub mod query;
pub mod token;
pub mod units;
pub mod users;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    asked::{Answer, Asked, Body, Outcome},
    cloud::Cloud,
    jose::hash,
    tokens::Presented,
};

/// The customer's own number; `my_customer` is the caller's.
pub const CUSTOMER: &str = "C0gate5x7";

const SCOPE: &str = "https://www.googleapis.com/auth/admin.directory.";

/// Answers a request of `admin.googleapis.com`.
pub fn answer(cloud: &Cloud, asked: &Asked) -> Answer {
    let answer = authorized(cloud, asked).and_then(|scopes| {
        let level = cloud.take("queries", 1, 60);
        if level.over {
            return Err(error::throttled());
        }
        let answer = route(cloud, asked, &scopes)?;
        conditional(asked, partial(asked, answer)?)
    });
    answer.unwrap_or_else(|refusal| refusal)
}

fn authorized(cloud: &Cloud, asked: &Asked) -> Result<Vec<String>, Answer> {
    let Some(token) = asked.authorization("Bearer") else { return Err(error::no_login()) };
    match cloud.tokens.find(token, cloud.now()) {
        Presented::Good(issued) => Ok(issued.scopes),
        Presented::Expired | Presented::Unknown => Err(error::bad_token()),
    }
}

fn may(scopes: &[String], kinds: &[&str]) -> Result<(), Answer> {
    let good =
        kinds.iter().flat_map(|kind| [format!("{SCOPE}{kind}.readonly"), format!("{SCOPE}{kind}")]);
    let good: Vec<String> = good.collect();
    if scopes.iter().any(|scope| good.contains(scope)) { Ok(()) } else { Err(error::scopes()) }
}

fn route(cloud: &Cloud, asked: &Asked, scopes: &[String]) -> Outcome {
    let segments = asked.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (asked.method.clone(), path.as_slice()) {
        (Method::POST, ["admin", "directory", "v1", "users", "watch"]) => {
            may(scopes, &["user"])?;
            return channels::watch(cloud, asked);
        }
        (Method::POST, ["admin", "directory_v1", "channels", "stop"]) => {
            may(scopes, &["user"])?;
            return channels::stop(cloud, asked);
        }
        (Method::GET, _) => {}
        _ => return Err(error::not_found("Method")),
    }
    let ["admin", "directory", "v1", path @ ..] = path.as_slice() else {
        return Err(error::not_found("Resource"));
    };
    match path {
        ["users"] => {
            may(scopes, &["user"])?;
            users::list(cloud, asked)
        }
        ["users", key] => {
            may(scopes, &["user"])?;
            users::one(cloud, asked, key)
        }
        ["groups"] => {
            may(scopes, &["group"])?;
            groups::list(cloud, asked)
        }
        ["groups", key] => {
            may(scopes, &["group"])?;
            groups::one(cloud, asked, key)
        }
        ["groups", key, "members"] => {
            may(scopes, &["group.member", "group"])?;
            groups::members(cloud, asked, key)
        }
        ["groups", key, "members", member] => {
            may(scopes, &["group.member", "group"])?;
            groups::member(cloud, asked, key, member)
        }
        ["groups", key, "hasMember", member] => {
            may(scopes, &["group.member", "group"])?;
            groups::has_member(cloud, asked, key, member)
        }
        ["customer", customer, "orgunits"] => {
            may(scopes, &["orgunit"])?;
            units::list(cloud, asked, customer)
        }
        ["customer", customer, "orgunits", path @ ..] => {
            may(scopes, &["orgunit"])?;
            units::one(cloud, asked, customer, &path.join("/"))
        }
        _ => Err(error::not_found("Resource")),
    }
}

/// Names that every method knows.
const ANYWHERE: [&str; 9] = [
    "alt",
    "fields",
    "prettyPrint",
    "quotaUser",
    "key",
    "access_token",
    "callback",
    "uploadType",
    "$.xgafv",
];

/// A parameter that is not known is not forgiven.
pub fn check_names(asked: &Asked, known: &[&str]) -> Result<(), Answer> {
    for (name, _) in &asked.query {
        if !ANYWHERE.contains(&name.as_str()) && !known.contains(&name.as_str()) {
            return Err(error::unknown_name(name));
        }
    }
    Ok(())
}

/// An object with its etag, which is a hash of it.
pub fn tagged(mut object: Value) -> Value {
    let tag = hash(&object.to_string());
    object["etag"] = json!(format!("\"{}/{}\"", &tag[..20], &tag[20..]));
    object
}

/// `fields`.
fn partial(asked: &Asked, mut answer: Answer) -> Outcome {
    if let (Some(text), Body::Json(whole)) = (asked.parameter("fields"), &answer.body) {
        let mask = fields::parse(text).ok_or_else(|| error::bad_fields(text))?;
        answer.body = Body::Json(fields::cut(whole, &mask));
    }
    Ok(answer)
}

/// `If-None-Match` and `If-Match`.
fn conditional(asked: &Asked, answer: Answer) -> Outcome {
    let Body::Json(object) = &answer.body else { return Ok(answer) };
    let Some(tag) = object["etag"].as_str().map(str::to_owned) else { return Ok(answer) };
    if asked.header("if-none-match").is_some_and(|it| it == tag) {
        return Ok(Answer { status: 304, headers: vec![("etag", tag)], body: Body::Nothing });
    }
    if asked.header("if-match").is_some_and(|it| it != tag && it != "*") {
        return Err(error::precondition());
    }
    Ok(answer.with("etag", tag))
}
