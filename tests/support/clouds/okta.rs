//! Okta's management API: `developer.okta.com/docs/api/openapi/okta-management` (the users', groups', group rules' and
//! applications' pages), `docs/reference/core-okta-api` (pagination, errors), `docs/reference/rate-limits`,
//! `docs/guides/implement-oauth-for-okta-serviceapp`, `docs/guides/dpop/nonoktaresourceserver`.

pub mod apps;
pub mod auth;
pub mod dpop;
pub mod error;
pub mod groups;
pub mod hooks;
pub mod language;
pub mod list;
pub mod token;
pub mod users;

use axum::http::Method;

use super::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    tokens::random,
};

/// Answers a request of an organisation's host.
pub fn answer(cloud: &Cloud, asked: &Asked) -> Answer {
    let segments = asked.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let answer = match path.as_slice() {
        ["oauth2", "v1", "token"] => token::answer(cloud, asked),
        ["api", "v1", path @ ..] => metered(cloud, asked, path),
        _ => Err(error::not_found("Resource", &asked.path)),
    };
    answer.unwrap_or_else(|refusal| refusal).with("x-okta-request-id", random())
}

/// Counts requests of one kind in a minute: by the address without identifiers.
fn metered(cloud: &Cloud, asked: &Asked, path: &[&str]) -> Outcome {
    let kind = path.iter().map(|part| if part.len() == 20 { "id" } else { part });
    let level = cloud.take(&kind.collect::<Vec<_>>().join("/"), 1, 60);
    let reset = level.ends.timestamp();
    if level.over {
        return Err(error::throttled(
            cloud,
            level.limit,
            u64::try_from(reset - cloud.now().timestamp()).unwrap_or(60),
        ));
    }
    let answer = auth::check(cloud, asked).and_then(|caller| route(cloud, asked, &caller, path));
    let headers = |answer: Answer| {
        answer
            .with("x-rate-limit-limit", level.limit.to_string())
            .with("x-rate-limit-remaining", level.remaining.to_string())
            .with("x-rate-limit-reset", reset.to_string())
    };
    answer.map(headers).map_err(headers)
}

fn route(cloud: &Cloud, asked: &Asked, caller: &auth::Caller, path: &[&str]) -> Outcome {
    if asked.method != Method::GET {
        return Err(error::method(asked));
    }
    match path.first() {
        Some(&"users") => caller.may("okta.users.read")?,
        Some(&"groups") => caller.may("okta.groups.read")?,
        Some(&"apps") => caller.may("okta.apps.read")?,
        _ => {}
    }
    match path {
        ["users"] => users::list(cloud, asked),
        ["users", key] => users::one(cloud, asked, key),
        ["users", key, "groups"] => {
            caller.may("okta.groups.read")?;
            users::groups(cloud, asked, key)
        }
        ["groups"] => groups::list(cloud, asked),
        ["groups", "rules"] => groups::rules(cloud, asked),
        ["groups", "rules", id] => groups::rule(cloud, asked, id),
        ["groups", id] => groups::one(cloud, asked, id),
        ["groups", id, "users"] => groups::members(cloud, asked, id),
        ["apps"] => apps::list(cloud, asked),
        ["apps", id] => apps::one(cloud, asked, id),
        ["apps", id, "users"] => apps::users(cloud, asked, id),
        ["apps", id, "users", user] => apps::user(cloud, asked, id, user),
        ["apps", id, "groups"] => apps::groups(cloud, asked, id),
        _ => Err(error::not_found("Resource", &asked.path)),
    }
}
