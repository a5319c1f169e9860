//! What has become of the users and groups that an application sees, since a place in the log.
//!
//! The log says whom and what the changes since then are about; what is told is how those are *now*. So many
//! changes of one account are one event, and who hears of an event twice is none the worse for it. All of it is
//! read in one snapshot: the events and the place that they lead to belong together.

mod names;
mod place;
mod state;
mod touched;

use sqlx::Connection as _;

pub use self::place::LogPlace;
pub(super) use self::place::find_seen_at;
use self::{names::Names, touched::Touched};
use super::{Connection, SeenUser, Store, StoreError, transaction::Writing};
use crate::directory::DirectoryId;

/// Whoever has missed more than this is better off with reading everything anew: users and groups that are touched,
const MOST_TOUCHED: usize = 20_000;

/// and changes that have to be looked at to know which.
const MOST_CHANGES: i64 = 100_000;

/// What an application has to be told to be up to date.
#[derive(Clone, Debug)]
pub struct CrowdEvents {
    /// Where it is in the log then.
    pub place: LogPlace,
    /// The last change that they tell of. That place may be before it: what a plan that is under way has changed
    /// is told once more.
    pub head: i64,
    /// In the order in which they are to be heeded.
    pub events: Vec<CrowdEvent>,
}

/// How something is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CrowdEvent {
    /// A group is there.
    Group(EventGroup),
    /// There is no group of this name.
    NoGroup(String),
    /// An account is there, under this name.
    User(Box<EventUser>),
    /// There is nobody of this name.
    NoUser(String),
    /// The groups that a user is directly in are these, and no others.
    GroupsOfUser {
        /// The user.
        username: String,
        /// The groups.
        groups: Vec<String>,
    },
    /// The groups that a group is directly in, and that are directly in it, are these and no others.
    GroupsOfGroup {
        /// The group.
        group: String,
        /// Whose members its members are.
        parents: Vec<String>,
        /// Whose members are its members.
        children: Vec<String>,
    },
}

/// A group as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventGroup {
    /// Its name, as the first directory that has it writes it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the log says that it was made since.
    pub is_new: bool,
}

/// An account as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventUser {
    /// The account.
    pub seen: SeenUser,
    /// Whether the log says that it was made since.
    pub is_new: bool,
    /// Names of attributes that it had, and has no more.
    pub dropped_attributes: Vec<String>,
}

impl Store {
    /// Where the log is, for who sees these directories.
    pub async fn find_log_place(
        &self,
        directories: &[DirectoryId],
    ) -> Result<LogPlace, StoreError> {
        let directories = directories.to_vec();
        self.read_at_once(|connection| {
            Box::pin(async move { Ok(place::find(connection, &directories).await?.place) })
        })
        .await
    }

    /// What has happened since, to who sees these directories. `None` if that cannot be said: the place is of
    /// another database or of other directories, some of the log is forgotten or was restored, or there is more
    /// to be told than there would be to be read.
    pub async fn read_crowd_events(
        &self,
        directories: &[DirectoryId],
        since: &LogPlace,
    ) -> Result<Option<CrowdEvents>, StoreError> {
        let (directories, since) = (directories.to_vec(), *since);
        self.read_at_once(|connection| {
            Box::pin(async move {
                let here = place::find(connection, &directories).await?;
                if !here.leads_on_from(connection, &since).await? {
                    return Ok(None);
                }
                let Some(touched) = touched(connection, &here, since.seq()).await? else {
                    return Ok(None);
                };
                let events = state::events(connection, &here.directories, touched).await?;
                Ok(Some(CrowdEvents { place: here.place, head: here.head, events }))
            })
        })
        .await
    }

    /// Runs reads that all see the database as it is at one moment.
    async fn read_at_once<T, R>(&self, read: R) -> Result<T, StoreError>
    where
        R: for<'t> FnOnce(&'t mut Connection<'_>) -> Writing<'t, T, StoreError>,
    {
        const POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        match self {
            Self::Sqlite { readers, .. } => {
                let mut connection = readers.acquire().await?;
                let mut snapshot = connection.begin().await?;
                read(&mut Connection::Sqlite(&mut snapshot)).await
            }
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let mut snapshot = connection.begin_with(POSTGRES).await?;
                read(&mut Connection::Postgres(&mut snapshot)).await
            }
        }
    }
}

/// Whom and what the log speaks of, with the names that numbers stand for. `None` if that is too much.
async fn touched(
    connection: &mut Connection<'_>,
    here: &place::Here,
    since: i64,
) -> Result<Option<Names>, StoreError> {
    if here.head - since > MOST_CHANGES {
        return Ok(None);
    }
    let mut touched = Touched::default();
    if !touched.read(connection, here, since).await? {
        return Ok(None);
    }
    names::of(connection, touched).await.map(Some)
}
