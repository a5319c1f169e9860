//! `directory/v1/limits`, `drive/api/guides/handle-errors` and what client libraries look for: a domain and a reason.

use serde_json::json;

use crate::support::clouds::asked::Answer;

fn error(code: u16, domain: &str, reason: &str, message: &str) -> Answer {
    Answer::new(
        code,
        json!({ "error": {
        "code": code,
        "message": message,
        "errors": [{ "message": message, "domain": domain, "reason": reason }],
    } }),
    )
}

pub fn invalid(what: &str) -> Answer {
    error(400, "global", "invalid", &format!("Invalid Input: {what}"))
}

pub fn bad_request() -> Answer {
    error(400, "global", "badRequest", "Bad Request")
}

pub fn bad_fields(fields: &str) -> Answer {
    let message = format!("Invalid field selection {fields}");
    error(400, "global", "invalidParameter", &message)
}

pub fn unknown_name(name: &str) -> Answer {
    let message = format!(
        "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be found in request message."
    );
    error(400, "global", "badRequest", &message)
}

pub fn no_login() -> Answer {
    error(401, "global", "required", "Login Required.")
        .with("www-authenticate", "Bearer realm=\"https://accounts.google.com/\"")
}

pub fn bad_token() -> Answer {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.";
    error(401, "global", "authError", message).with(
        "www-authenticate",
        "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"",
    )
}

pub fn scopes() -> Answer {
    let message = "Request had insufficient authentication scopes.";
    error(403, "global", "insufficientPermissions", message).with(
        "www-authenticate",
        "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\"",
    )
}

pub fn forbidden() -> Answer {
    error(403, "global", "forbidden", "Not Authorized to access this resource/api")
}

pub fn not_found(what: &str) -> Answer {
    error(404, "global", "notFound", &format!("Resource Not Found: {what}"))
}

pub fn required(name: &str) -> Answer {
    error(400, "global", "required", &format!("Required parameter: {name}"))
}

pub fn webhook_not_https() -> Answer {
    error(400, "global", "push.webhookUrlNotHttps", "WebHook callback must be HTTPS")
}

pub fn channel_not_unique(id: &str) -> Answer {
    error(400, "global", "channelIdNotUnique", &format!("Channel id {id} not unique"))
}

pub fn channel_not_found(id: &str) -> Answer {
    error(404, "global", "channelNotFound", &format!("Channel '{id}' not found for project"))
}

pub fn precondition() -> Answer {
    error(412, "global", "conditionNotMet", "Precondition Failed")
}

/// Too many queries in a minute.
pub fn throttled() -> Answer {
    error(403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded")
}

/// The service failed, or has had enough: 403 is the quota, 429 the rate.
pub fn failure(status: u16) -> Answer {
    match status {
        401 => bad_token(),
        403 => error(
            403,
            "usageLimits",
            "quotaExceeded",
            "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'",
        ),
        404 => not_found("groupKey"),
        412 => precondition(),
        429 => error(429, "usageLimits", "rateLimitExceeded", "Too Many Requests"),
        503 => error(503, "global", "backendError", "Service unavailable. Please try again"),
        _ => error(status, "global", "backendError", "Backend Error"),
    }
}
