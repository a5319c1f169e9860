//! Who is logged in, and ending it.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError};
use crate::{
    directory::NameKey,
    http::Parameters,
    store::{SessionId, SessionListing},
};

/// More would be no list for people.
const MAX_LISTED: i64 = 1000;

/// A session as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its number, for ending it.
    pub id: i64,
    /// Whose it is.
    pub username: String,
    /// Who vouched, such as `saml:entra`.
    pub issuer: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was last seen, to the minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// How many sessions were ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSessions {
    /// That many.
    pub ended: u64,
}

impl From<SessionListing> for SessionView {
    fn from(session: SessionListing) -> Self {
        Self {
            id: session.id.0,
            username: session.username,
            issuer: session.issuer,
            created_at: session.created_at,
            seen_at: session.seen_at,
            expires_at: session.expires_at,
        }
    }
}

/// The `user` of the query, as the directory compares names.
fn user(uri: &Uri) -> Result<Option<NameKey>, AdminError> {
    let parameters = Parameters::of(uri)
        .map_err(|_| AdminError::BadRequest("a parameter is there twice".to_owned()))?;
    Ok(parameters.find("user").map(NameKey::of))
}

/// `GET /sessions?user=…`, the latest first.
pub(super) async fn list_sessions(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<SessionView>>, AdminError> {
    let user = user(&uri)?;
    let now = admin.clock.now();
    let sessions = admin.store.list_sessions(user.as_ref().map(NameKey::as_str), now, MAX_LISTED);
    Ok(Json(sessions.await?.into_iter().map(SessionView::from).collect()))
}

/// `DELETE /sessions/{id}`
pub(super) async fn end_session(
    State(admin): State<Admin>,
    Path(id): Path<i64>,
) -> Result<Json<EndedSessions>, AdminError> {
    if admin.store.delete_session(SessionId(id), admin.clock.now()).await? {
        tracing::info!(session = id, "an administrator ended a session");
        return Ok(Json(EndedSessions { ended: 1 }));
    }
    Err(AdminError::NotFound(format!("session {id}")))
}

/// `DELETE /sessions?user=…`: every session of whoever has that name.
pub(super) async fn end_sessions_of(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<EndedSessions>, AdminError> {
    let name = user(&uri)?.ok_or_else(|| AdminError::BadRequest("say which user".to_owned()))?;
    let mut ended = 0;
    for user in super::users::find_users(&admin, &name).await? {
        ended += admin.store.delete_sessions_of(user.user.person, admin.clock.now()).await?;
    }
    tracing::info!(user.name = name.as_str(), ended, "an administrator ended sessions");
    Ok(Json(EndedSessions { ended }))
}
