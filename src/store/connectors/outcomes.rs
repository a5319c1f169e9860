//! What came of runs, in a word, and what can be told of a connector by that.

use chrono::{DateTime, Utc};

use super::{ConnectorId, Lease, RunId};
use crate::store::{Store, StoreError, read, time::time, within};

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// All of it came true.
    Applied,
    /// What it takes away waits for an administrator.
    Held,
    /// Somebody wanted to see what would change.
    DryRun,
    /// Nothing may come true before somebody has looked.
    ForcedDryRun,
    /// The cloud does not take the credential, or does not let the connector read.
    AuthFailed,
    /// It failed for another reason.
    Failed,
    /// It is gone on with later.
    BrokenOff,
}

impl RunOutcome {
    /// The word for it, in the store and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Held => "held",
            Self::DryRun => "dry_run",
            Self::ForcedDryRun => "forced_dry_run",
            Self::AuthFailed => "auth_failed",
            Self::Failed => "failed",
            Self::BrokenOff => "broken_off",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::Applied,
            Self::Held,
            Self::DryRun,
            Self::ForcedDryRun,
            Self::AuthFailed,
            Self::Failed,
            Self::BrokenOff,
        ];
        all.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// A run that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedRun {
    /// Which.
    pub id: RunId,
    /// What came of it; nothing if that is not known, of runs from before it was written down.
    pub outcome: Option<RunOutcome>,
    /// How many warnings it has.
    pub warnings: i64,
    /// Why it broke off.
    pub error: Option<String>,
}

/// How a connector's runs went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// The last run that ended, whatever came of it.
    pub last: Option<EndedRun>,
    /// The last one that was done, and that was not only to be looked at.
    pub last_done: Option<EndedRun>,
    /// When a run last came true.
    pub true_at: Option<DateTime<Utc>>,
    /// When the first began that is remembered.
    pub first_at: Option<DateTime<Utc>>,
}

type Row = (i64, Option<String>, i64, Option<String>);

fn ended((id, outcome, warnings, error): Row) -> EndedRun {
    let outcome = outcome.as_deref().and_then(RunOutcome::from_word);
    EndedRun { id: RunId(id), outcome, warnings, error }
}

impl Store {
    /// Writes down what comes of a run that is about to end.
    pub async fn note_outcome(
        &self,
        lease: Lease,
        run: RunId,
        (outcome, warnings): (RunOutcome, i64),
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE connector_runs SET outcome = $2, warnings = $3 WHERE id = $1";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let noted = sqlx::query(SQL).bind(run.0).bind(outcome.as_str()).bind(warnings);
                    noted.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// How a connector's runs went; looks at one user say nothing about that.
    pub async fn find_run_facts(&self, connector: ConnectorId) -> Result<RunFacts, StoreError> {
        const LAST: &str = "
            SELECT id, outcome, warnings, error FROM connector_runs
            WHERE connector_id = $1 AND kind <> 'user' AND ended_at IS NOT NULL
            ORDER BY id DESC LIMIT 1";
        const LAST_DONE: &str = "
            SELECT id, outcome, warnings, error FROM connector_runs
            WHERE connector_id = $1 AND kind <> 'user' AND state = 'done'
                AND COALESCE(outcome, '') <> 'dry_run'
            ORDER BY id DESC LIMIT 1";
        const TIMES: &str = "
            SELECT MAX(CASE WHEN state = 'done' AND COALESCE(outcome, 'applied') IN ('applied', 'held')
                       THEN ended_at END),
                   MIN(begun_at)
            FROM connector_runs WHERE connector_id = $1 AND kind <> 'user'";
        let id = connector.0;
        let last: Option<Row> =
            read!(self, |pool| sqlx::query_as(LAST).bind(id).fetch_optional(pool).await?);
        let last_done: Option<Row> =
            read!(self, |pool| sqlx::query_as(LAST_DONE).bind(id).fetch_optional(pool).await?);
        let (true_at, first_at): (Option<i64>, Option<i64>) =
            read!(self, |pool| sqlx::query_as(TIMES).bind(id).fetch_one(pool).await?);
        Ok(RunFacts {
            last: last.map(ended),
            last_done: last_done.map(ended),
            true_at: true_at.map(time),
            first_at: first_at.map(time),
        })
    }
}
