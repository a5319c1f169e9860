//! Looks at one user, which are among the runs.

use chrono::{DateTime, Utc};

use super::{ConnectorId, ConnectorRun, RunId, RunState};
use crate::store::{Priority, Store, StoreError, read, time::micros, within};

/// So many looks at one user are remembered.
const KEPT_USER_RUNS: i64 = 1000;

/// A look at one user, as it was.
#[derive(Clone, Debug)]
pub struct UserRun {
    /// Of which connector.
    pub connector: ConnectorId,
    /// Who or what asked for it.
    pub asked_by: String,
    /// Whom it was about.
    pub about: String,
    /// What came of it (JSON).
    pub report: Option<String>,
    /// Why it broke off.
    pub error: Option<String>,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
}

impl Store {
    /// Whom somebody has looked at since a run began, as they were called.
    pub async fn list_looked_at_since(
        &self,
        run: RunId,
        connector: ConnectorId,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "
            SELECT DISTINCT about FROM connector_runs
            WHERE connector_id = $1 AND kind = 'user' AND id > $2 AND about IS NOT NULL
            ORDER BY about LIMIT $3";
        Ok(read!(self, |pool| {
            sqlx::query_scalar(SQL)
                .bind(connector.0)
                .bind(run.0)
                .bind(limit)
                .fetch_all(pool)
                .await?
        }))
    }

    /// Whether the run that goes on has not come further than reading.
    pub async fn is_only_read(&self, connector: ConnectorId) -> Result<bool, StoreError> {
        let is_folding = self.find_connector(connector).await?.is_folding();
        let last = self.list_runs(connector, 1).await?.into_iter().next();
        let is_open = |run: &ConnectorRun| run.ended_at.is_none();
        let state = last.filter(is_open).map(|run| run.state);
        Ok(!is_folding && state == Some(RunState::Reading))
    }

    /// Remembers a look at one user, and forgets those of long ago. Nobody has to have the lease for it.
    pub async fn record_user_run(&self, run: UserRun) -> Result<RunId, StoreError> {
        const INSERT: &str = "
            INSERT INTO connector_runs (connector_id, asked_by, users, groups, members, whole, reads, state,
                pages, items, progress, begun_at, kind, about, report, error, ended_at)
            VALUES ($1, $2, 'changes', 'changes', 'changes', 0, $3, $4, 0, 0, '{}', $5, 'user', $6, $7, $8, $9)
            RETURNING id";
        const FORGET: &str = "
            DELETE FROM connector_runs WHERE connector_id = $1 AND kind = 'user' AND id NOT IN
                (SELECT id FROM connector_runs WHERE connector_id = $1 AND kind = 'user'
                 ORDER BY id DESC LIMIT $2)";
        let state = if run.error.is_none() { RunState::Done } else { RunState::Failed };
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let id: i64 = within!(&mut transaction.connection(), |connection| {
                    let insert = sqlx::query_scalar(INSERT)
                        .bind(run.connector.0)
                        .bind(run.asked_by)
                        .bind(Vec::<u8>::new())
                        .bind(state.as_str())
                        .bind(micros(run.begun_at))
                        .bind(run.about)
                        .bind(run.report)
                        .bind(run.error)
                        .bind(micros(run.ended_at));
                    let id = insert.fetch_one(&mut *connection).await?;
                    let old = sqlx::query(FORGET).bind(run.connector.0).bind(KEPT_USER_RUNS);
                    old.execute(&mut *connection).await.map(drop)?;
                    id
                });
                Ok(RunId(id))
            })
        })
        .await
    }
}
