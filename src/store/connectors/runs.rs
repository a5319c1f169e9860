//! Runs of connectors, and what came of them.

mod stored;

use chrono::{DateTime, Utc};

pub use self::stored::{ConnectorRun, NewRun, RunId, RunKind, RunState};
use self::stored::{Row, select_runs};
use super::{ConnectorId, Lease};
use crate::store::{Connection, Store, StoreError, read, time::micros, within};

/// A run goes on to something else.
pub(super) async fn move_on(
    connection: &mut Connection<'_>,
    run: RunId,
    state: RunState,
) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE connector_runs SET state = $2 WHERE id = $1";
    within!(connection, |connection| {
        let moved = sqlx::query(SQL).bind(run.0).bind(state.as_str());
        moved.execute(connection).await.map(drop)?;
    });
    Ok(())
}

impl Store {
    /// Begins a run, with all that is left to be asked.
    pub async fn begin_run(
        &self,
        lease: Lease,
        run: NewRun,
        now: DateTime<Utc>,
    ) -> Result<RunId, StoreError> {
        const SQL: &str = "
            INSERT INTO connector_runs (connector_id, asked_by, users, groups, members, whole, reads, state,
                pages, items, progress, begun_at, kind)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 'reading', 0, 0, '{}', $8, $9) RETURNING id";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                let id: i64 = within!(&mut transaction.connection(), |connection| {
                    sqlx::query_scalar(SQL)
                        .bind(lease.connector.0)
                        .bind(run.asked_by)
                        .bind(run.users)
                        .bind(run.groups)
                        .bind(run.members)
                        .bind(i64::from(run.whole))
                        .bind(run.reads)
                        .bind(micros(now))
                        .bind(run.kind.as_str())
                        .fetch_one(connection)
                        .await?
                });
                let connection = &mut transaction.connection();
                super::staging::add_tasks(connection, RunId(id), 0, &run.tasks).await?;
                Ok(RunId(id))
            })
        })
        .await
    }

    /// A run.
    pub async fn find_run(&self, run: RunId) -> Result<Option<ConnectorRun>, StoreError> {
        const SQL: &str = select_runs!("WHERE id = $1");
        let row: Option<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(run.0).fetch_optional(pool).await?);
        row.map(ConnectorRun::try_from).transpose()
    }

    /// Runs of a connector, the latest first, without those that looked at one user.
    pub async fn list_runs(
        &self,
        connector: ConnectorId,
        limit: i64,
    ) -> Result<Vec<ConnectorRun>, StoreError> {
        const SQL: &str =
            select_runs!("WHERE connector_id = $1 AND kind <> 'user' ORDER BY id DESC LIMIT $2");
        let rows: Vec<Row> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(connector.0).bind(limit).fetch_all(pool).await?
        });
        rows.into_iter().map(ConnectorRun::try_from).collect()
    }

    /// All runs of a connector, the latest first.
    pub async fn list_all_runs(
        &self,
        connector: ConnectorId,
        limit: i64,
    ) -> Result<Vec<ConnectorRun>, StoreError> {
        const SQL: &str = select_runs!("WHERE connector_id = $1 ORDER BY id DESC LIMIT $2");
        let rows: Vec<Row> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(connector.0).bind(limit).fetch_all(pool).await?
        });
        rows.into_iter().map(ConnectorRun::try_from).collect()
    }

    /// Says what a run is at (JSON), and that whoever runs it is still there.
    pub async fn note_progress(
        &self,
        lease: Lease,
        run: RunId,
        progress: String,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE connector_runs SET progress = $2 WHERE id = $1";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let noted = sqlx::query(SQL).bind(run.0).bind(progress);
                    noted.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// A run is over, with a report (JSON), an error or both.
    pub async fn end_run(
        &self,
        lease: Lease,
        run: RunId,
        report: Option<String>,
        error: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE connector_runs SET state = $2, report = $3, error = $4, ended_at = $5
            WHERE id = $1";
        let state = if error.is_none() { RunState::Done } else { RunState::Failed };
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL)
                        .bind(run.0)
                        .bind(state.as_str())
                        .bind(report)
                        .bind(error)
                        .bind(micros(now))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// A run broke off, and can be gone on with: what it was told is kept.
    pub async fn interrupt_run(
        &self,
        lease: Lease,
        run: RunId,
        error: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE connector_runs SET error = $2 WHERE id = $1";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let noted = sqlx::query(SQL).bind(run.0).bind(error);
                    noted.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Forgets runs of long ago, all but so many; not those that looked at one user.
    pub async fn forget_old_runs(
        &self,
        lease: Lease,
        keep: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM connector_runs WHERE connector_id = $1 AND kind <> 'user' AND id NOT IN
                (SELECT id FROM connector_runs WHERE connector_id = $1 AND kind <> 'user'
                 ORDER BY id DESC LIMIT $2)";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let old = sqlx::query(SQL).bind(lease.connector.0).bind(keep);
                    old.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }
}
