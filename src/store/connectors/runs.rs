//! Runs of connectors, and what came of them.

use chrono::{DateTime, Utc};

use super::{ConnectorId, Lease};
use crate::store::{
    Connection, Priority, Store, StoreError, read,
    time::{micros, time},
    within,
};

/// A run. Small, and what people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

/// So many looks at one user are remembered.
const KEPT_USER_RUNS: i64 = 1000;

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
    fn as_str(self) -> &'static str {
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

#[derive(Debug, sqlx::FromRow)]
struct Row {
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
