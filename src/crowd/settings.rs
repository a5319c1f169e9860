//! What applications are told of the gateway.

use http::StatusCode;

use super::asking::Asking;
use crate::http::Response;

/// `GET /config/cookie`: which cookie signs people in.
pub(super) async fn show_cookie(asking: Asking) -> Response {
    let cookie = &asking.application.cookie;
    asking.answer(StatusCode::OK, |writer| {
        writer.begin_document("cookie-config");
        writer.text("domain", &cookie.domain);
        writer.flag("secure", cookie.secure);
        writer.text("name", &cookie.name);
        writer.end("cookie-config");
    })
}
