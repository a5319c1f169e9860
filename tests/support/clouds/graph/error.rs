//! Errors as Graph writes them: `concepts/errors`.

use serde_json::json;

use crate::support::clouds::{
    asked::{Answer, Asked},
    cloud::Cloud,
    time::in_seconds,
    tokens::random,
};

/// An error with its code.
pub fn error(asked: &Asked, status: u16, code: &str, message: &str) -> Answer {
    let id = request_id();
    let client = asked.header("client-request-id").unwrap_or(&id);
    Answer::new(
        status,
        json!({ "error": {
        "code": code,
        "message": message,
        "innerError": { "date": "2026-11-26T07:00:00", "request-id": id, "client-request-id": client },
    } }),
    )
}

pub fn request_id() -> String {
    let random = random();
    let hex: String = random.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..30])
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
    let body = json!({ "error": {
        "code": "TooManyRequests",
        "message": "Too many requests",
        "innerError": {
            "code": "429", "status": "429", "message": "Please retry again later.",
            "date": in_seconds(cloud.now()).trim_end_matches('Z'),
            "request-id": id, "client-request-id": id,
        },
    } });
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
        404 => ("UnknownError", ""),
        429 => return throttled(cloud),
        500 => ("generalException", "An internal server error occurred."),
        502 => ("badGateway", "The server received an invalid response from another."),
        503 => ("serviceNotAvailable", "The service is temporarily unavailable. Retry later."),
        504 => ("gatewayTimeout", "The server timed out waiting for another."),
        _ => ("UnknownError", ""),
    };
    let id = request_id();
    Answer::new(
        status,
        json!({ "error": {
        "code": code,
        "message": message,
        "innerError": {
            "date": in_seconds(cloud.now()).trim_end_matches('Z'),
            "request-id": id, "client-request-id": id,
        },
    } }),
    )
}
