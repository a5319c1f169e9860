//! Passwords of accounts that are the gateway's own.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError, Options, users::find_user};
use crate::passwords::locked_until;

/// A new password.
#[derive(Deserialize, Serialize)]
pub struct PasswordBody {
    /// The password.
    pub password: String,
    /// Whether it is for the day on which the identity provider is down.
    pub break_glass: bool,
}

/// What can be said of an account's password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordView {
    /// The account.
    pub username: String,
    /// Where it is.
    pub directory: String,
    /// Whether it has a password.
    pub is_set: bool,
    /// Whether it is for the day on which the identity provider is down.
    pub break_glass: bool,
    /// Whether it has to be changed.
    pub expired: bool,
    /// Since when it is the password.
    pub changed_at: Option<DateTime<Utc>>,
    /// When it was right last, to the hour.
    pub used_at: Option<DateTime<Utc>>,
    /// How many were wrong since; of an account for emergencies, from the network with the latest.
    pub failures: i64,
    /// Until when none is tried there, if that is so.
    pub locked_until: Option<DateTime<Utc>>,
}

/// What was done about a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordEditView {
    /// The account.
    pub username: String,
    /// Where it is.
    pub directory: String,
    /// How many sessions ended by it.
    pub ended_sessions: u64,
}

/// `GET /users/{name}/password`
pub(super) async fn show_password(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<PasswordView>, AdminError> {
    let details = find_user(&admin, &name, &Options::of(&uri)?).await?;
    let password = admin.store.find_password(details.user.id).await?;
    let failures = admin.store.list_password_failures(details.user.id).await?;
    let until = failures.first().and_then(locked_until);
    Ok(Json(PasswordView {
        username: details.user.profile.username,
        directory: details.directory,
        is_set: password.is_some(),
        break_glass: password.as_ref().is_some_and(|password| password.break_glass),
        expired: password.as_ref().is_some_and(|password| password.expired),
        changed_at: password.as_ref().map(|password| password.changed_at),
        used_at: password.and_then(|password| password.used_at),
        failures: failures.first().map_or(0, |failures| failures.count),
        locked_until: until.filter(|until| *until > admin.clock.now()),
    }))
}

/// `PUT /users/{name}/password`
pub(super) async fn set_password(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
    Json(body): Json<PasswordBody>,
) -> Result<Json<PasswordEditView>, AdminError> {
    let details = find_user(&admin, &name, &Options::of(&uri)?).await?;
    let PasswordBody { password, break_glass } = &body;
    let ended_sessions = admin.passwords.set(&details.user, password, *break_glass).await?;
    let (username, directory) = (details.user.profile.username, details.directory);
    tracing::info!(
        user.name = username,
        directory,
        break_glass,
        ended_sessions,
        "an administrator set a password"
    );
    Ok(Json(PasswordEditView { username, directory, ended_sessions }))
}

/// `DELETE /users/{name}/password`
pub(super) async fn remove_password(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<PasswordEditView>, AdminError> {
    let details = find_user(&admin, &name, &Options::of(&uri)?).await?;
    let removed = admin.passwords.remove(&details.user).await?;
    let (username, directory) = (details.user.profile.username, details.directory);
    let ended_sessions =
        removed.ok_or_else(|| AdminError::NotFound(format!("password of user {username:?}")))?;
    tracing::info!(
        user.name = username,
        directory,
        ended_sessions,
        "an administrator removed a password"
    );
    Ok(Json(PasswordEditView { username, directory, ended_sessions }))
}
