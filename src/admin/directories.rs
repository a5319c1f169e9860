//! Directories.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError};
use crate::{
    directory::{DirectoryId, NameKey},
    store::DirectoryListing,
};

/// A directory as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryView {
    /// Its name.
    pub name: String,
    /// Who owns its content.
    pub kind: String,
    /// Since when no application sees it, if that is so.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when it is removed, if it is, and waits to be purged.
    pub removed_at: Option<DateTime<Utc>>,
    /// How many users it has.
    pub users: i64,
    /// How many groups it has.
    pub groups: i64,
    /// How many sessions have ended because nobody gets in by it any more.
    #[serde(default)]
    pub ended_sessions: u64,
}

impl From<DirectoryListing> for DirectoryView {
    fn from(directory: DirectoryListing) -> Self {
        let DirectoryListing { name, kind, disabled_at, removed_at, users, groups, .. } = directory;
        Self { name, kind, disabled_at, removed_at, users, groups, ended_sessions: 0 }
    }
}

/// `GET /directories`
pub(super) async fn list_directories(
    State(admin): State<Admin>,
) -> Result<Json<Vec<DirectoryView>>, AdminError> {
    let directories = admin.store.list_directories().await?;
    Ok(Json(directories.into_iter().map(DirectoryView::from).collect()))
}

/// The directory of that name.
pub(super) async fn find_directory(
    admin: &Admin,
    name: &str,
) -> Result<DirectoryListing, AdminError> {
    let key = NameKey::of(name);
    let all = admin.store.list_directories().await?;
    let found = all.into_iter().find(|directory| NameKey::of(&directory.name) == key);
    found.ok_or_else(|| AdminError::NotFound(format!("directory {name:?}")))
}

/// The directory of that name, if it is not removed.
pub(super) async fn find_writable_directory(
    admin: &Admin,
    name: &str,
) -> Result<DirectoryListing, AdminError> {
    let found = find_directory(admin, name).await?;
    if found.removed_at.is_some() {
        let problem = format!("directory {name:?} is removed: restore it first");
        return Err(AdminError::BadRequest(problem));
    }
    Ok(found)
}

/// `PUT /directories/{name}/disabled`: nobody gets in by it any more, sessions end, and applications see none of its
/// accounts. Nothing in it changes.
pub(super) async fn disable_directory(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<DirectoryView>, AdminError> {
    set_disabled(&admin, &name, Some(admin.clock.now())).await
}

/// `DELETE /directories/{name}/disabled`
pub(super) async fn enable_directory(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<DirectoryView>, AdminError> {
    set_disabled(&admin, &name, None).await
}

async fn set_disabled(
    admin: &Admin,
    name: &str,
    at: Option<DateTime<Utc>>,
) -> Result<Json<DirectoryView>, AdminError> {
    let found = find_writable_directory(admin, name).await?;
    admin.store.set_directory_disabled(found.id, at).await?;
    let ended_sessions = end_sessions(admin, found.id, at).await?;
    tracing::info!(
        directory = found.name,
        disabled = at.is_some(),
        ended_sessions,
        "an administrator switched a directory"
    );
    let view = DirectoryView::from(find_directory(admin, name).await?);
    Ok(Json(DirectoryView { ended_sessions, ..view }))
}

/// Ends sessions, if nobody gets in any more.
async fn end_sessions(
    admin: &Admin,
    directory: DirectoryId,
    at: Option<DateTime<Utc>>,
) -> Result<u64, AdminError> {
    match at {
        Some(at) => Ok(admin.store.delete_sessions_in(directory, at).await?),
        None => Ok(0),
    }
}

/// `PUT /directories/{name}/removed`: as if it were gone, until it is restored or purged.
pub(super) async fn remove_directory(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<DirectoryView>, AdminError> {
    set_removed(&admin, &name, Some(admin.clock.now())).await
}

/// `DELETE /directories/{name}/removed`: it is there again, with all that it held.
pub(super) async fn restore_directory(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<DirectoryView>, AdminError> {
    set_removed(&admin, &name, None).await
}

async fn set_removed(
    admin: &Admin,
    name: &str,
    at: Option<DateTime<Utc>>,
) -> Result<Json<DirectoryView>, AdminError> {
    let found = find_directory(admin, name).await?;
    if at.is_some() && admin.targets.all().contains(&found.id) {
        let problem = format!("logins make accounts in {name:?}: change the configuration first");
        return Err(AdminError::BadRequest(problem));
    }
    let follower = admin.connectors.all().find(|connector| connector.directory == found.id);
    if let (Some(_), Some(connector)) = (at, follower) {
        let connector = &connector.name;
        let problem = format!(
            "{name:?} follows connector {connector:?}: take that out of the configuration first"
        );
        return Err(AdminError::BadRequest(problem));
    }
    admin.store.set_directory_removed(found.id, at).await?;
    let ended_sessions = end_sessions(admin, found.id, at).await?;
    tracing::info!(
        directory = found.name,
        removed = at.is_some(),
        ended_sessions,
        "an administrator removed or restored a directory"
    );
    let view = DirectoryView::from(find_directory(admin, name).await?);
    Ok(Json(DirectoryView { ended_sessions, ..view }))
}

/// `DELETE /directories/{name}`: for good. Only one that is removed.
pub(super) async fn purge_directory(
    State(admin): State<Admin>,
    Path(name): Path<String>,
) -> Result<Json<DirectoryView>, AdminError> {
    let found = find_directory(&admin, &name).await?;
    admin.store.purge_directory(found.id).await?;
    tracing::info!(directory = found.name, "an administrator purged a directory");
    Ok(Json(found.into()))
}
