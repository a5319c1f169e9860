//! Every resource, on one screen.

use std::sync::Arc;

use axum::{
    Router as Routes,
    routing::{get, post},
};

use super::{
    Crowd, authentication, events, groups, memberships, nesting, search, server::no_resource,
    sessions, settings, user_groups, users, webhooks, writing,
};

/// The resources below `/rest/usermanagement/1`. Whoever reaches one has been let in.
pub(super) fn resources(crowd: Arc<Crowd>) -> Routes {
    Routes::new()
        .route("/user", get(users::show_user))
        .route("/user/attribute", get(users::list_attributes))
        .route("/user/avatar", get(users::show_avatar))
        .route("/user/group/direct", get(user_groups::list_direct_groups))
        .route("/user/group/nested", get(user_groups::list_nested_groups))
        .route("/group", get(groups::show_group))
        .route("/group/attribute", get(groups::list_attributes))
        .route("/group/membership", get(memberships::list_memberships))
        .route("/group/user/direct", get(user_groups::list_direct_users))
        .route("/group/user/nested", get(user_groups::list_nested_users))
        .route("/group/child-group/direct", get(nesting::list_direct_children))
        .route("/group/child-group/nested", get(nesting::list_nested_children))
        .route("/group/parent-group/direct", get(nesting::list_direct_parents))
        .route("/group/parent-group/nested", get(nesting::list_nested_parents))
        .route("/search", get(search::search_by_text).post(search::search))
        .route("/session", post(sessions::begin_session).delete(sessions::end_sessions_of))
        .route(
            "/session/{token}",
            get(sessions::show_session)
                .post(sessions::validate_session)
                .delete(sessions::end_session),
        )
        .route("/authentication/notify", post(sessions::notify_authenticated))
        .route("/config/cookie", get(settings::show_cookie))
        .route("/event", get(events::show_place))
        .route("/event/{token}", get(events::list_events))
        .route("/webhook", post(webhooks::create_webhook))
        .route("/webhook/{id}", get(webhooks::show_webhook).delete(webhooks::delete_webhook))
        .route("/authentication", post(authentication::authenticate))
        .merge(writing::resources())
        .fallback(async || no_resource())
        .with_state(crowd)
}
