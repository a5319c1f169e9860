//! Writing, the same way to both databases.

use std::{future::Future, pin::Pin};

use sqlx::{PgConnection, Postgres, SqliteConnection};

use super::{Store, StoreError};

/// A transaction that is being written. What a failed closure wrote is undone.
#[derive(Debug)]
pub(super) enum Transaction {
    /// The writer's connection, inside a transaction.
    Sqlite(SqliteConnection),
    /// A transaction of its own.
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A connection that statements run on, inside a transaction or not.
#[derive(Debug)]
pub(super) enum Connection<'c> {
    /// To SQLite.
    Sqlite(&'c mut SqliteConnection),
    /// To PostgreSQL.
    Postgres(&'c mut PgConnection),
}

impl Transaction {
    pub(super) fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(transaction) => Connection::Postgres(transaction),
        }
    }
}

/// What waits for what. Logins overtake bulk work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for it at a browser.
    Login,
    /// Nobody does.
    Bulk,
    /// Nobody does, and what is lost when the power fails is done again from what is there then. What such writes have
    /// changed lasts as soon as a later write of another kind does: none is lost before one that came after it.
    Resumable,
}

/// What a write does, until it is done.
pub(super) type Writing<'t, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>;

impl Store {
    /// Runs reads that belong together on one connection.
    pub(super) async fn read<T, E, R>(&self, read: R) -> Result<T, E>
    where
        E: From<StoreError>,
        R: for<'t> FnOnce(&'t mut Connection<'_>) -> Writing<'t, T, E>,
    {
        match self {
            Self::Sqlite { readers, .. } => {
                let mut connection =
                    readers.acquire().await.map_err(|error| E::from(error.into()))?;
                read(&mut Connection::Sqlite(&mut connection)).await
            }
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await.map_err(|error| E::from(error.into()))?;
                read(&mut Connection::Postgres(&mut connection)).await
            }
        }
    }

    /// Runs a write in a transaction, and returns once it will last.
    pub(super) async fn write<T, E, W>(&self, priority: Priority, write: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: for<'t> FnOnce(&'t mut Transaction) -> Writing<'t, T, E> + Send + 'static,
    {
        match self {
            Self::Sqlite { writer, .. } => writer.write(priority, write).await,
            Self::Postgres(pool) => {
                let begun = pool.begin().await.map_err(|error| E::from(error.into()))?;
                let mut transaction = Transaction::Postgres(begun);
                // Dropped on the way out, it is rolled back.
                let written = write(&mut transaction).await?;
                if let Transaction::Postgres(transaction) = transaction {
                    transaction.commit().await.map_err(|error| E::from(error.into()))?;
                }
                Ok(written)
            }
        }
    }
}
