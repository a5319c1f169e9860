//! Secrets stay out of the configuration file: it only says where they are.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, path::PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

/// Where a secret is to be read from.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretSource {
    /// A file that holds the secret, such as a mounted Kubernetes secret.
    File(PathBuf),
    /// An environment variable.
    Env(String),
}

/// Why a file or variable that should hold a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}; {remedy}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// Every user of the machine could read the secret.
    #[error("{path} may be used by every user of the machine (mode {mode:03o}): run `chmod o-rwx {path}`", path = path.display())]
    OpenToAll {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The variable is not there.
    #[error("the environment has no variable {0}: set it where the gateway is started")]
    NoVariable(String),
}

impl SecretSource {
    /// Reads the secret, without the line break that editors leave at its end.
    #[expect(clippy::disallowed_methods, reason = "the configuration named the variable")]
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::File(path) => {
                check_secret_file(path)?;
                fs::read_to_string(path).map_err(|error| unreadable(path, error))?
            }
            Self::Env(name) => {
                std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?
            }
        };
        Ok(text.trim_end().into())
    }
}

/// Refuses a file with a secret that cannot be read, or that everybody could read.
pub fn check_secret_file(path: &Path) -> Result<(), SecretError> {
    let file = fs::File::open(path).map_err(|error| unreadable(path, error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(SecretError::OpenToAll { path: path.to_owned(), mode });
    }
    Ok(())
}

fn unreadable(path: &Path, error: std::io::Error) -> SecretError {
    let remedy = match error.kind() {
        std::io::ErrorKind::NotFound => "create it, or correct the path",
        std::io::ErrorKind::PermissionDenied => "let the gateway's user read it",
        _ => "put a readable file there",
    };
    SecretError::Unreadable { path: path.to_owned(), error, remedy }
}
