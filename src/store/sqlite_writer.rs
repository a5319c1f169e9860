//! SQLite's one writer: a task that everybody sends their writes to.
//!
//! SQLite takes one writer at a time. Who would have to wait for a lock waits in a queue instead, and
//! writes that wait together are committed together: one `fsync` for all of them. Parts of a large work that can be
//! taken up again are not waited for: the next commit that has to last makes them last too, for the log has one order.

use std::{
    fs::File,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    StoreError,
    transaction::{Priority, Transaction, Writing},
};

/// How many writes share a commit at most.
const MAX_GROUP: usize = 128;

/// Whether a commit waits for the disk.
const SYNCED: &str = "PRAGMA synchronous = FULL";
const UNSYNCED: &str = "PRAGMA synchronous = NORMAL";

/// What the writer keeps of the database in memory, as soon as that is as large: parts of a large work come to the same pages
/// again and again, and what people do hardly does.
const SMALL_CACHE: &str = "PRAGMA cache_size = -8192";
const LARGE_CACHE: &str = "PRAGMA cache_size = -65536";

/// A large work of which no part has come for so long is over.
const WORK_IS_OVER: Duration = Duration::from_mins(1);

/// How many writes may wait; beyond that, whoever writes waits to wait.
const QUEUE: usize = 1024;

/// Sends writes to the task that writes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SqliteWriter {
    logins: mpsc::Sender<Job>,
    bulk: mpsc::Sender<Job>,
    /// Counts commits, for whoever wants to know of them.
    commits: watch::Receiver<u64>,
    /// Held as long as anybody may write: no second gateway gets at the file.
    _lock: Option<Arc<File>>,
}

/// A write whose types are forgotten, so that all fit into one queue.
struct Job {
    run: Box<dyn for<'t> FnOnce(&'t mut Transaction) -> Running<'t> + Send>,
    /// Whether it has to survive a loss of power as soon as it is acknowledged.
    lasts: bool,
}

type Running<'t> = Pin<Box<dyn Future<Output = Done> + Send + 't>>;

/// A write that has run, and how to tell whoever asked for it what became of the commit.
struct Done {
    succeeded: bool,
    acknowledge: Box<dyn FnOnce(Result<(), String>) + Send>,
}

impl Job {
    fn new(
        lasts: bool,
        run: impl for<'t> FnOnce(&'t mut Transaction) -> Running<'t> + Send + 'static,
    ) -> Self {
        Self { run: Box::new(run), lasts }
    }

    /// One write that panics must not take the writer from all others.
    async fn run(self, transaction: &mut Transaction) -> Done {
        let running = AssertUnwindSafe(async { (self.run)(transaction).await });
        running.catch_unwind().await.unwrap_or_else(|_| Done::panicked())
    }
}

impl Done {
    /// Whoever asked is gone, or hears that nothing was written.
    fn panicked() -> Self {
        tracing::error!("a write to the database panicked: nothing of it was written");
        Self { succeeded: false, acknowledge: Box::new(|_| {}) }
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl SqliteWriter {
    /// Starts the task on a connection of its own.
    pub(super) fn start(connection: SqliteConnection, lock: Option<File>) -> Self {
        let (logins, login_jobs) = mpsc::channel(QUEUE);
        let (bulk, bulk_jobs) = mpsc::channel(QUEUE);
        let (commit, commits) = watch::channel(0);
        tokio::spawn(run(Transaction::Sqlite(connection), login_jobs, bulk_jobs, commit));
        Self { logins, bulk, commits, _lock: lock.map(Arc::new) }
    }

    /// Changes with every commit from now on.
    pub(super) fn commits(&self) -> watch::Receiver<u64> {
        let mut commits = self.commits.clone();
        commits.mark_unchanged();
        commits
    }

    pub(super) async fn write<T, E, W>(&self, priority: Priority, write: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: for<'t> FnOnce(&'t mut Transaction) -> Writing<'t, T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let lasts = priority != Priority::Resumable;
        let job = Job::new(lasts, move |transaction| {
            Box::pin(async move {
                let result = write(transaction).await;
                Done {
                    succeeded: result.is_ok(),
                    acknowledge: Box::new(move |committed| {
                        let outcome = match (result, committed) {
                            (Ok(_), Err(problem)) => Err(E::from(StoreError::Commit(problem))),
                            (result, _) => result,
                        };
                        // Whoever asked may have gone; what was written stays written.
                        let _ = answer.send(outcome);
                    }),
                }
            })
        });
        let queue = if priority == Priority::Login { &self.logins } else { &self.bulk };
        queue.send(job).await.map_err(|_| E::from(StoreError::NotWritten))?;
        answered.await.map_err(|_| E::from(StoreError::NotWritten))?
    }
}

/// The writes that wait.
struct Queues {
    logins: mpsc::Receiver<Job>,
    bulk: mpsc::Receiver<Job>,
    /// One of bulk that did not fit into the group before.
    next: Option<Job>,
}

impl Queues {
    async fn next(&mut self) -> Option<Job> {
        if let Ok(login) = self.logins.try_recv() {
            return Some(login);
        }
        if let Some(next) = self.next.take() {
            return Some(next);
        }
        tokio::select! {
            biased;
            Some(job) = self.logins.recv() => Some(job),
            Some(job) = self.bulk.recv() => Some(job),
            else => None,
        }
    }

    /// One more for a group: a login that waits goes first, and nothing that has to last joins what has not.
    fn one_more(&mut self, lasts: bool) -> Option<Job> {
        if lasts {
            return self.logins.try_recv().ok().or_else(|| self.take_bulk());
        }
        if !self.logins.is_empty() {
            return None;
        }
        self.next = self.take_bulk();
        self.next.take_if(|job| !job.lasts)
    }

    fn take_bulk(&mut self) -> Option<Job> {
        self.next.take().or_else(|| self.bulk.try_recv().ok())
    }
}

async fn run(
    mut transaction: Transaction,
    logins: mpsc::Receiver<Job>,
    bulk: mpsc::Receiver<Job>,
    commit: watch::Sender<u64>,
) {
    let mut queues = Queues { logins, bulk, next: None };
    let (mut is_synced, mut large_work) = (true, None);
    if let Err(error) = execute(&mut transaction, SMALL_CACHE).await {
        tracing::warn!(%error, "the database takes more memory than it should");
    }
    while let Some(first) = queues.next().await {
        let mut done = Vec::new();
        let committed = async {
            fit_cache(&mut transaction, !first.lasts, &mut large_work).await?;
            if is_synced != first.lasts {
                execute(&mut transaction, if first.lasts { SYNCED } else { UNSYNCED }).await?;
                is_synced = first.lasts;
            }
            write_group(&mut transaction, first, &mut queues, &mut done).await
        };
        let committed = committed.await.map_err(|error| error.to_string());
        if let Err(problem) = &committed {
            tracing::error!(problem, "the database could not be written");
            let _ = execute(&mut transaction, "ROLLBACK").await;
        }
        commit.send_modify(|count| *count += 1);
        for Done { acknowledge, .. } in done {
            acknowledge(committed.clone());
        }
    }
}

/// Gives a large work the memory that it needs, from its first part on; `since` is when the last one came.
async fn fit_cache(
    transaction: &mut Transaction,
    is_part: bool,
    since: &mut Option<Instant>,
) -> Result<(), sqlx::Error> {
    let before = *since;
    if is_part {
        *since = Some(Instant::now());
        return if before.is_none() { execute(transaction, LARGE_CACHE).await } else { Ok(()) };
    }
    if before.is_some_and(|last| last.elapsed() >= WORK_IS_OVER) {
        *since = None;
        return execute(transaction, SMALL_CACHE).await;
    }
    Ok(())
}

/// The first write needs no savepoint, for which SQLite would copy each page that it changes: if it fails, nothing else
/// has been written yet.
async fn write_group(
    transaction: &mut Transaction,
    first: Job,
    queues: &mut Queues,
    done: &mut Vec<Done>,
) -> Result<(), sqlx::Error> {
    let lasts = first.lasts;
    execute(transaction, "BEGIN IMMEDIATE").await?;
    let outcome = first.run(transaction).await;
    if !outcome.succeeded {
        execute(transaction, "ROLLBACK").await?;
        execute(transaction, "BEGIN IMMEDIATE").await?;
    }
    done.push(outcome);
    while done.len() < MAX_GROUP
        && let Some(job) = queues.one_more(lasts)
    {
        execute(transaction, "SAVEPOINT one_write").await?;
        let outcome = job.run(transaction).await;
        if !outcome.succeeded {
            execute(transaction, "ROLLBACK TO one_write").await?;
        }
        execute(transaction, "RELEASE one_write").await?;
        done.push(outcome);
    }
    execute(transaction, "COMMIT").await
}

async fn execute(
    transaction: &mut Transaction,
    statement: &'static str,
) -> Result<(), sqlx::Error> {
    if let Transaction::Sqlite(connection) = transaction {
        sqlx::query(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

    use super::*;
    use crate::store::Connection;

    async fn run(
        writer: &SqliteWriter,
        priority: Priority,
        sql: &'static str,
        then: fn() -> Result<(), StoreError>,
    ) -> Result<i64, StoreError> {
        writer
            .write(priority, move |transaction| {
                Box::pin(async move {
                    let Connection::Sqlite(connection) = transaction.connection() else {
                        return Err(StoreError::NotWritten);
                    };
                    let number: Option<i64> =
                        sqlx::query_scalar(sql).fetch_optional(&mut *connection).await?;
                    then()?;
                    Ok(number.unwrap_or_default())
                })
            })
            .await
    }

    #[tokio::test]
    async fn what_fails_or_panics_leaves_nothing_and_takes_the_writer_from_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(dir.path().join("a.db"));
        let connection = options.create_if_missing(true).connect().await.unwrap();
        let writer = &SqliteWriter::start(connection, None);
        let fine = || Ok(());
        run(writer, Priority::Login, "CREATE TABLE t (a INTEGER)", fine).await.unwrap();
        let mut made = 0;
        for priority in [Priority::Login, Priority::Resumable, Priority::Bulk, Priority::Resumable]
        {
            const INSERT: &str = "INSERT INTO t VALUES (1)";
            let failed = run(writer, priority, INSERT, || Err(StoreError::NoPlan(7)));
            let panicked = run(writer, priority, INSERT, || panic!("a panic of the test's"));
            let good = run(writer, priority, INSERT, fine);
            // They come to the writer together, and in this order.
            let (failed, panicked, good) = tokio::join!(failed, panicked, good);
            assert!(matches!(failed, Err(StoreError::NoPlan(7))), "{failed:?}");
            assert!(matches!(panicked, Err(StoreError::NotWritten)), "{panicked:?}");
            good.unwrap();
            made += 1;
            assert_eq!(run(writer, priority, "SELECT COUNT(*) FROM t", fine).await.unwrap(), made);
            let waits = run(writer, priority, "PRAGMA synchronous", fine).await.unwrap();
            assert_eq!(waits, if priority == Priority::Resumable { 1 } else { 2 }, "{priority:?}");
        }
    }
}
