//! Who is logged in, and ending it.

use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{Admin, AdminError, Options, users::find_users};
use crate::{
    directory::NameKey,
    store::{SessionId, SessionListing},
};

/// A session as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Its number, for ending it.
    pub id: i64,
    /// Whose it is.
    pub username: String,
    /// Who vouched, such as `saml:entra`.
    pub issuer: String,
    /// How they got in, such as `kerberos` or `crowd-no-password`.
    pub method: String,
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
            method: session.method,
            created_at: session.created_at,
            seen_at: session.seen_at,
            expires_at: session.expires_at,
        }
    }
}

/// `GET /sessions?user=…`, the latest first.
pub(super) async fn list_sessions(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<Vec<SessionView>>, AdminError> {
    let options = Options::of(&uri)?;
    let user = options.user.as_deref().map(NameKey::of);
    let now = admin.clock.now();
    let sessions =
        admin.store.list_sessions(user.as_ref().map(NameKey::as_str), now, options.limit);
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
    let options = Options::of(&uri)?;
    let missing = || AdminError::BadRequest("say which user".to_owned());
    let name = options.user.clone().ok_or_else(missing)?;
    let mut ended = 0;
    for user in find_users(&admin, &name, &options).await? {
        ended += admin.store.delete_sessions_of(user.user.person, admin.clock.now()).await?;
    }
    tracing::info!(user.name = name, ended, "an administrator ended sessions");
    Ok(Json(EndedSessions { ended }))
}
