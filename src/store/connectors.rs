//! Clouds that are read: who runs which, how far runs are, and what is known of users and groups there.
//!
//! Whoever runs a connector holds its lease. Every write of a run proves it by the lease's number and prolongs it, so
//! that of two gateways that believe to run the same one only the later one writes.

mod accounts;
mod credentials;
mod hints;
mod mirror;
mod mirror_groups;
mod outcomes;
mod runs;
mod staging;
mod subscriptions;
mod user_runs;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::{
    credentials::SeenCredential,
    hints::{HeardHints, HintState, StoredHint},
    mirror::{MirrorUser, UserWrites},
    mirror_groups::{GroupHead, MirrorGroup},
    outcomes::{EndedRun, RunFacts, RunOutcome},
    runs::{ConnectorRun, NewRun, RunId, RunKind, RunState},
    staging::{StagedPart, StoredTask},
    subscriptions::{NewSubscription, StoredSubscription},
    user_runs::UserRun,
};
use super::{
    Connection, PlanId, Priority, Store, StoreError, Transaction, read, time::micros, within,
};

/// A lease that nobody has prolonged for so long is nobody's.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A connector. Small, and only inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectorId(pub i64);

/// The right to run a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which.
    pub connector: ConnectorId,
    /// The number by which it is told from those before.
    fence: i64,
}

/// What the store knows of a connector.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct ConnectorState {
    /// What the mirror was read with, as a digest.
    pub reads: Option<Vec<u8>>,
    /// Where the next round of changes begins (JSON).
    pub watermark: Option<String>,
    /// When the last round of everything began that became complete, in microseconds.
    full_at: Option<i64>,
    /// Whether the mirror is half one round's, half another's.
    folding: i64,
    /// The last run whose round is in the mirror.
    pub folded_run: Option<i64>,
    /// The last run after which the directory was as the mirror says.
    pub aligned_run: Option<i64>,
    /// Who is compared again, changed or not (JSON).
    pub again: String,
    /// Filters and mappings whose outcome could be looked at, as a digest.
    pub seen_rules: Option<Vec<u8>>,
    /// Those that have been let come true.
    pub applied_rules: Option<Vec<u8>>,
    /// The number that the next user gets whom the mirror does not know.
    pub next_user: i64,
    /// And the next group.
    pub next_group: i64,
    /// Until when somebody has the lease, in microseconds.
    lease_until: i64,
}

impl ConnectorState {
    /// When the last round of everything began that became complete.
    #[must_use]
    pub fn full_at(&self) -> Option<DateTime<Utc>> {
        self.full_at.and_then(DateTime::from_timestamp_micros)
    }

    /// Whether the mirror is half one round's, half another's.
    #[must_use]
    pub fn is_folding(&self) -> bool {
        self.folding != 0
    }

    /// Whether the directory is as the mirror says.
    #[must_use]
    pub fn is_in_line(&self) -> bool {
        self.folded_run.is_some() && self.folded_run == self.aligned_run
    }

    /// Whether somebody runs it. A lease that lasts for longer than any was written by a clock that was ahead, and whoever
    /// tries to take it shortens it.
    #[must_use]
    pub fn is_running(&self, now: DateTime<Utc>) -> bool {
        self.lease_until > micros(now) && self.lease_until <= micros(now + LEASE * 2)
    }
}

/// What is true once a round is in the mirror.
#[derive(Clone, Debug)]
pub struct Folded {
    /// Of which run.
    pub run: RunId,
    /// Where the next round of changes begins (JSON).
    pub watermark: String,
    /// When it began, if it was of everything.
    pub full_at: Option<DateTime<Utc>>,
    /// What it was read with.
    pub reads: Vec<u8>,
}

impl Store {
    /// The connector of that name, made if there is none.
    pub async fn ensure_connector(&self, name: &str) -> Result<ConnectorId, StoreError> {
        const INSERT: &str = "
            INSERT INTO connectors (name, fence, lease_until, folding, again, next_user, next_group)
            VALUES ($1, 0, 0, 0, '[]', 1, 1) ON CONFLICT (name) DO NOTHING";
        const SELECT: &str = "SELECT id FROM connectors WHERE name = $1";
        let found: Option<i64> =
            read!(self, |pool| sqlx::query_scalar(SELECT).bind(name).fetch_optional(pool).await?);
        if let Some(id) = found {
            return Ok(ConnectorId(id));
        }
        let name = name.to_owned();
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let id: i64 = within!(&mut transaction.connection(), |connection| {
                    sqlx::query(INSERT).bind(&name).execute(&mut *connection).await?;
                    sqlx::query_scalar(SELECT).bind(&name).fetch_one(&mut *connection).await?
                });
                Ok(ConnectorId(id))
            })
        })
        .await
    }

    /// What is known of a connector.
    pub async fn find_connector(&self, id: ConnectorId) -> Result<ConnectorState, StoreError> {
        const SQL: &str = "
            SELECT reads, watermark, full_at, folding, folded_run, aligned_run, again, seen_rules,
                   applied_rules, next_user, next_group, lease_until
            FROM connectors WHERE id = $1";
        Ok(read!(self, |pool| sqlx::query_as(SQL).bind(id.0).fetch_one(pool).await?))
    }

    /// Takes the right to run a connector, unless somebody has it.
    pub async fn take_lease(
        &self,
        connector: ConnectorId,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        const SQL: &str = "
            UPDATE connectors SET fence = fence + 1, lease_until = $2
            WHERE id = $1 AND lease_until <= $3 RETURNING fence";
        // Whoever is there prolongs it in time; of whoever is gone, a clock that was ahead holds nobody up for longer.
        const SHORTEN: &str = "
            UPDATE connectors SET lease_until = $2 WHERE id = $1 AND lease_until > $2";
        let until = now + LEASE;
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let fence: Option<i64> = within!(&mut transaction.connection(), |connection| {
                    let shorten = sqlx::query(SHORTEN).bind(connector.0).bind(micros(until));
                    shorten.execute(&mut *connection).await?;
                    sqlx::query_scalar(SQL)
                        .bind(connector.0)
                        .bind(micros(until))
                        .bind(micros(now))
                        .fetch_optional(&mut *connection)
                        .await?
                });
                Ok(fence.map(|fence| Lease { connector, fence }))
            })
        })
        .await
    }

    /// Proves that the right to run a connector has not gone to somebody else, and keeps it for a while.
    pub async fn prove_lease(&self, lease: Lease, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write_as(lease, now, |_| Box::pin(async { Ok(()) })).await
    }

    /// Gives the right back. It may have gone to somebody else already.
    pub async fn release_lease(&self, lease: Lease) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE connectors SET lease_until = 0 WHERE id = $1 AND fence = $2";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let run = sqlx::query(SQL).bind(lease.connector.0).bind(lease.fence);
                    run.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Takes all leases from whoever had them: nobody else can be at work on this database.
    pub(super) async fn break_leases(&self) -> Result<(), StoreError> {
        const RUNS: &str = "UPDATE connectors SET lease_until = 0 WHERE lease_until > 0";
        const HINTS: &str = "UPDATE connector_hint_states SET kept_until = 0 WHERE kept_until > 0";
        const WATCH: &str = "UPDATE alarm_watch SET held_until = 0 WHERE held_until > 0";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    for statement in [RUNS, HINTS, WATCH] {
                        sqlx::query(statement).execute(&mut *connection).await?;
                    }
                });
                Ok(())
            })
        })
        .await
    }

    /// A round begins to be folded into the mirror: until that ends, the mirror is nobody's.
    pub async fn begin_folding(
        &self,
        lease: Lease,
        run: RunId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const CONNECTOR: &str = "UPDATE connectors SET folding = 1 WHERE id = $1";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let run = sqlx::query(CONNECTOR).bind(lease.connector.0);
                    run.execute(connection).await.map(drop)?;
                });
                runs::move_on(&mut transaction.connection(), run, RunState::Folding).await
            })
        })
        .await
    }

    /// All of a round is in the mirror: from here the next one goes on.
    pub async fn end_folding(
        &self,
        lease: Lease,
        folded: Folded,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const CONNECTOR: &str = "
            UPDATE connectors SET folding = 0, folded_run = $2, watermark = $3, reads = $4,
                full_at = COALESCE($5, full_at)
            WHERE id = $1";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(CONNECTOR)
                        .bind(lease.connector.0)
                        .bind(folded.run.0)
                        .bind(folded.watermark)
                        .bind(folded.reads)
                        .bind(folded.full_at.map(micros))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                let connection = &mut transaction.connection();
                runs::move_on(connection, folded.run, RunState::Aligning).await
            })
        })
        .await
    }

    /// Remembers under which filters and mappings a plan could be looked at.
    pub async fn note_rules_seen(
        &self,
        lease: Lease,
        rules: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE connectors SET seen_rules = $2 WHERE id = $1";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let run = sqlx::query(SQL).bind(lease.connector.0).bind(rules);
                    run.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Remembers that a run has been let come true under these filters and mappings; if it was whole, also that
    /// the directory is as the mirror says, but for these, who are to be compared again (JSON), and for what waits.
    pub async fn note_rules_applied(
        &self,
        lease: Lease,
        rules: Vec<u8>,
        whole: Option<(RunId, String)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const RULES: &str = "UPDATE connectors SET applied_rules = $2 WHERE id = $1";
        // What waits of the last run that was whole, is still true of whom this one has heard nothing.
        const WAITS: &str = "
            UPDATE plans SET run_id = $2
            WHERE state = 'held' AND EXISTS (
                SELECT 1 FROM connectors c
                WHERE c.id = $1 AND c.folded_run = $2 AND plans.run_id = c.aligned_run
                  AND plans.source = 'connector:' || c.name)";
        const WHOLE: &str = "
            UPDATE connectors SET aligned_run = $2, again = $3 WHERE id = $1 AND folded_run = $2";
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let rules = sqlx::query(RULES).bind(lease.connector.0).bind(rules);
                    rules.execute(&mut *connection).await?;
                    if let Some((run, again)) = whole {
                        let waits = sqlx::query(WAITS).bind(lease.connector.0).bind(run.0);
                        waits.execute(&mut *connection).await?;
                        let whole = sqlx::query(WHOLE).bind(lease.connector.0).bind(run.0);
                        whole.bind(again).execute(&mut *connection).await?;
                    }
                });
                Ok(())
            })
        })
        .await
    }

    /// Writes as whoever has the lease, and prolongs it.
    async fn write_as<T, W>(
        &self,
        lease: Lease,
        now: DateTime<Utc>,
        write: W,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Transaction) -> super::transaction::Writing<'t, T, StoreError>
            + Send
            + 'static,
    {
        self.write_by(Priority::Bulk, lease, now, write).await
    }

    /// The same, by another priority: a part of a run is [`Priority::Resumable`], for after a loss of power the run goes on
    /// from what is there then.
    async fn write_by<T, W>(
        &self,
        priority: Priority,
        lease: Lease,
        now: DateTime<Utc>,
        write: W,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Transaction) -> super::transaction::Writing<'t, T, StoreError>
            + Send
            + 'static,
    {
        self.write(priority, move |transaction| {
            Box::pin(async move {
                hold(&mut transaction.connection(), lease, now).await?;
                write(transaction).await
            })
        })
        .await
    }
}

/// Proves that the lease is still whose it was, and prolongs it.
pub(super) async fn hold(
    connection: &mut Connection<'_>,
    lease: Lease,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE connectors SET lease_until = $3 WHERE id = $1 AND fence = $2";
    let held = within!(connection, |connection| {
        let held = sqlx::query(SQL).bind(lease.connector.0).bind(lease.fence);
        held.bind(micros(now + LEASE)).execute(connection).await?.rows_affected()
    });
    if held == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
}

/// Proves that no run of a plan's connector has done more than read since the one that is believed to be the last, and keeps
/// it from doing so until the commit.
pub(super) async fn expect_last_heard(
    connection: &mut Connection<'_>,
    plan: PlanId,
    last: RunId,
) -> Result<(), StoreError> {
    // Written, so that no run can begin to fold before this is done.
    const SQL: &str = "
        UPDATE connectors SET folding = folding
        WHERE 'connector:' || name = (SELECT source FROM plans WHERE id = $1)
          AND folding = 0 AND folded_run = $2
          AND NOT EXISTS (SELECT 1 FROM connector_runs r
                          WHERE r.connector_id = connectors.id AND r.ended_at IS NULL
                            AND r.state IN ('folding', 'aligning'))";
    let is_last = within!(connection, |connection| {
        let is_last = sqlx::query(SQL).bind(plan.0).bind(last.0);
        is_last.execute(connection).await?.rows_affected()
    });
    if is_last == 1 { Ok(()) } else { Err(StoreError::HeardMore) }
}
