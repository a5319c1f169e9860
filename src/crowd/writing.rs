//! What applications change, if the configuration lets them (`writable`): users, groups and memberships of
//! directories that are the gateway's own, each change a plan like an administrator's.
//!
//! Memberships begin by the word of `crowd:<application>`, and only those can the application end. Members of
//! protected groups, accounts for emergencies and the groups themselves are none of its business.

mod applying;
mod attributes;
mod groups;
mod memberships;
mod nestings;
mod passwords;
mod permission;
mod texts;
mod users;

use std::sync::Arc;

use axum::{
    Router as Routes,
    routing::{post, put},
};

use super::Crowd;

/// Every resource that changes something.
pub(super) fn resources() -> Routes<Arc<Crowd>> {
    Routes::new()
        .route("/user", post(users::create_user).put(users::update_user).delete(users::remove_user))
        .route("/user/rename", post(users::rename_user))
        .route(
            "/user/attribute",
            post(attributes::store_attributes)
                .put(attributes::store_attributes)
                .delete(attributes::remove_attribute),
        )
        .route("/user/password", put(passwords::set_password).delete(passwords::remove_password))
        .route("/user/mail/password", post(passwords::mail_password))
        .route("/user/mail/usernames", post(passwords::mail_usernames))
        .route("/user/expire-all-passwords", post(passwords::expire_all_passwords))
        .route("/user/group/direct", post(memberships::join_group).delete(memberships::leave_group))
        .route(
            "/group",
            post(groups::create_group).put(groups::update_group).delete(groups::remove_group),
        )
        .route(
            "/group/attribute",
            post(attributes::refuse_group_attributes)
                .put(attributes::refuse_group_attributes)
                .delete(attributes::remove_group_attribute),
        )
        .route(
            "/group/user/direct",
            post(memberships::add_member).delete(memberships::remove_member),
        )
        .route(
            "/group/child-group/direct",
            post(nestings::add_child).delete(nestings::remove_child),
        )
        .route(
            "/group/parent-group/direct",
            post(nestings::add_parent).delete(nestings::remove_parent),
        )
}
