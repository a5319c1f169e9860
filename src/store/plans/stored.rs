//! A large plan as it is stored, without its chunks.

use chrono::{DateTime, Utc};

use crate::{
    directory::{ChunkSize, DirectoryId},
    provisioning::Taken,
    store::{Lease, RunId, StoreError, time::time},
};

/// A large plan. Small, and only inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(pub i64);

/// How far a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanState {
    /// It is being computed. Nothing of it has been applied, and nothing will be if that breaks off.
    Building,
    /// It was to be looked at only.
    DryRun,
    /// It is complete, and being applied.
    Sealed,
    /// What it adds has been applied; what it takes away waits for an administrator.
    Held,
    /// All of it has been applied.
    Applied,
    /// What had not been applied never will be.
    Discarded,
}

impl PlanState {
    /// The word for it, in the store and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::DryRun => "dry_run",
            Self::Sealed => "sealed",
            Self::Held => "held",
            Self::Applied => "applied",
            Self::Discarded => "discarded",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::Building,
            Self::DryRun,
            Self::Sealed,
            Self::Held,
            Self::Applied,
            Self::Discarded,
        ];
        all.into_iter().find(|state| state.as_str() == word)
    }
}

/// A plan that is to be written.
#[derive(Clone, Debug)]
pub struct NewPlan {
    /// Where.
    pub directory: DirectoryId,
    /// By whose word memberships begin and end.
    pub source: String,
    /// Who wants it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// The batch that it undoes, if that is what it is for.
    pub undoes: Option<i64>,
}

/// What is known of a plan once it is complete.
#[derive(Clone, Debug, Default)]
pub struct Seal {
    /// What it changes.
    pub size: ChunkSize,
    /// How many chunks it has.
    pub chunks: i64,
    /// The first chunk that takes something away.
    pub first_ending: i64,
    /// Why an administrator has to look at that first, if so.
    pub guard: Option<String>,
    /// Whether that is only because of who or what is protected: all else comes true.
    pub of_protected: bool,
    /// Whether it speaks of some people only, and has not looked at the others.
    pub of_some: bool,
    /// What it takes away without an administrator's word, if the guard is to remember that.
    pub taken: Option<Taken>,
    /// Who has decided it: it is worth nothing once the lease is somebody else's.
    pub lease: Option<Lease>,
    /// The connector's run that it is the outcome of, or, without a lease, the last before it: then it is worth nothing once
    /// another one does more than read.
    pub run: Option<RunId>,
}

/// A plan as it is stored.
#[derive(Clone, Debug)]
pub struct StoredPlan {
    /// Which.
    pub id: PlanId,
    /// What it is.
    pub plan: NewPlan,
    /// How far it is.
    pub state: PlanState,
    /// What it changes.
    pub size: ChunkSize,
    /// The log's head when it was begun.
    pub(in crate::store) seen_seq: i64,
    /// How many chunks it has.
    pub chunks: i64,
    /// The chunk to be applied next.
    pub next_chunk: i64,
    /// The first chunk that takes something away.
    pub first_ending: i64,
    /// Why what it takes away waits for an administrator, if it does.
    pub guard: Option<String>,
    /// The batch in the log, once something has been applied.
    pub batch: Option<i64>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When somebody last worked on it.
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, sqlx::FromRow)]
pub(super) struct Row {
    id: i64,
    directory_id: i64,
    source: String,
    actor: String,
    reason: String,
    state: String,
    size: String,
    seen_seq: i64,
    chunks: i64,
    next_chunk: i64,
    first_ending: i64,
    guard: Option<String>,
    batch: Option<i64>,
    undoes: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

/// The columns of [`Row`].
macro_rules! select_plans {
    ($rest:literal) => {
        concat!(
            "SELECT id, directory_id, source, actor, reason, state, size, seen_seq, chunks, ",
            "next_chunk, first_ending, guard, batch, undoes, created_at, updated_at FROM plans ",
            $rest
        )
    };
}

pub(super) use select_plans;

impl TryFrom<Row> for StoredPlan {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = |what, value: &str| StoreError::Unreadable { what, value: value.into() };
        Ok(Self {
            id: PlanId(row.id),
            state: PlanState::from_word(&row.state)
                .ok_or_else(|| unreadable("the state of a plan", &row.state))?,
            size: serde_json::from_str(&row.size)
                .map_err(|_| unreadable("the size of a plan", &row.size))?,
            plan: NewPlan {
                directory: DirectoryId(row.directory_id),
                source: row.source,
                actor: row.actor,
                reason: row.reason,
                undoes: row.undoes,
            },
            seen_seq: row.seen_seq,
            chunks: row.chunks,
            next_chunk: row.next_chunk,
            first_ending: row.first_ending,
            guard: row.guard,
            batch: row.batch,
            created_at: time(row.created_at),
            updated_at: time(row.updated_at),
        })
    }
}
