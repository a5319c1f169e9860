//! Every resource, on one screen.

use std::sync::Arc;

use axum::{Router as Routes, routing::get};

use super::{Crowd, groups, server::no_resource, settings, users};

/// The resources below `/rest/usermanagement/1`. Whoever reaches one has been let in.
pub(super) fn resources(crowd: Arc<Crowd>) -> Routes {
    Routes::new()
        .route("/user", get(users::show_user))
        .route("/group", get(groups::show_group))
        .route("/config/cookie", get(settings::show_cookie))
        .fallback(async || no_resource())
        .with_state(crowd)
}
