//! `docs/reference/error-codes`.

use serde_json::json;

use crate::support::clouds::{
    asked::{Answer, Asked},
    cloud::Cloud,
    tokens::random,
};

pub fn error(status: u16, code: &str, summary: &str, causes: &[&str]) -> Answer {
    let causes: Vec<_> = causes.iter().map(|cause| json!({ "errorSummary": cause })).collect();
    Answer::new(
        status,
        json!({
            "errorCode": code,
            "errorSummary": summary,
            "errorLink": code,
            "errorId": format!("oae{}", &random()[..20]),
            "errorCauses": causes,
        }),
    )
}

pub fn invalid(field: &str, cause: &str) -> Answer {
    let cause = format!("{field}: {cause}");
    error(400, "E0000001", &format!("Api validation failed: {field}"), &[&cause])
}

/// A condition that cannot be read, or asks for what cannot be asked.
pub fn criteria(text: &str) -> Answer {
    error(400, "E0000031", &format!("Invalid search criteria. {text}"), &[])
}

pub fn token() -> Answer {
    error(401, "E0000011", "Invalid token provided", &[])
}

pub fn session() -> Answer {
    error(401, "E0000005", "Invalid session", &[])
}

pub fn forbidden() -> Answer {
    error(403, "E0000006", "You do not have permission to perform the requested action", &[])
}

pub fn not_found(kind: &str, id: &str) -> Answer {
    error(404, "E0000007", &format!("Not found: Resource not found: {id} ({kind})"), &[])
}

pub fn method(asked: &Asked) -> Answer {
    let summary = "The endpoint does not support the provided HTTP method";
    error(405, "E0000022", summary, &[])
        .with("allow", if asked.path.is_empty() { "" } else { "GET" })
}

/// Too many requests; a limit of nothing is that of requests at the same time.
pub fn throttled(cloud: &Cloud, limit: u32, seconds: u64) -> Answer {
    let reset = cloud.now().timestamp() + i64::try_from(seconds).unwrap_or(60);
    let summary = "API call exceeded rate limit due to too many requests.";
    error(429, "E0000047", summary, &[])
        .with("x-rate-limit-limit", limit.to_string())
        .with("x-rate-limit-remaining", "0")
        .with("x-rate-limit-reset", reset.to_string())
}

/// The service failed.
pub fn failure(status: u16) -> Answer {
    match status {
        401 => token(),
        403 => forbidden(),
        404 => not_found("Resource", "unknown"),
        503 => error(503, "E0000010", "Service is in read only mode", &[]),
        _ => error(status, "E0000009", "Internal Server Error", &[]),
    }
}
