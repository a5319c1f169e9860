//! Microsoft Graph 1.0, as far as a directory is read with it: `learn.microsoft.com/graph`, the pages named in each module.

pub mod applications;
pub mod batch;
pub mod delta;
pub mod error;
pub mod filter;
pub mod groups;
pub mod members;
pub mod options;
pub mod subscriptions;
pub mod token;
pub mod users;

use axum::http::Method;
use serde_json::{Value, json};

use super::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    tokens::{Issued, Presented},
};
use error::error;

/// Answers a request of `graph.microsoft.com`, or of a national cloud's host.
pub fn answer(cloud: &Cloud, asked: &Asked) -> Answer {
    let answer = authorized(cloud, asked).and_then(|token| {
        let path = versioned(cloud, asked)?;
        if path == ["$batch"] {
            return batch::answer(cloud, asked, &token);
        }
        metered(cloud, asked, &token, &path)
    });
    answer.unwrap_or_else(|refusal| refusal).with("request-id", error::request_id())
}

/// `concepts/auth-v2-service`: a bearer token, and nothing else.
fn authorized(cloud: &Cloud, asked: &Asked) -> Result<Issued, Answer> {
    let refuse = |message| {
        let challenge = format!(
            "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\"",
            cloud.origin("login")
        );
        error(asked, 401, "InvalidAuthenticationToken", message).with("www-authenticate", challenge)
    };
    let Some(token) = asked.authorization("Bearer").filter(|token| !token.is_empty()) else {
        return Err(refuse("Access token is empty."));
    };
    match cloud.tokens.find(token, cloud.now()) {
        Presented::Good(issued) => Ok(issued),
        Presented::Expired => Err(refuse("Lifetime validation failed, the token is expired.")),
        Presented::Unknown => {
            Err(refuse("IDX14100: JWT is not well formed, there are no dots (.)."))
        }
    }
}

/// The path after `/v1.0`, in one spelling.
fn versioned(cloud: &Cloud, asked: &Asked) -> Result<Vec<String>, Answer> {
    let base = cloud.manners().base_path;
    let Some(path) = asked.path.strip_prefix(&base) else {
        return Err(error(asked, 404, "ResourceNotFound", "There is nothing at this path."));
    };
    let mut segments = Asked { path: path.to_owned(), ..asked.clone() }.segments();
    if segments.first().map(String::as_str) != Some("v1.0") {
        let version = segments.first().cloned().unwrap_or_default();
        return Err(error(asked, 400, "BadRequest", &format!("Invalid version: {version}.")));
    }
    segments.remove(0);
    Ok(segments.iter().flat_map(|segment| spell(segment)).collect())
}

/// `users('id')` is `users/id`, `servicePrincipals(appId='id')` has another key, `microsoft.graph.delta()` is `delta`, `graph.user` is `microsoft.graph.user`.
fn spell(segment: &str) -> Vec<String> {
    let name = segment.strip_suffix("()").unwrap_or(segment);
    if let Some((set, key)) = name.split_once("('") {
        return vec![set.to_owned(), key.trim_end_matches("')").to_owned()];
    }
    if let Some((set, key)) = name.split_once("(appId='") {
        return vec![set.to_owned(), format!("appId={}", key.trim_end_matches("')"))];
    }
    let bare = name.strip_prefix("microsoft.graph.").or_else(|| name.strip_prefix("graph."));
    vec![match bare {
        Some(cast @ ("user" | "group" | "device" | "servicePrincipal" | "orgContact")) => {
            format!("microsoft.graph.{cast}")
        }
        Some(function) => function.to_owned(),
        None => name.to_owned(),
    }]
}

/// `concepts/throttling-limits`, identity and access: resource units in ten seconds.
pub fn metered(cloud: &Cloud, asked: &Asked, token: &Issued, path: &[String]) -> Outcome {
    let cost = cost(asked, path);
    let level = cloud.take("units", cost, 10);
    if level.over {
        let seconds = (level.ends - cloud.now()).num_seconds() + 1;
        return Err(error::throttled(cloud).with("retry-after", seconds.to_string()));
    }
    let answer = route(cloud, asked, token, path)?.with("x-ms-resource-unit", cost.to_string());
    let used = f64::from(level.limit - level.remaining) / f64::from(level.limit.max(1));
    Ok(if used > 0.8 {
        answer.with("x-ms-throttle-limit-percentage", format!("{used:.1}"))
    } else {
        answer
    })
}

fn cost(asked: &Asked, path: &[String]) -> u32 {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let base: i32 = match path.as_slice() {
        ["users"] | ["users", _, "getMemberGroups" | "transitiveMemberOf", ..] => 2,
        ["groups", _, "members", ..] | ["directoryObjects", "getByIds"] => 3,
        ["users" | "groups", _, "checkMemberGroups"] => 4,
        ["groups", _, "transitiveMembers", ..] => 5,
        _ => 1,
    };
    let has = |name| i32::from(asked.parameter(name).is_some());
    let small =
        asked.parameter("$top").and_then(|top| top.parse().ok()).is_some_and(|top: u32| top < 20);
    let cost = base - has("$select") + has("$expand") - i32::from(small);
    u32::try_from(cost.max(1)).unwrap_or(1)
}

const USERS: &[&str] = &["User.Read.All", "User.ReadWrite.All", "Directory.Read.All"];
const GROUPS: &[&str] = &["GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"];
const APPS: &[&str] = &["Application.Read.All", "Directory.Read.All"];
/// `api/application-get`, application permissions.
const APPLICATIONS: &[&str] = &[
    "Application.Read.All",
    "Application.ReadWrite.OwnedBy",
    "Application.ReadWrite.All",
    "Directory.Read.All",
];
/// Permission to see who is in groups that hide it.
pub const HIDDEN: &[&str] = &["Member.Read.Hidden"];

fn route(cloud: &Cloud, asked: &Asked, token: &Issued, path: &[String]) -> Outcome {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let may = |any_of: &[&str]| {
        if token.allows(any_of) { Ok(()) } else { Err(error::forbidden(asked)) }
    };
    match (asked.method.clone(), path.as_slice()) {
        (Method::GET, ["users", ..]) | (Method::POST, ["users", _, _]) => may(USERS)?,
        (Method::GET | Method::POST, ["groups", ..]) => may(GROUPS)?,
        (Method::GET, ["servicePrincipals", ..]) => may(APPS)?,
        (Method::GET, ["applications", ..]) => may(APPLICATIONS)?,
        _ => {}
    }
    match (asked.method.clone(), path.as_slice()) {
        (Method::GET, ["users"]) => users::list(cloud, asked),
        (Method::GET, ["users", "$count"]) => users::count(cloud, asked),
        (Method::GET, ["users", "delta"]) => delta::users(cloud, asked),
        (Method::GET, ["users", id]) => users::one(cloud, asked, id),
        (Method::GET, ["users", id, "manager"]) => users::manager(cloud, asked, id),
        (Method::GET, ["users", id, how @ ("memberOf" | "transitiveMemberOf"), cast @ ..]) => {
            may(GROUPS)?;
            members::groups_of(cloud, asked, id, *how != "memberOf", cast)
        }
        (Method::POST, ["users", id, "getMemberGroups" | "getMemberObjects"]) => {
            may(GROUPS)?;
            members::ids_of_groups(cloud, asked, id)
        }
        (Method::POST, ["users", id, "checkMemberGroups"]) => {
            may(GROUPS)?;
            members::check(cloud, asked, id)
        }
        (Method::GET, ["groups"]) => groups::list(cloud, asked),
        (Method::GET, ["groups", "$count"]) => groups::count(cloud, asked),
        (Method::GET, ["groups", "delta"]) => delta::groups(cloud, asked, token),
        (Method::GET, ["groups", id]) => groups::one(cloud, asked, id),
        (Method::GET, ["groups", id, how @ ("members" | "transitiveMembers"), cast @ ..]) => {
            let readable = token.allows(USERS);
            let hidden = token.allows(HIDDEN);
            members::of_group(
                cloud,
                asked,
                id,
                members::Reading { nested: *how != "members", readable, hidden },
                cast,
            )
        }
        (Method::POST, ["directoryObjects", "getByIds"]) => {
            members::by_ids(cloud, asked, token.allows(USERS))
        }
        (Method::GET, ["servicePrincipals"]) => groups::applications(cloud, asked),
        (Method::GET, ["servicePrincipals", id]) => groups::application(cloud, asked, id),
        (Method::GET, ["servicePrincipals", id, "appRoleAssignedTo"]) => {
            groups::assigned(cloud, asked, id)
        }
        (Method::GET, ["applications", key]) => applications::one(cloud, asked, key),
        (Method::GET, ["organization"]) => Ok(organization(cloud, asked)),
        (Method::GET, ["directory", "deletedItems", "microsoft.graph.user"]) => {
            may(USERS)?;
            users::deleted(cloud, asked)
        }
        (Method::GET, ["subscriptions"]) => Ok(subscriptions::list(cloud, asked)),
        (Method::POST, ["subscriptions"]) => subscriptions::create(cloud, asked, token),
        (Method::PATCH, ["subscriptions", id]) => subscriptions::update(cloud, asked, id),
        (Method::DELETE, ["subscriptions", id]) => subscriptions::delete(cloud, asked, id),
        (Method::GET, [first, ..]) => {
            let message = format!("Resource not found for the segment '{first}'.");
            Err(error(asked, 400, "BadRequest", &message))
        }
        _ => Err(error(
            asked,
            405,
            "Request_BadRequest",
            "Specified HTTP method is not allowed for the request target.",
        )),
    }
}

fn organization(cloud: &Cloud, asked: &Asked) -> Answer {
    let registration = &cloud.credentials.graph;
    let organization = json!({
        "id": registration.tenant,
        "displayName": "Example",
        "verifiedDomains": [{
            "name": registration.domain, "isDefault": true, "isInitial": true,
            "capabilities": "Email", "type": "Managed",
        }],
    });
    Answer::json(
        json!({ "@odata.context": context(asked, cloud, "organization"), "value": [organization] }),
    )
}

/// `@odata.context` of an answer.
pub fn context(asked: &Asked, cloud: &Cloud, of: &str) -> Value {
    json!(format!("{}{}/v1.0/$metadata#{of}", asked.origin, cloud.manners().base_path))
}
