//! A run as it is stored.

use chrono::{DateTime, Utc};

use crate::store::{ConnectorId, StoreError, time::time};

/// A run. Small, and what people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// The cloud is asked.
    Reading,
    /// All has been said, and goes into the mirror.
    Folding,
    /// The directory is brought in line with the mirror.
    Aligning,
    /// All of it is done.
    Done,
    /// It broke off.
    Failed,
}

impl RunState {
    /// The word for it, in the store and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Folding => "folding",
            Self::Aligning => "aligning",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Reading, Self::Folding, Self::Aligning, Self::Done, Self::Failed];
        all.into_iter().find(|state| state.as_str() == word)
    }
}

/// What a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// All that the cloud has, or what has changed.
    Round,
    /// What the last run left undone.
    Retry,
    /// One user.
    User,
}

impl RunKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Round => "round",
            Self::Retry => "retry",
            Self::User => "user",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Round, Self::Retry, Self::User].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// What it looks at.
    pub kind: RunKind,
    /// Who or what asked for it.
    pub asked_by: String,
    /// What is said of users: `everything` or `changes`.
    pub users: String,
    /// And of groups.
    pub groups: String,
    /// And of who is in them.
    pub members: String,
    /// Whether nothing that was known before counts.
    pub whole: bool,
    /// What the cloud is read with, as a digest.
    pub reads: Vec<u8>,
    /// The first tasks (JSON).
    pub tasks: Vec<String>,
}

/// A run as it is stored.
#[derive(Clone, Debug)]
pub struct ConnectorRun {
    /// Which.
    pub id: RunId,
    /// Of which connector.
    pub connector: ConnectorId,
    /// What it looks at.
    pub kind: RunKind,
    /// The user whom it looks at, if that is one.
    pub about: Option<String>,
    /// Who or what asked for it.
    pub asked_by: String,
    /// What is said of users: `everything` or `changes`.
    pub users: String,
    /// And of groups.
    pub groups: String,
    /// And of who is in them.
    pub members: String,
    /// Whether nothing that was known before counts.
    pub whole: bool,
    /// What the cloud is read with, as a digest.
    pub reads: Vec<u8>,
    /// How far it is.
    pub state: RunState,
    /// How many answers there were.
    pub pages: i64,
    /// How many things were said in them.
    pub items: i64,
    /// What it is at (JSON).
    pub progress: String,
    /// What came of it (JSON).
    pub report: Option<String>,
    /// Why it broke off.
    pub error: Option<String>,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    id: i64,
    connector_id: i64,
    kind: String,
    about: Option<String>,
    asked_by: String,
    users: String,
    groups: String,
    members: String,
    whole: i64,
    reads: Vec<u8>,
    state: String,
    pages: i64,
    items: i64,
    progress: String,
    report: Option<String>,
    error: Option<String>,
    begun_at: i64,
    ended_at: Option<i64>,
}

impl TryFrom<Row> for ConnectorRun {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = RunState::from_word(&row.state).ok_or(StoreError::Unreadable {
            what: "the state of a connector's run",
            value: row.state,
        })?;
        let kind = RunKind::from_word(&row.kind).ok_or(StoreError::Unreadable {
            what: "the sort of a connector's run",
            value: row.kind,
        })?;
        Ok(Self {
            kind,
            about: row.about,
            id: RunId(row.id),
            connector: ConnectorId(row.connector_id),
            asked_by: row.asked_by,
            users: row.users,
            groups: row.groups,
            members: row.members,
            whole: row.whole != 0,
            reads: row.reads,
            state,
            pages: row.pages,
            items: row.items,
            progress: row.progress,
            report: row.report,
            error: row.error,
            begun_at: time(row.begun_at),
            ended_at: row.ended_at.map(time),
        })
    }
}

/// The columns of [`Row`].
macro_rules! select_runs {
    ($rest:literal) => {
        concat!(
            "SELECT id, connector_id, kind, about, asked_by, users, groups, members, whole, reads, state, pages, items, ",
            "progress, report, error, begun_at, ended_at FROM connector_runs ",
            $rest
        )
    };
}

pub(super) use select_runs;
