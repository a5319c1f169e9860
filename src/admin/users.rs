//! Accounts: what is known of them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Admin, AdminError, Options, directories::find_directory};
use crate::{directory::NameKey, store::UserDetails};

/// An account as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// What applications know the account by, whatever its name: the `sub` of assertions.
    pub uuid: Uuid,
    /// The name to log in under.
    pub username: String,
    /// Where the account is.
    pub directory: String,
    /// The email address.
    pub email: Option<String>,
    /// The name that people read.
    pub display_name: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// What else is said, by name.
    pub attributes: BTreeMap<String, String>,
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
            uuid: details.user.uuid,
            username: profile.username,
            directory: details.directory,
            email: profile.email,
            display_name: profile.display_name,
            first_name: profile.first_name,
            last_name: profile.last_name,
            attributes: profile.attributes,
            inactive: details.user.inactive.map(|reason| reason.as_str().to_owned()),
            created_at: details.created_at,
            identities: details.identities,
            memberships: details.memberships,
        }
    }
}

/// The accounts of that name, in the directory that is asked for or in any; at least one.
pub(super) async fn find_users(
    admin: &Admin,
    name: &str,
    options: &Options,
) -> Result<Vec<UserDetails>, AdminError> {
    let mut users = admin.store.list_users_by_name(&NameKey::of(name)).await?;
    if let Some(directory) = &options.directory {
        let directory = find_directory(admin, directory).await?.id;
        users.retain(|details| details.user.directory == directory);
    }
    if users.is_empty() {
        return Err(AdminError::NotFound(format!("user {name:?}")));
    }
    Ok(users)
}

/// The one account of that name.
pub(super) async fn find_user(
    admin: &Admin,
    name: &str,
    options: &Options,
) -> Result<UserDetails, AdminError> {
    let mut users = find_users(admin, name, options).await?;
    if users.len() > 1 {
        let problem =
            format!("several directories have a user {name:?}: say which with --directory");
        return Err(AdminError::BadRequest(problem));
    }
    Ok(users.remove(0))
}

/// `GET /users?limit=…`
pub(super) async fn list_users(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<UserView>>, AdminError> {
    let options = Options::of(&uri)?;
    let directory = match &options.directory {
        Some(name) => Some(find_directory(&admin, name).await?.id),
        None => None,
    };
    let users = admin.store.list_users(directory, options.limit).await?;
    Ok(Json(users.into_iter().map(UserView::from).collect()))
}

/// `GET /users/{name}`
pub(super) async fn show_users(
    State(admin): State<Admin>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<Vec<UserView>>, AdminError> {
    let users = find_users(&admin, &name, &Options::of(&uri)?).await?;
    Ok(Json(users.into_iter().map(UserView::from).collect()))
}
