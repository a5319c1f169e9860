//! Who is left out of what waits for an administrator: since it was decided, the source has said something else of them.

use super::Outcome;
use crate::{
    directory::{DirectoryId, UserId},
    store::{Priority, RunId, Store, StoreError, within},
};

impl Store {
    /// Leaves an account out of everything that a source's plans would still take away, up to those of a run: what later ones
    /// say of the account is not known yet to whoever has looked.
    pub async fn spare(
        &self,
        directory: DirectoryId,
        source: &str,
        user: UserId,
        up_to: RunId,
    ) -> Result<(), StoreError> {
        const HELD: &str = "
            SELECT p.id, (SELECT COALESCE(MIN(o.number), 0) FROM plan_outcomes o WHERE o.plan_id = p.id)
            FROM plans p WHERE p.directory_id = $1 AND p.source = $2 AND p.state = 'held'
              AND COALESCE(p.run_id, 0) <= $3";
        const SPARE: &str =
            "INSERT INTO plan_outcomes (plan_id, number, outcome) VALUES ($1, $2, $3)";
        let source = source.to_owned();
        let outcome = Outcome { skipped: [user].into(), ..Outcome::default() };
        let text = serde_json::to_string(&outcome).map_err(|error| StoreError::Unreadable {
            what: "an outcome",
            value: error.to_string(),
        })?;
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let held: Vec<(i64, i64)> = sqlx::query_as(HELD)
                        .bind(directory.0)
                        .bind(source)
                        .bind(up_to.0)
                        .fetch_all(&mut *connection)
                        .await?;
                    for (plan, lowest) in held {
                        // Of no chunk: those are numbered from 0.
                        let number = lowest.min(0) - 1;
                        let spare = sqlx::query(SPARE).bind(plan).bind(number);
                        spare.bind(&text).execute(&mut *connection).await?;
                    }
                });
                Ok(())
            })
        })
        .await
    }
}
