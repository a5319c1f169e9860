//! Large plans: written chunk by chunk, sealed, then applied chunk by chunk. A gateway that is killed goes
//! on where it was; one that dies before the seal has changed nothing.

mod adding;
mod applier;
mod current;
mod ending;
mod identifying;
mod naming;
mod packing;
mod regrouping;
mod sparing;
mod stored;
mod touched;

use chrono::{DateTime, Utc};

use self::stored::{Row, select_plans};
use super::{
    Connection, Lease, Priority, Store, StoreError, changes, connectors,
    ids::{self, Ids},
    read,
    takings::{self, Takings},
    time::micros,
    within,
};
use crate::directory::DirectoryId;

pub(super) use self::current::{holders, retired};
pub use self::{
    applier::{Applier, Outcome},
    packing::{Chunk, GroupJoins, NewGroup},
    stored::{NewPlan, PlanId, PlanState, Seal, StoredPlan},
};

const ALIVE: &str = "UPDATE plans SET updated_at = $2 WHERE id = $1 AND state = 'building'";

impl Store {
    /// Begins a plan, unless another one for the directory is being written or applied.
    pub async fn begin_plan(
        &self,
        plan: NewPlan,
        now: DateTime<Utc>,
    ) -> Result<PlanId, StoreError> {
        const BUSY: &str = "
            SELECT id FROM plans WHERE directory_id = $1 AND state IN ('building', 'sealed')";
        const SQL: &str = "
            INSERT INTO plans (directory_id, source, actor, reason, state, size, seen_seq, chunks,
                next_chunk, first_ending, undoes, created_at, updated_at)
            VALUES ($1, $2, $3, $4, 'building', '{}', $5, 0, 0, 0, $6, $7, $7) RETURNING id";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let head = changes::advance_head(connection, 0).await?;
                let busy: Option<i64> = within!(connection, |connection| {
                    sqlx::query_scalar(BUSY)
                        .bind(plan.directory.0)
                        .fetch_optional(connection)
                        .await?
                });
                if let Some(busy) = busy {
                    return Err(StoreError::PlanRuns(busy));
                }
                let id: i64 = within!(connection, |connection| {
                    sqlx::query_scalar(SQL)
                        .bind(plan.directory.0)
                        .bind(plan.source)
                        .bind(plan.actor)
                        .bind(plan.reason)
                        .bind(head)
                        .bind(plan.undoes)
                        .bind(micros(now))
                        .fetch_one(connection)
                        .await?
                });
                Ok(PlanId(id))
            })
        })
        .await
    }

    /// Takes numbers that no other row will ever have, and gives the first of them.
    pub async fn take_ids(&self, of: Ids, count: i64) -> Result<i64, StoreError> {
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move { ids::take(&mut transaction.connection(), of, count).await })
        })
        .await
    }

    /// Says that a plan is still being computed.
    pub async fn keep_plan(&self, plan: PlanId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let alive = within!(&mut transaction.connection(), |connection| {
                    let alive = sqlx::query(ALIVE).bind(plan.0).bind(micros(now));
                    alive.execute(connection).await?.rows_affected()
                });
                if alive == 1 { Ok(()) } else { Err(StoreError::NoPlan(plan.0)) }
            })
        })
        .await
    }

    /// Says that somebody last worked on a plan now, and not later than now, unless somebody has since.
    pub async fn date_plan_back(
        &self,
        plan: &StoredPlan,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE plans SET updated_at = $3 WHERE id = $1 AND updated_at = $2";
        let (id, believed) = (plan.id, micros(plan.updated_at));
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let dated = sqlx::query(SQL).bind(id.0).bind(believed).bind(micros(now));
                    dated.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Stores a chunk of a plan that is being computed, as [`Chunk::pack`] packed it.
    pub async fn add_chunk(
        &self,
        plan: PlanId,
        number: i64,
        packed: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO plan_chunks (plan_id, number, steps) VALUES ($1, $2, $3)";
        self.write(Priority::Resumable, move |transaction| {
            Box::pin(async move {
                let alive = within!(&mut transaction.connection(), |connection| {
                    let alive = sqlx::query(ALIVE)
                        .bind(plan.0)
                        .bind(micros(now))
                        .execute(&mut *connection)
                        .await?;
                    sqlx::query(SQL)
                        .bind(plan.0)
                        .bind(number)
                        .bind(packed)
                        .execute(&mut *connection)
                        .await?;
                    alive.rows_affected()
                });
                if alive == 1 { Ok(()) } else { Err(StoreError::NoPlan(plan.0)) }
            })
        })
        .await
    }

    /// Seals a plan: from now on it is decided, whatever becomes of whoever computed it.
    ///
    /// What older plans of the same source would still take away is forgotten, if this one has looked at everybody: it
    /// has looked later. An undoing forgets what the plan that it undoes would still do, and no other.
    pub async fn seal_plan(
        &self,
        plan: PlanId,
        seal: Seal,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE plans SET size = $2, chunks = $3, first_ending = $4, guard = $5, updated_at = $6,
                state = $7, run_id = $8
            WHERE id = $1 AND state = 'building' RETURNING directory_id, source";
        let text = serde_json::to_string(&seal.size).map_err(|error| StoreError::Unreadable {
            what: "the size of a plan",
            value: error.to_string(),
        })?;
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                match (seal.lease, seal.run) {
                    (Some(lease), _) => connectors::hold(connection, lease, now).await?,
                    (None, Some(run)) => {
                        connectors::expect_last_heard(connection, plan, run).await?;
                    }
                    (None, None) => {}
                }
                let waits = seal.guard.is_some() && seal.first_ending == 0;
                let state = if waits { PlanState::Held } else { PlanState::Sealed };
                let sealed: Option<(i64, String)> = within!(connection, |connection| {
                    sqlx::query_as(SQL)
                        .bind(plan.0)
                        .bind(text)
                        .bind(seal.chunks)
                        .bind(seal.first_ending)
                        .bind(seal.guard)
                        .bind(micros(now))
                        .bind(state.as_str())
                        .bind(seal.run.map(|run| run.0))
                        .fetch_optional(&mut *connection)
                        .await?
                });
                let (directory, source) = sealed.ok_or(StoreError::NoPlan(plan.0))?;
                if !seal.of_some {
                    discard_older(connection, plan, now).await?;
                }
                if let Some(taken) = &seal.taken {
                    let by = (DirectoryId(directory), &source[..], Takings::Ends);
                    takings::insert(connection, by, taken, now).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Forgets a plan that came to nothing, and what older ones of the same source would still take away: it has looked
    /// at everybody, and later. Nothing is forgotten by the word of who has lost the lease.
    pub async fn delete_empty_plan(
        &self,
        plan: PlanId,
        lease: Option<Lease>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM plans WHERE id = $1 AND state = 'building'";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                if let Some(lease) = lease {
                    connectors::hold(connection, lease, now).await?;
                }
                discard_older(connection, plan, now).await?;
                within!(connection, |connection| {
                    sqlx::query(SQL).bind(plan.0).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Lets what waits for an administrator go on; nothing of a connector of which a later run has heard more.
    pub async fn approve_plan(&self, plan: PlanId, now: DateTime<Utc>) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE plans SET state = 'sealed', guard = NULL, updated_at = $2
            WHERE id = $1 AND state = 'held'";
        const OVERTAKEN: &str = "
            SELECT c.name FROM plans p JOIN connectors c ON p.source = 'connector:' || c.name
            WHERE p.id = $1 AND p.run_id IS NOT NULL AND (c.folding <> 0 OR c.folded_run > p.run_id)";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let overtaken: Option<String> = within!(connection, |connection| {
                    sqlx::query_scalar(OVERTAKEN).bind(plan.0).fetch_optional(connection).await?
                });
                if let Some(connector) = overtaken {
                    return Err(StoreError::Overtaken { plan: plan.0, connector });
                }
                let approved = within!(connection, |connection| {
                    sqlx::query(SQL)
                        .bind(plan.0)
                        .bind(micros(now))
                        .execute(connection)
                        .await?
                        .rows_affected()
                });
                if approved != 1 {
                    return Err(StoreError::NoPlan(plan.0));
                }
                compare_all(connection, plan).await
            })
        })
        .await
    }

    /// Forgets what waits of a plan, or all of it if nothing has been applied; says whether it was in the state that is
    /// believed. The connector's next run looks again.
    pub async fn discard_plan(
        &self,
        plan: PlanId,
        from: PlanState,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                if from == PlanState::Held {
                    compare_all(connection, plan).await?;
                }
                move_on(connection, plan, (from, PlanState::Discarded), now).await
            })
        })
        .await
    }

    /// Moves a plan on, if it is still in the state that is believed.
    pub async fn move_plan(
        &self,
        plan: PlanId,
        from: PlanState,
        to: PlanState,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(Priority::Login, move |transaction| {
            Box::pin(
                async move { move_on(&mut transaction.connection(), plan, (from, to), now).await },
            )
        })
        .await
    }

    /// Forgets a plan that was never complete; one that somebody has sealed meanwhile is decided, and stays.
    pub async fn delete_plan(&self, plan: PlanId) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM plans WHERE id = $1 AND state = 'building'";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let deleted = within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL).bind(plan.0).execute(connection).await?.rows_affected()
                });
                Ok(deleted == 1)
            })
        })
        .await
    }

    /// A plan.
    pub async fn find_plan(&self, plan: PlanId) -> Result<Option<StoredPlan>, StoreError> {
        const SQL: &str = select_plans!("WHERE id = $1");
        let row: Option<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(plan.0).fetch_optional(pool).await?);
        row.map(StoredPlan::try_from).transpose()
    }

    /// The plan whose chunks a batch of the log is, if it is one's.
    pub async fn find_plan_of_batch(&self, batch: i64) -> Result<Option<StoredPlan>, StoreError> {
        const SQL: &str = select_plans!("WHERE batch = $1");
        let row: Option<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(batch).fetch_optional(pool).await?);
        row.map(StoredPlan::try_from).transpose()
    }

    /// Plans, the latest first.
    pub async fn list_plans(&self, limit: i64) -> Result<Vec<StoredPlan>, StoreError> {
        const SQL: &str = select_plans!("ORDER BY id DESC LIMIT $1");
        let rows: Vec<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(limit).fetch_all(pool).await?);
        rows.into_iter().map(StoredPlan::try_from).collect()
    }

    /// Plans that are being written, applied or held.
    pub async fn list_open_plans(&self) -> Result<Vec<StoredPlan>, StoreError> {
        const SQL: &str =
            select_plans!("WHERE state IN ('building', 'sealed', 'held') ORDER BY id");
        let rows: Vec<Row> = read!(self, |pool| sqlx::query_as(SQL).fetch_all(pool).await?);
        rows.into_iter().map(StoredPlan::try_from).collect()
    }

    /// Tells the database that a directory has another size now. PostgreSQL would find out by itself, minutes
    /// later, and until then read it in ways that suit an empty one.
    pub async fn note_new_size(&self) -> Result<(), StoreError> {
        const SQL: &str = "ANALYZE persons, users, groups, memberships, group_members";
        if let Self::Postgres(pool) = self {
            sqlx::query(SQL).execute(pool).await.map(drop)?;
        }
        Ok(())
    }

    /// A chunk of a plan, packed.
    pub async fn find_chunk(&self, plan: PlanId, number: i64) -> Result<Vec<u8>, StoreError> {
        const SQL: &str = "SELECT steps FROM plan_chunks WHERE plan_id = $1 AND number = $2";
        let steps: Option<Vec<u8>> = read!(self, |pool| {
            sqlx::query_scalar(SQL).bind(plan.0).bind(number).fetch_optional(pool).await?
        });
        steps.ok_or(StoreError::NoPlan(plan.0))
    }
}

async fn move_on(
    connection: &mut Connection<'_>,
    plan: PlanId,
    (from, to): (PlanState, PlanState),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE plans SET state = $3, updated_at = $4 WHERE id = $1 AND state = $2";
    let moved = within!(connection, |connection| {
        let moved = sqlx::query(SQL).bind(plan.0).bind(from.as_str()).bind(to.as_str());
        moved.bind(micros(now)).execute(connection).await?.rows_affected()
    });
    Ok(moved == 1)
}

/// Has the next run of a plan's connector compare everybody: what an administrator has decided may be otherwise than the
/// last run believes.
async fn compare_all(connection: &mut Connection<'_>, plan: PlanId) -> Result<(), StoreError> {
    const SQL: &str = "
        UPDATE connectors SET aligned_run = NULL
        WHERE 'connector:' || name = (SELECT source FROM plans WHERE id = $1)";
    within!(connection, |connection| {
        sqlx::query(SQL).bind(plan.0).execute(connection).await.map(drop)?;
    });
    Ok(())
}

/// Forgets what older plans of the same source would still take away.
async fn discard_older(
    connection: &mut Connection<'_>,
    plan: PlanId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const OLDER: &str = "
        UPDATE plans SET state = 'discarded', updated_at = $2
        WHERE state = 'held' AND id <> $1 AND EXISTS (
            SELECT 1 FROM plans n
            WHERE n.id = $1 AND n.directory_id = plans.directory_id
              AND ((n.undoes IS NULL AND n.source = plans.source) OR n.undoes = plans.batch))";
    within!(connection, |connection| {
        sqlx::query(OLDER).bind(plan.0).bind(micros(now)).execute(connection).await.map(drop)?;
    });
    Ok(())
}
