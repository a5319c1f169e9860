//! What can go wrong with the store.

use std::path::PathBuf;

use crate::provisioning::Refusal;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Sql(#[from] sqlx::Error),
    /// The address of the database means nothing.
    #[error("store.url {url:?} cannot be used: {problem}")]
    Url {
        /// What it says.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no connection.
    #[error("cannot open the database {target}: {error}; {remedy}")]
    Open {
        /// Which database; without credentials.
        target: String,
        /// What the database says.
        error: sqlx::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// The file cannot be made or read.
    #[error("cannot use {path}: {error}; let the gateway's user read and write it", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Another gateway has the database.
    #[error("{path} is in use by another gateway: stop that one, or use PostgreSQL for several", path = path.display())]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The schema is from a later version of the gateway.
    #[error(
        "the database is newer than this gateway (it has migration {found}, this gateway knows up to {known}): install the newer gateway again, or restore a backup"
    )]
    Newer {
        /// The newest migration that the database has.
        found: i64,
        /// The newest that this gateway knows.
        known: i64,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The one writer could not begin, or has ended.
    #[error("the database could not be written; the log says why")]
    NotWritten,
    /// What was written could not be made to last.
    #[error("the database could not commit: {0}")]
    Commit(String),
    /// What a plan has seen is not there any more.
    #[error("cannot {change}: the directory is not (any more) as this expects")]
    Conflict {
        /// The step that did not fit.
        change: String,
    },
    /// What should be undone has been undone.
    #[error("batch {0} has been undone already")]
    Undone(i64),
    /// A directory takes one large plan at a time.
    #[error("plan {0} is at work on this directory: wait for it, see `gatehouse plan list`")]
    PlanRuns(i64),
    /// What is to be forgotten for good has to be removed first.
    #[error(
        "the directory is not removed: `gatehouse directory remove` first, and look whether anybody misses it"
    )]
    NotRemoved,
    /// A reader of the log has waited too long.
    #[error(
        "the log begins with {oldest} now, and was read up to {after}: what was between is forgotten, \
         read the directory anew"
    )]
    Forgotten {
        /// How far it was read.
        after: i64,
        /// The oldest change that is left.
        oldest: i64,
    },
    /// A row that should be new is there.
    #[error("{0} already has a row that a plan would make")]
    NotNew(&'static str),
    /// A plan that is not there, or not as it should be.
    #[error("there is no plan {0}, or it is not in a state for this")]
    NoPlan(i64),
    /// A connector has heard more since a plan was made.
    #[error(
        "plan {plan} is older than what connector {connector:?} has heard since: `gatehouse sync {connector}` looks \
         again, and its plan can be approved"
    )]
    Overtaken {
        /// Which plan.
        plan: i64,
        /// Which connector.
        connector: String,
    },
    /// What was heard of somebody is older than what a run has heard by now.
    #[error("a run of the connector has heard more meanwhile: ask again")]
    HeardMore,
    /// Somebody else has taken over.
    #[error("another gateway runs this connector now")]
    LeaseLost,
    /// What should be undone is not there.
    #[error("there is no batch {0}")]
    NoBatch(i64),
    /// What is stored is not what this gateway writes.
    #[error("the database holds {what} that this gateway cannot read: {value:?}")]
    Unreadable {
        /// What sort of thing.
        what: &'static str,
        /// What is there.
        value: String,
    },
    /// The database did not answer in time.
    #[error("the database did not answer within {0} seconds")]
    Timeout(u64),
}

/// Why a login was not provisioned.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The plan says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ProvisionError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
