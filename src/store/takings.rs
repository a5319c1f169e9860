//! What sources have taken away without an administrator's word, for as long as the guard remembers it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Connection, Store, StoreError, read, time::micros, within};
use crate::{directory::DirectoryId, provisioning::Taken};

/// No guard remembers anything longer than a week.
const LONGEST: TimeDelta = TimeDelta::days(8);

/// In which way something was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takings {
    /// Accounts and memberships ended.
    Ends,
    /// Accounts and groups went that had ended long before.
    Removes,
}

impl Takings {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ends => "ends",
            Self::Removes => "removes",
        }
    }
}

/// Remembers what a source takes away, in the transaction that decides it.
pub(super) async fn insert(
    connection: &mut Connection<'_>,
    (directory, source, kind): (DirectoryId, &str, Takings),
    taken: &Taken,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO takings (directory_id, source, kind, at, taken) VALUES ($1, $2, $3, $4, $5)";
    const OLD: &str =
        "DELETE FROM takings WHERE directory_id = $1 AND source = $2 AND kind = $3 AND at < $4";
    let text = serde_json::to_string(taken).map_err(|error| unreadable(&error.to_string()))?;
    within!(connection, |connection| {
        sqlx::query(OLD)
            .bind(directory.0)
            .bind(source)
            .bind(kind.as_str())
            .bind(micros(now - LONGEST))
            .execute(&mut *connection)
            .await?;
        sqlx::query(SQL)
            .bind(directory.0)
            .bind(source)
            .bind(kind.as_str())
            .bind(micros(now))
            .bind(text)
            .execute(&mut *connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

impl Store {
    /// What a source has taken away since then without an administrator's word.
    pub async fn sum_taken(
        &self,
        directory: DirectoryId,
        source: &str,
        kind: Takings,
        since: DateTime<Utc>,
    ) -> Result<Taken, StoreError> {
        const SQL: &str = "
            SELECT taken FROM takings
            WHERE directory_id = $1 AND source = $2 AND kind = $3 AND at > $4";
        let texts: Vec<String> = read!(self, |pool| {
            sqlx::query_scalar(SQL)
                .bind(directory.0)
                .bind(source)
                .bind(kind.as_str())
                .bind(micros(since))
                .fetch_all(pool)
                .await?
        });
        let mut sum = Taken::default();
        for text in texts {
            sum += serde_json::from_str::<Taken>(&text).map_err(|_| unreadable(&text))?;
        }
        Ok(sum)
    }
}

fn unreadable(value: &str) -> StoreError {
    StoreError::Unreadable { what: "what a source has taken away", value: value.to_owned() }
}
