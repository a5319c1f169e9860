//! Accounts: what is known of them, and who may come in.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError, EndedSessions};
use crate::{directory::NameKey, store::UserDetails};

/// Who did it, for the change log.
const ACTOR: &str = "administrator";

/// An account as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// The name to log in under.
    pub username: String,
    /// Where the account is.
    pub directory: String,
    /// The email address.
    pub email: Option<String>,
    /// The name that people read.
    pub display_name: Option<String>,
    /// Why it is inactive, if it is.
    pub inactive: Option<String>,
    /// Since when there is one.
    pub created_at: DateTime<Utc>,
    /// Issuer, kind and value of every subject that the person is known by.
    pub identities: Vec<(String, String, String)>,
    /// Groups, each with the source that put them there.
    pub memberships: Vec<(String, String)>,
}

impl From<UserDetails> for UserView {
    fn from(details: UserDetails) -> Self {
        let profile = details.user.profile;
        Self {
            username: profile.username,
            directory: details.directory,
            email: profile.email,
            display_name: profile.display_name,
            inactive: details.user.inactive.map(|reason| reason.as_str().to_owned()),
            created_at: details.created_at,
            identities: details.identities,
            memberships: details.memberships,
        }
    }
}

/// The accounts of that name, in whichever directory; at least one.
pub(super) async fn find_users(
    admin: &Admin,
    name: &NameKey,
) -> Result<Vec<UserDetails>, AdminError> {
    let users = admin.store.list_users_by_name(name).await?;
    if users.is_empty() {
        return Err(AdminError::NotFound(format!("user {:?}", name.as_str())));
    }
    Ok(users)
}

/// `GET /users/{name}`
pub(super) async fn show_users(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<Vec<UserView>>, AdminError> {
    let users = find_users(&admin, &NameKey::of(&name)).await?;
    Ok(Json(users.into_iter().map(UserView::from).collect()))
}

/// `PUT /users/{name}/block`: no login brings the account back, and its sessions end.
pub(super) async fn block_users(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<EndedSessions>, AdminError> {
    let mut ended = 0;
    for details in find_users(&admin, &NameKey::of(&name)).await? {
        ended += admin.store.block_user(&details.user, ACTOR, admin.clock.now()).await?;
    }
    tracing::info!(user.name = name, ended, "an administrator blocked a user");
    Ok(Json(EndedSessions { ended }))
}

/// `DELETE /users/{name}/block`
pub(super) async fn unblock_users(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<Vec<UserView>>, AdminError> {
    let key = NameKey::of(&name);
    for details in find_users(&admin, &key).await? {
        admin.store.unblock_user(&details.user, ACTOR, admin.clock.now()).await?;
    }
    tracing::info!(user.name = name, "an administrator unblocked a user");
    let users = find_users(&admin, &key).await?;
    Ok(Json(users.into_iter().map(UserView::from).collect()))
}
