//! The control socket. Who may open the file may control the gateway.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use axum::{
    Json, Router,
    extract::{Request, State},
    routing::post,
};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::AdminError;
use crate::lifecycle::{Orders, Reloaded};

/// Why the control socket cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// A gateway answers there.
    #[error("admin.socket {0}: another gateway is running with it")]
    InUse(PathBuf),
    /// The system says no.
    #[error("admin.socket {0}: {1}; make its directory, and let the gateway's user write to it")]
    Io(PathBuf, io::Error),
}

/// Makes the socket, for its owner only, in place of one that a killed gateway left behind.
pub async fn bind_socket(path: &Path) -> Result<UnixListener, SocketError> {
    if UnixStream::connect(path).await.is_ok() {
        return Err(SocketError::InUse(path.to_owned()));
    }
    let failed = |error| SocketError::Io(path.to_owned(), error);
    // Nobody can connect to it before its permissions are right and it has its name: only its owner can look into this.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let home = parent.unwrap_or(Path::new("."));
    let for_its_owner = fs::Permissions::from_mode(0o700);
    let mut private = tempfile::Builder::new();
    let private = private.prefix(".").permissions(for_its_owner).tempdir_in(home);
    let private = private.map_err(failed)?;
    // The system takes a hundred characters or so: this shall not be longer than the name that it gets.
    let new = private.path().join("s");
    let listener = UnixListener::bind(&new).map_err(failed)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)?;
    Ok(listener)
}

/// Answers on the socket until `stop`, by whichever routes there are then; and passes on orders.
pub async fn serve_socket(
    listener: UnixListener,
    routes: Arc<ArcSwap<Router>>,
    orders: Orders,
    stop: CancellationToken,
) {
    let current = move |request: Request| {
        let routes = Router::clone(&routes.load());
        routes.oneshot(request)
    };
    let reload = post(reload).with_state(orders);
    let serving = axum::serve(listener, Router::new().route("/reload", reload).fallback(current));
    let served = serving.with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(%error, "the control socket broke");
    }
}

/// Has the gateway read its configuration again.
async fn reload(State(orders): State<Orders>) -> Result<Json<Reloaded>, AdminError> {
    orders.reload().await.map(Json).map_err(AdminError::BadRequest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_its_owners_and_leaves_nothing_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("control.sock");
        // One that a killed gateway has left.
        drop(UnixListener::bind(&path).unwrap());
        let listener = bind_socket(&path).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let names: Vec<_> =
            fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["control.sock"]);
        assert!(matches!(bind_socket(&path).await, Err(SocketError::InUse(_))));
        drop(listener);
    }
}
