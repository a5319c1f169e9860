//! Wrong passwords: how many in a row, for every replica and over restarts.

use chrono::{DateTime, Utc};

use super::{
    Connection, Priority, Store, StoreError,
    purge::KEEP_FAILURES,
    read,
    time::{micros, time},
    within,
};
use crate::directory::UserId;

/// So many networks of an account are remembered: those that were wrong last.
const NETWORKS: i64 = 1000;

/// Wrong passwords since the last right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordFailures {
    /// How many.
    pub count: i64,
    /// When the last one was.
    pub last_at: DateTime<Utc>,
}

fn failures((count, last_at): (i64, i64)) -> PasswordFailures {
    PasswordFailures { count, last_at: time(last_at) }
}

impl Store {
    /// What was wrong for an account, counted for that network; all of the account's under the empty name.
    pub async fn find_password_failures(
        &self,
        user: UserId,
        network: &[u8],
    ) -> Result<Option<PasswordFailures>, StoreError> {
        const SQL: &str =
            "SELECT failures, last_at FROM password_failures WHERE user_id = $1 AND network = $2";
        let network = network.to_vec();
        let row: Option<(i64, i64)> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(user.0).bind(network).fetch_optional(pool).await?
        });
        Ok(row.map(failures))
    }

    /// What was wrong for an account, for each network of its own, the latest first.
    pub async fn list_password_failures(
        &self,
        user: UserId,
    ) -> Result<Vec<PasswordFailures>, StoreError> {
        const SQL: &str = "
            SELECT failures, last_at FROM password_failures WHERE user_id = $1
            ORDER BY last_at DESC, network";
        let rows: Vec<(i64, i64)> =
            read!(self, |pool| sqlx::query_as(SQL).bind(user.0).fetch_all(pool).await?);
        Ok(rows.into_iter().map(failures).collect())
    }

    /// Counts a wrong password. What was wrong a day before the last one counts no more.
    pub async fn note_wrong_password(
        &self,
        user: UserId,
        network: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const COUNT: &str = "
            INSERT INTO password_failures (user_id, network, failures, last_at)
            SELECT u.id, $2, 1, $3 FROM users u WHERE u.id = $1
            ON CONFLICT (user_id, network) DO UPDATE SET last_at = excluded.last_at,
                failures = CASE WHEN password_failures.last_at < $4 THEN 1
                                ELSE password_failures.failures + 1 END";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                within!(connection, |connection| {
                    sqlx::query(COUNT)
                        .bind(user.0)
                        .bind(&network)
                        .bind(micros(now))
                        .bind(micros(now - KEEP_FAILURES))
                        .execute(connection)
                        .await
                        .map(drop)?;
                });
                if network.is_empty() { Ok(()) } else { keep_few(connection, user).await }
            })
        })
        .await
    }
}

/// Whoever tries from everywhere fills nothing.
async fn keep_few(connection: &mut Connection<'_>, user: UserId) -> Result<(), StoreError> {
    const SQL: &str = "
        DELETE FROM password_failures WHERE user_id = $1 AND network NOT IN
            (SELECT network FROM password_failures WHERE user_id = $1
             ORDER BY last_at DESC, network LIMIT $2)";
    within!(connection, |connection| {
        sqlx::query(SQL).bind(user.0).bind(NETWORKS).execute(connection).await.map(drop)?;
    });
    Ok(())
}

/// Forgets what was wrong for an account: for one network, or all of it.
pub(super) async fn delete(
    connection: &mut Connection<'_>,
    user: UserId,
    network: Option<&[u8]>,
) -> Result<(), StoreError> {
    const ONE: &str = "DELETE FROM password_failures WHERE user_id = $1 AND network = $2";
    const ALL: &str = "DELETE FROM password_failures WHERE user_id = $1";
    within!(connection, |connection| {
        let delete = match network {
            Some(network) => sqlx::query(ONE).bind(user.0).bind(network.to_vec()),
            None => sqlx::query(ALL).bind(user.0),
        };
        delete.execute(connection).await.map(drop)?;
    });
    Ok(())
}
