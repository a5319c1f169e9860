//! Where applications want to be told that something has changed.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Priority, Store, StoreError, changes, read,
    time::{micros, time},
    within,
};
use crate::directory::DirectoryId;

/// An address that an application wants to be told at.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Which application.
    pub application: String,
    /// The address.
    pub endpoint: String,
    /// What it knows the gateway by, sealed.
    pub sealed: Option<Vec<u8>>,
}

/// One that is kept.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Its number.
    pub id: i64,
    /// What it is.
    pub webhook: NewWebhook,
    /// The last change that it was told of.
    pub told_seq: i64,
    /// How often in a row it could not be told.
    pub failures: i64,
    /// Since when it could not.
    pub failing_since: Option<DateTime<Utc>>,
    /// When to tell it at the earliest.
    pub next_at: DateTime<Utc>,
}

/// What has happened in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryNews {
    /// Which; changes from before that was logged do not say.
    pub directory: Option<DirectoryId>,
    /// When the first of it was.
    pub since: DateTime<Utc>,
    /// Whether all of it is of large plans that are being applied, so that more is to come.
    pub is_under_way: bool,
}

type Row = (i64, String, String, Option<Vec<u8>>, i64, i64, Option<i64>, i64);

/// The columns of [`Row`].
macro_rules! select_webhooks {
    ($rest:literal) => {
        concat!(
            "SELECT w.id, w.application, w.endpoint, w.sealed, w.told_seq, w.failures, ",
            "w.failing_since, w.next_at FROM crowd_webhooks w ",
            $rest
        )
    };
}

fn webhook(row: Row) -> Webhook {
    let (id, application, endpoint, sealed, told_seq, failures, failing_since, next_at) = row;
    let webhook = NewWebhook { application, endpoint, sealed };
    let (failing_since, next_at) = (failing_since.map(time), time(next_at));
    Webhook { id, webhook, told_seq, failures, failing_since, next_at }
}

impl Store {
    /// Keeps an address, and gives its number; `None` if the application has `most` of them already. One that is
    /// known is kept under the number that it has.
    pub async fn upsert_webhook(
        &self,
        new: NewWebhook,
        most: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>, StoreError> {
        const COUNT: &str = "
            SELECT COUNT(*) FROM crowd_webhooks WHERE application = $1 AND endpoint <> $2";
        const SQL: &str = "
            INSERT INTO crowd_webhooks (application, endpoint, sealed, told_seq, failures, next_at,
                created_at)
            VALUES ($1, $2, $3, $4, 0, 0, $5)
            ON CONFLICT (application, endpoint) DO UPDATE
            SET sealed = excluded.sealed, failures = 0, failing_since = NULL, next_at = 0
            RETURNING id";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let head = changes::advance_head(connection, 0).await?;
                within!(connection, |connection| {
                    let count = sqlx::query_scalar(COUNT).bind(&new.application);
                    let count: i64 = count.bind(&new.endpoint).fetch_one(&mut *connection).await?;
                    if count >= most {
                        return Ok(None);
                    }
                    let id = sqlx::query_scalar(SQL)
                        .bind(new.application)
                        .bind(new.endpoint)
                        .bind(new.sealed)
                        .bind(head)
                        .bind(micros(now))
                        .fetch_one(&mut *connection)
                        .await?;
                    Ok(Some(id))
                })
            })
        })
        .await
    }

    /// An application's address of that number.
    pub async fn find_webhook(
        &self,
        application: &str,
        id: i64,
    ) -> Result<Option<Webhook>, StoreError> {
        const SQL: &str = select_webhooks!("WHERE w.id = $1 AND w.application = $2");
        let row: Option<Row> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(id).bind(application.to_owned()).fetch_optional(pool).await?
        });
        Ok(row.map(webhook))
    }

    /// Forgets it; says whether there was one.
    pub async fn delete_webhook(&self, application: &str, id: i64) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM crowd_webhooks WHERE id = $1 AND application = $2";
        let application = application.to_owned();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                Ok(within!(&mut transaction.connection(), |connection| {
                    let delete = sqlx::query(SQL).bind(id).bind(application);
                    delete.execute(connection).await?.rows_affected() > 0
                }))
            })
        })
        .await
    }

    /// Those that have not been told of the last change, and may be told now; with the number of that change.
    pub async fn list_due_webhooks(
        &self,
        now: DateTime<Utc>,
    ) -> Result<(Vec<Webhook>, i64), StoreError> {
        const HEAD: &str = "SELECT seq FROM change_head";
        const SQL: &str =
            select_webhooks!("WHERE w.told_seq < $1 AND w.next_at <= $2 ORDER BY w.id");
        let (rows, head): (Vec<Row>, i64) = read!(self, |pool| {
            let head: i64 = sqlx::query_scalar(HEAD).fetch_one(pool).await?;
            (sqlx::query_as(SQL).bind(head).bind(micros(now)).fetch_all(pool).await?, head)
        });
        Ok((rows.into_iter().map(webhook).collect(), head))
    }

    /// What has happened after a change, in each directory.
    pub async fn list_directory_news(&self, after: i64) -> Result<Vec<DirectoryNews>, StoreError> {
        const SQL: &str = "
            SELECT c.directory_id, MIN(c.at),
                   MIN(CAST(CASE WHEN c.kind = 'chunk' AND p.id IS NOT NULL THEN 1 ELSE 0 END AS BIGINT))
            FROM changes c LEFT JOIN plans p ON p.batch = c.batch AND p.state = 'sealed'
            WHERE c.seq > $1 GROUP BY c.directory_id";
        let rows: Vec<(Option<i64>, i64, i64)> =
            read!(self, |pool| sqlx::query_as(SQL).bind(after).fetch_all(pool).await?);
        let news = |(directory, since, under_way): (Option<i64>, i64, i64)| DirectoryNews {
            directory: directory.map(DirectoryId),
            since: time(since),
            is_under_way: under_way == 1,
        };
        Ok(rows.into_iter().map(news).collect())
    }

    /// Takes one on, until some time: of several gateways that see it due, one gets it.
    pub async fn take_webhook(
        &self,
        webhook: &Webhook,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE crowd_webhooks SET next_at = $3
            WHERE id = $1 AND next_at = $2 AND told_seq = $4";
        let (id, seen, told) = (webhook.id, micros(webhook.next_at), webhook.told_seq);
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                Ok(within!(&mut transaction.connection(), |connection| {
                    let take = sqlx::query(SQL).bind(id).bind(seen).bind(micros(until)).bind(told);
                    take.execute(connection).await?.rows_affected() == 1
                }))
            })
        })
        .await
    }

    /// It has been told of a change, and of all before it; or of another one behind it, meanwhile.
    pub async fn note_webhook_told(&self, id: i64, seq: i64) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE crowd_webhooks SET failures = 0, failing_since = NULL, next_at = 0,
                told_seq = CASE WHEN told_seq < $2 THEN $2 ELSE told_seq END
            WHERE id = $1";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL).bind(id).bind(seq).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// It could not be told, and is to be tried again after a pause.
    pub async fn note_webhook_failed(
        &self,
        id: i64,
        now: DateTime<Utc>,
        pause: TimeDelta,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE crowd_webhooks SET failures = failures + 1, next_at = $2,
                failing_since = COALESCE(failing_since, $3)
            WHERE id = $1";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let failed = sqlx::query(SQL).bind(id).bind(micros(now + pause));
                    failed.bind(micros(now)).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }
}
