//! Methods that the gateway lets through at all.

/// Methods that browsers, REST and git clients, and WebDAV (RFC 4918, RFC 3253) use. `TRACE` would show a
/// script the cookies, and `CONNECT` is for forward proxies.
pub const METHODS: [&str; 19] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "CHECKOUT",
    "MERGE",
    "MKACTIVITY",
];
