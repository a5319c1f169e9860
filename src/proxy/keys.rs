//! Where applications find the keys to verify assertions with.

use axum::response::IntoResponse as _;
use http::header;

use crate::{http::Response, keyring::Keyring};

/// On every host: it is the gateway's own, whatever applications have.
pub const KEYS_PATH: &str = "/_gatehouse/jwks.json";

/// On the login host, where verifiers look for it. An application that shares the host keeps its own.
pub const WELL_KNOWN_KEYS_PATH: &str = "/.well-known/jwks.json";

/// A key is announced for a day: who asks every few minutes has it long before it signs, and soon forgets one that
/// was retired.
const CACHE: &str = "public, max-age=300";

/// `GET /_gatehouse/jwks.json`: the public keys (RFC 7517 section 5).
#[must_use]
pub fn show_keys(keyring: &Keyring) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/jwk-set+json"), (header::CACHE_CONTROL, CACHE)];
    (headers, keyring.published()).into_response()
}
