//! SQLite's one writer: a task that everybody sends their writes to.
//!
//! SQLite takes one writer at a time. Who would have to wait for a lock waits in a queue instead, and
//! writes that wait together are committed together: one `fsync` for all of them.

use std::{fs::File, future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::FutureExt as _;
use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    StoreError,
    transaction::{Priority, Transaction, Writing},
};

/// How many writes share a commit at most.
const MAX_GROUP: usize = 128;

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
struct Job(Box<dyn for<'t> FnOnce(&'t mut Transaction) -> Running<'t> + Send>);

type Running<'t> = Pin<Box<dyn Future<Output = Done> + Send + 't>>;

/// A write that has run, and how to tell whoever asked for it what became of the commit.
struct Done {
    succeeded: bool,
    acknowledge: Box<dyn FnOnce(Result<(), String>) + Send>,
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
        let job = Job(Box::new(move |transaction| {
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
        }));
        let queue = if priority == Priority::Login { &self.logins } else { &self.bulk };
        queue.send(job).await.map_err(|_| E::from(StoreError::NotWritten))?;
        answered.await.map_err(|_| E::from(StoreError::NotWritten))?
    }
}

async fn run(
    mut transaction: Transaction,
    mut logins: mpsc::Receiver<Job>,
    mut bulk: mpsc::Receiver<Job>,
    commit: watch::Sender<u64>,
) {
    loop {
        let first = tokio::select! {
            biased;
            Some(job) = logins.recv() => job,
            Some(job) = bulk.recv() => job,
            else => return,
        };
        let mut done = Vec::new();
        let committed = write_group(&mut transaction, first, &mut logins, &mut bulk, &mut done);
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

async fn write_group(
    transaction: &mut Transaction,
    first: Job,
    logins: &mut mpsc::Receiver<Job>,
    bulk: &mut mpsc::Receiver<Job>,
    done: &mut Vec<Done>,
) -> Result<(), sqlx::Error> {
    execute(transaction, "BEGIN IMMEDIATE").await?;
    let mut next = Some(first);
    while let Some(Job(job)) = next {
        execute(transaction, "SAVEPOINT one_write").await?;
        // One write that panics must not take the writer from all others.
        let outcome = AssertUnwindSafe(async { job(transaction).await }).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Done::panicked());
        if !outcome.succeeded {
            execute(transaction, "ROLLBACK TO one_write").await?;
        }
        execute(transaction, "RELEASE one_write").await?;
        done.push(outcome);
        if done.len() >= MAX_GROUP {
            break;
        }
        // A login that waits goes first; bulk work never makes one wait for a long group.
        next = logins.try_recv().ok().or_else(|| bulk.try_recv().ok());
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
