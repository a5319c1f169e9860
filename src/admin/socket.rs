//! The control socket. Who may open the file may control the gateway.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::Admin;

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
    // Nobody can connect to it before its permissions are right and it has its name.
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&new).map_err(failed)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)?;
    Ok(listener)
}

/// Answers on the socket until `stop`.
pub async fn serve_socket(listener: UnixListener, admin: Admin, stop: CancellationToken) {
    let serving = axum::serve(listener, admin.routes());
    let served = serving.with_graceful_shutdown(async move { stop.cancelled().await }).await;
    if let Err(error) = served {
        tracing::error!(%error, "the control socket broke");
    }
}
