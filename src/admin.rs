//! Controlling the gateway: JSON over HTTP, on a Unix socket or, without a running gateway, within the
//! command line itself. Both ways lead through the same routes.

mod sessions;
mod socket;
mod users;

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{delete, get, put},
};
use http::StatusCode;
use serde_json::json;

pub use self::{
    sessions::{EndedSessions, SessionView},
    socket::{SocketError, bind_socket, serve_socket},
    users::UserView,
};
use crate::{
    clock::Clock,
    store::{Store, StoreError},
};

/// What administrators act on.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Sessions and the directory. A running gateway learns of endings from there too.
    pub store: Store,
    /// The time.
    pub clock: Clock,
}

impl Admin {
    /// Every operation.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/sessions", get(sessions::list_sessions).delete(sessions::end_sessions_of))
            .route("/sessions/{id}", delete(sessions::end_session))
            .route("/users/{name}", get(users::show_users))
            .route("/users/{name}/block", put(users::block_users).delete(users::unblock_users))
            .with_state(self)
    }
}

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    #[error("there is no {0}")]
    NotFound(String),
    #[error("{0}")]
    BadRequest(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}
