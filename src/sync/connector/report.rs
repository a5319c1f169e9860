//! What came of a run, or why nothing did.

use serde::{Deserialize, Serialize};

use super::{
    folding::FoldError,
    reading::ReadError,
    rows::{Nameless, RowsError, UserCounts},
};
use crate::{
    cloud::{ConnectorError, Usage},
    store::StoreError,
    sync::{
        removing::RemovalReport,
        roster::{RosterError, RosterReport},
    },
};

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunReport {
    /// Which run.
    pub run: i64,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Why it was only looked what would change, if nobody had asked for that.
    pub forced: Option<String>,
    /// Whether the cloud was asked for everything.
    pub full: bool,
    /// Whether all of the directory was compared, rather than whom something new was said of.
    pub compared_all: bool,
    /// How many answers the cloud gave.
    pub pages: u64,
    /// How many things it said.
    pub items: u64,
    /// What asking cost.
    pub usage: Usage,
    /// Who comes.
    pub users: UserCounts,
    /// What became of the directory; nothing if nothing had changed.
    pub directory: Option<RosterReport>,
    /// What was removed, having been gone for long; nothing if there was nothing.
    pub removed: Option<RemovalReport>,
    /// People and groups for whom there is no name.
    pub nameless: Vec<Nameless>,
    /// How many more there are.
    pub more_nameless: u64,
    /// What could not be read, and stays as it was.
    pub warnings: Vec<String>,
    /// How long reading took, folding, comparing and applying.
    pub seconds: [f64; 3],
}

/// Why a run broke off. But for [`RosterError::Unfinished`], nothing of it has been applied.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The cloud.
    #[error(transparent)]
    Cloud(ConnectorError),
    /// The cloud, for the time being.
    #[error("{0}; what was read so far is kept, and the next run goes on there")]
    Interrupted(ConnectorError),
    /// What was read, or made of it.
    #[error("{0}")]
    NotBelieved(String),
    /// Bringing the directory in line.
    #[error(transparent)]
    Directory(#[from] RosterError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody who is to be looked at is not there.
    #[error("nobody is called {0:?}, at the cloud or in the directory of the connector")]
    NoUser(String),
    /// Somebody is to be looked at while a run makes its changes, and that lasts.
    #[error("a run brings the directory in line at this moment: try again when it has ended")]
    Busy,
    /// There is nothing that could be tried again, or that is the lesser part of what is to be done.
    #[error("{0}")]
    NothingToRetry(&'static str),
}

impl From<ReadError> for RunError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Cloud(error) if error.is_passing() => Self::Interrupted(error),
            ReadError::Cloud(error) => Self::Cloud(error),
            ReadError::Store(error) => Self::Store(error),
            error @ ReadError::ManyGroups(_) => Self::NotBelieved(error.to_string()),
        }
    }
}

impl From<FoldError> for RunError {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Store(error) => Self::Store(error),
            error => Self::NotBelieved(error.to_string()),
        }
    }
}

impl From<RowsError> for RunError {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Store(error) => Self::Store(error),
            error => Self::NotBelieved(error.to_string()),
        }
    }
}
