//! Errors as Graph writes them: `concepts/errors`.

use serde_json::{Value, json};

use crate::support::clouds::{
    asked::{Answer, Asked},
    cloud::Cloud,
    time::{Moment, in_seconds},
};

/// An error with its code.
pub fn error(asked: &Asked, status: u16, code: &str, message: &str) -> Answer {
    let id = request_id();
    let client = asked.header("client-request-id").unwrap_or(&id);
    let body = body(code, message, &json!({}), asked.now, &id, client);
    Answer::new(status, body)
}

/// What is written of an error; `inner` may say more.
fn body(code: &str, message: &str, inner: &Value, now: Moment, id: &str, client: &str) -> Value {
    let mut inner = inner.clone();
    inner["date"] = json!(in_seconds(now).trim_end_matches('Z'));
    inner["request-id"] = json!(id);
    inner["client-request-id"] = json!(client);
    json!({ "error": { "code": code, "message": message, "innerError": inner } })
}

pub fn request_id() -> String {
    let mut bytes = [0; 16];
    let _ = openssl::rand::rand_bytes(&mut bytes);
    let all = u128::from_be_bytes(bytes);
    let part = |shift: u32, mask: u128| (all >> shift) & mask;
    let (a, b, c) = (part(96, 0xffff_ffff), part(80, 0xffff), part(64, 0xfff));
    format!("{a:08x}-{b:04x}-4{c:03x}-a{:03x}-{:012x}", part(48, 0xfff), part(0, 0xffff_ffff_ffff))
}

/// Without permission for the whole call.
pub fn forbidden(asked: &Asked) -> Answer {
    let message = "Insufficient privileges to complete the operation.";
    error(asked, 403, "Authorization_RequestDenied", message)
}

/// There is no such object.
pub fn not_found(asked: &Asked, id: &str) -> Answer {
    let message = format!(
        "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
    );
    error(asked, 404, "Request_ResourceNotFound", &message)
}

pub fn bad(asked: &Asked, message: &str) -> Answer {
    error(asked, 400, "BadRequest", message)
}

pub fn unsupported(asked: &Asked, message: &str) -> Answer {
    error(asked, 400, "Request_UnsupportedQuery", message)
}

/// Too much in too little time. Whoever throttles says for how long, or does not.
pub fn throttled(cloud: &Cloud) -> Answer {
    let id = request_id();
    let message = "Please retry again later.";
    let inner = json!({ "code": "429", "status": "429", "message": message });
    let body = body("TooManyRequests", "Too many requests", &inner, cloud.now(), &id, &id);
    Answer::new(429, body)
        .with("x-ms-throttle-scope", "Tenant_Application/ReadWrite/gatehouse/tenant")
        .with("x-ms-throttle-information", "ResourceUnitLimitExceeded")
}

/// The service failed.
pub fn failure(cloud: &Cloud, status: u16) -> Answer {
    let (code, message) = match status {
        401 => ("InvalidAuthenticationToken", "Access token validation failure."),
        403 => {
            ("Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        }
        429 => return throttled(cloud),
        500 => ("generalException", "An internal server error occurred."),
        502 => ("badGateway", "The server received an invalid response from another."),
        503 => ("serviceNotAvailable", "The service is temporarily unavailable. Retry later."),
        504 => ("gatewayTimeout", "The server timed out waiting for another."),
        _ => ("UnknownError", ""),
    };
    let id = request_id();
    Answer::new(status, body(code, message, &json!({}), cloud.now(), &id, &id))
}
