//! What a run has still to ask, and what it has been told so far. The store does not look into either.

use chrono::{DateTime, Utc};

use super::{Lease, RunId, RunState, runs::move_on};
use crate::store::{
    Connection, Priority, Store, StoreError, read,
    rows::{Cell, Kind, Table, insert_rows},
    with_list::{list, statement, with_list},
    within,
};

const TASKS: Table = Table {
    name: "connector_tasks",
    columns: &[("run_id", Kind::Number), ("number", Kind::Number), ("task", Kind::Text)],
};

/// What was answered to one task, with all that follows from it.
#[derive(Clone, Debug, Default)]
pub struct StagedPart {
    /// The page's number, and what was said, packed; and whether that is about users, and about groups.
    pub page: (i64, Vec<u8>, [bool; 2]),
    /// How many things were said.
    pub items: i64,
    /// The task that is done.
    pub task: i64,
    /// The tasks that are left of it (JSON), with the number of the first of them.
    pub next: (i64, Vec<String>),
}

/// A task that is left.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredTask {
    /// Its place: the later ones are done first.
    pub number: i64,
    /// What is to be asked (JSON).
    pub task: String,
}

/// Adds tasks behind those that are there.
pub(super) async fn add_tasks(
    connection: &mut Connection<'_>,
    run: RunId,
    first: i64,
    tasks: &[String],
) -> Result<(), StoreError> {
    let numbered = (first..).zip(tasks);
    let cells: Vec<_> = numbered
        .flat_map(|(number, task)| [Cell::Number(run.0), Cell::Number(number), Cell::Text(task)])
        .collect();
    insert_rows(connection, &TASKS, &cells).await
}

impl Store {
    /// Keeps answers, in the order in which they came: each with the end of its task and what is left of it.
    pub async fn stage(
        &self,
        lease: Lease,
        run: RunId,
        parts: Vec<StagedPart>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write_by(Priority::Resumable, lease, now, move |transaction| {
            Box::pin(async move {
                for part in parts {
                    stage(&mut transaction.connection(), run, part).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Begins a run of everything anew: what it was told is forgotten, and these tasks are left. Until then it counts as
    /// failed: nobody goes on with a run that has forgotten half of what it was told.
    pub async fn restart_run(
        &self,
        lease: Lease,
        run: RunId,
        extents: [String; 3],
        tasks: Vec<String>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const TASKS: &str = "DELETE FROM connector_tasks WHERE run_id = $1";
        const RUN: &str = "
            UPDATE connector_runs SET users = $2, groups = $3, members = $4, whole = 1 WHERE id = $1";
        self.write_as(lease, now, move |transaction| {
            Box::pin(
                async move { move_on(&mut transaction.connection(), run, RunState::Failed).await },
            )
        })
        .await?;
        self.forget_staged(lease, run, now).await?;
        self.write_as(lease, now, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let [users, groups, members] = extents;
                within!(&mut *connection, |connection| {
                    sqlx::query(TASKS).bind(run.0).execute(&mut *connection).await?;
                    let anew = sqlx::query(RUN).bind(run.0).bind(users).bind(groups);
                    anew.bind(members).execute(&mut *connection).await?;
                });
                add_tasks(connection, run, 0, &tasks).await?;
                move_on(connection, run, RunState::Reading).await
            })
        })
        .await
    }

    /// The tasks that are left of a run, in order.
    pub async fn list_tasks(&self, run: RunId) -> Result<Vec<StoredTask>, StoreError> {
        const SQL: &str =
            "SELECT number, task FROM connector_tasks WHERE run_id = $1 ORDER BY number";
        Ok(read!(self, |pool| sqlx::query_as(SQL).bind(run.0).fetch_all(pool).await?))
    }

    /// The numbers of what a run was told of users, or of groups, in order.
    pub async fn list_staged(&self, run: RunId, about_users: bool) -> Result<Vec<i64>, StoreError> {
        const USERS: &str = "
            SELECT number FROM connector_pages WHERE run_id = $1 AND about_users = 1 ORDER BY number";
        const GROUPS: &str = "
            SELECT number FROM connector_pages WHERE run_id = $1 AND about_groups = 1 ORDER BY number";
        let statement = if about_users { USERS } else { GROUPS };
        Ok(read!(self, |pool| sqlx::query_scalar(statement).bind(run.0).fetch_all(pool).await?))
    }

    /// A page, packed.
    pub async fn find_staged(&self, run: RunId, number: i64) -> Result<Vec<u8>, StoreError> {
        const SQL: &str = "SELECT page FROM connector_pages WHERE run_id = $1 AND number = $2";
        let page: Option<Vec<u8>> = read!(self, |pool| {
            sqlx::query_scalar(SQL).bind(run.0).bind(number).fetch_optional(pool).await?
        });
        page.ok_or_else(|| StoreError::Unreadable {
            what: "a staged page",
            value: number.to_string(),
        })
    }

    /// The number that the next page gets.
    pub async fn next_page(&self, run: RunId) -> Result<i64, StoreError> {
        const SQL: &str =
            "SELECT COALESCE(MAX(number) + 1, 0) FROM connector_pages WHERE run_id = $1";
        Ok(read!(self, |pool| sqlx::query_scalar(SQL).bind(run.0).fetch_one(pool).await?))
    }

    /// Forgets what a run was told, a part at a time.
    pub async fn forget_staged(
        &self,
        lease: Lease,
        run: RunId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const AT_ONCE: usize = 50;
        const FIND: &str = "SELECT number FROM connector_pages WHERE run_id = $1 ORDER BY number";
        const FORGET: [&str; 2] =
            with_list!("DELETE FROM connector_pages WHERE run_id = $1 AND number", "$2", "BIGINT");
        let numbers: Vec<i64> =
            read!(self, |pool| sqlx::query_scalar(FIND).bind(run.0).fetch_all(pool).await?);
        for some in numbers.chunks(AT_ONCE) {
            let some = list(some);
            self.write_by(Priority::Resumable, lease, now, move |transaction| {
                Box::pin(async move {
                    let connection = &mut transaction.connection();
                    let forget = statement(connection, FORGET);
                    within!(connection, |connection| {
                        let run = sqlx::query(forget).bind(run.0).bind(some);
                        run.execute(connection).await.map(drop)?;
                    });
                    Ok(())
                })
            })
            .await?;
        }
        Ok(())
    }
}

async fn stage(
    connection: &mut Connection<'_>,
    run: RunId,
    part: StagedPart,
) -> Result<(), StoreError> {
    const PAGE: &str = "
        INSERT INTO connector_pages (run_id, number, about_users, about_groups, page)
        VALUES ($1, $2, $3, $4, $5)";
    const DONE: &str = "DELETE FROM connector_tasks WHERE run_id = $1 AND number = $2";
    const COUNT: &str = "
        UPDATE connector_runs SET pages = pages + 1, items = items + $2 WHERE id = $1";
    let (number, page, [users, groups]) = part.page;
    within!(&mut *connection, |connection| {
        sqlx::query(PAGE)
            .bind(run.0)
            .bind(number)
            .bind(i64::from(users))
            .bind(i64::from(groups))
            .bind(page)
            .execute(&mut *connection)
            .await?;
        sqlx::query(DONE).bind(run.0).bind(part.task).execute(&mut *connection).await?;
        let count = sqlx::query(COUNT).bind(run.0).bind(part.items);
        count.execute(&mut *connection).await?;
    });
    let (first, next) = part.next;
    add_tasks(connection, run, first, &next).await
}
