//! What of the change log is forgotten.

use chrono::{DateTime, Utc};

use super::{Connection, Priority, Store, StoreError, time::micros, within};

impl Store {
    /// Forgets the changes from before a time, and the plans of that time; says how many changes.
    ///
    /// They go from the oldest on, so that what is left has no gaps that a reader would not notice, and a batch
    /// goes as a whole or stays as a whole: half of one cannot be undone.
    pub async fn delete_changes_before(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        const DELETE: &str = "
            DELETE FROM changes WHERE seq IN
                (SELECT seq FROM changes WHERE seq < $1 ORDER BY seq LIMIT 500)";
        const PLANS: &str = "
            DELETE FROM plans WHERE id IN
                (SELECT id FROM plans WHERE updated_at < $1
                 AND state IN ('applied', 'discarded', 'dry_run') ORDER BY id LIMIT 1)";
        let before = micros(before);
        let kept = self.read::<_, StoreError, _>(move |connection| {
            Box::pin(async move { first_kept(connection, before).await })
        });
        let kept = kept.await?;
        self.remember_last_forgotten(kept).await?;
        let deleted = self.delete_all(DELETE, kept).await?;
        self.delete_all(PLANS, before).await?;
        Ok(deleted)
    }

    /// Keeps in mind which change was the last before those that stay: who has read up to it misses nothing.
    async fn remember_last_forgotten(&self, kept: i64) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO last_forgotten (id, seq, at)
            SELECT 1, seq, at FROM changes WHERE seq = $1 - 1
            ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, at = excluded.at";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL).bind(kept).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Runs a statement until it finds nothing more: no login waits for more than one of them.
    pub(super) async fn delete_all(
        &self,
        statement: &'static str,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let rows = self.write::<_, StoreError, _>(Priority::Bulk, move |transaction| {
                Box::pin(async move {
                    Ok(within!(&mut transaction.connection(), |connection| {
                        let run = sqlx::query(statement).bind(limit);
                        run.execute(connection).await?.rows_affected()
                    }))
                })
            });
            match rows.await? {
                0 => return Ok(deleted),
                rows => deleted += rows,
            }
        }
    }
}

/// The number of the first change that stays: none before it is of a batch that goes on behind it.
async fn first_kept(connection: &mut Connection<'_>, before: i64) -> Result<i64, StoreError> {
    const YOUNG: &str = "
        SELECT COALESCE((SELECT c.seq FROM changes c WHERE c.at >= $1 ORDER BY c.seq LIMIT 1), h.seq + 1)
        FROM change_head h";
    // A batch is called after its first change.
    const SPLIT: &str = "SELECT MIN(batch) FROM changes WHERE batch < $1 AND seq >= $1";
    let mut first: i64 = within!(connection, |connection| {
        sqlx::query_scalar(YOUNG).bind(before).fetch_one(connection).await?
    });
    loop {
        let split: Option<i64> = within!(connection, |connection| {
            sqlx::query_scalar(SPLIT).bind(first).fetch_one(connection).await?
        });
        match split {
            Some(batch) => first = batch,
            None => return Ok(first),
        }
    }
}
