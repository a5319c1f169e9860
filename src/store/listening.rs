//! Hearing of changes as they are made, by whichever gateway.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::{sync::watch, time::timeout};

use super::{Store, StoreError};

/// The channel on PostgreSQL. Whoever appends to the log names it too.
const CHANNEL: &str = "gatehouse_changes";

/// A notification can be lost, with the connection that it would have come on.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Hears of changes.
#[derive(Debug)]
pub struct ChangeListener(Ear);

#[derive(Debug)]
enum Ear {
    /// The one writer says when it has written.
    Sqlite(watch::Receiver<u64>),
    Postgres(Box<PgListener>),
}

impl Store {
    /// Begins to listen. Whoever looks into the log after this misses nothing that is made later.
    pub async fn listen_for_changes(&self) -> Result<ChangeListener, StoreError> {
        Ok(ChangeListener(match self {
            Self::Sqlite { writer, .. } => Ear::Sqlite(writer.commits()),
            Self::Postgres(pool) => {
                let mut listener = PgListener::connect_with(pool).await?;
                listener.listen(CHANNEL).await?;
                Ear::Postgres(Box::new(listener))
            }
        }))
    }
}

impl ChangeListener {
    /// Waits until there may be changes that were not there before. There need not be any.
    pub async fn hear(&mut self) {
        let heard = async {
            match &mut self.0 {
                Ear::Sqlite(commits) => commits.changed().await.is_ok(),
                Ear::Postgres(listener) => listener.recv().await.is_ok(),
            }
        };
        // A writer that is gone, or a database that is away: there is nothing to hear before long.
        if timeout(LOOK_AGAIN, heard).await == Ok(false) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
