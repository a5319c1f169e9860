//! How far applications are that keep a copy of what they see, and whom they know beyond that.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Connection, LogPlace, Priority, Store, StoreError, read,
    time::{micros, time},
    within,
};

/// How far an application's copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrowdSync {
    /// All changes up to this one have reached it; 0 if nothing is known.
    pub seq: i64,
    /// Since when.
    pub at: DateTime<Utc>,
}

impl CrowdSync {
    /// Whether it has ever had a copy, as far as the gateway knows.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.seq > 0
    }
}

impl Store {
    /// How far an application's copy is.
    pub async fn find_crowd_sync(
        &self,
        application: &str,
    ) -> Result<Option<CrowdSync>, StoreError> {
        const SQL: &str = "SELECT synced_seq, synced_at FROM crowd_syncs WHERE application = $1";
        let row: Option<(i64, i64)> = read!(self, |pool| {
            sqlx::query_as(SQL).bind(application.to_owned()).fetch_optional(pool).await?
        });
        Ok(row.map(|(seq, at)| CrowdSync { seq, at: time(at) }))
    }

    /// An application asks where the log is (`here`): before it reads everything, and once more afterwards. Gives
    /// the place where the log was when it asked *before*, so that what changes while it reads is not missed,
    /// and, if it has read everything since then, the change up to which its copy is good.
    pub async fn ask_for_place(
        &self,
        application: &str,
        here: LogPlace,
        now: DateTime<Utc>,
    ) -> Result<(LogPlace, Option<i64>), StoreError> {
        const BEFORE: &str = "SELECT asked, has_read FROM crowd_syncs WHERE application = $1";
        const ASK: &str = "
            INSERT INTO crowd_syncs (application, asked, has_read, synced_seq, synced_at)
            VALUES ($1, $2, 0, 0, $3)
            ON CONFLICT (application) DO UPDATE SET asked = excluded.asked, has_read = 0";
        let application = application.to_owned();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let before: Option<(String, i64)> = within!(connection, |connection| {
                    let before = sqlx::query_as(BEFORE).bind(&application);
                    let before = before.fetch_optional(&mut *connection).await?;
                    let ask = sqlx::query(ASK).bind(&application).bind(here.text());
                    ask.bind(micros(now)).execute(&mut *connection).await.map(drop)?;
                    before
                });
                let before = before.and_then(|(asked, has_read)| {
                    LogPlace::parse(&asked).map(|asked| (asked, has_read != 0))
                });
                Ok(match before {
                    Some((asked, has_read)) => (asked, has_read.then_some(asked.seq())),
                    None => (here, None),
                })
            })
        })
        .await
    }

    /// An application reads all memberships, which it does last when it reads everything.
    pub async fn note_crowd_reading(&self, application: &str) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE crowd_syncs SET has_read = 1 WHERE application = $1 AND has_read = 0";
        let application = application.to_owned();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL).bind(application).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// An application has been told where the log is: should it read everything now, it does so after this.
    pub async fn note_crowd_place(
        &self,
        application: &str,
        here: LogPlace,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const KNOWN: &str = "SELECT asked FROM crowd_syncs WHERE application = $1";
        let text = here.text();
        let known: Option<String> = read!(self, |pool| {
            sqlx::query_scalar(KNOWN).bind(application.to_owned()).fetch_optional(pool).await?
        });
        if known.as_ref() == Some(&text) {
            return Ok(());
        }
        self.ask_for_place(application, here, now).await.map(drop)
    }

    /// All changes up to this one have reached an application. Accounts that it was known to know need not be
    /// remembered one by one then.
    pub async fn note_crowd_sync(
        &self,
        application: &str,
        seq: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if self.find_crowd_sync(application).await?.is_some_and(|sync| sync.seq >= seq) {
            return Ok(());
        }
        let application = application.to_owned();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                write_sync(connection, &application, seq, now).await
            })
        })
        .await
    }

    /// Whether an application knows an account as it was made by a change.
    pub async fn is_known_to_crowd(
        &self,
        application: &str,
        user: Uuid,
        seq: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT seq FROM crowd_known WHERE application = $1 AND user_uuid = $2";
        let known: Option<i64> = read!(self, |pool| {
            sqlx::query_scalar(SQL)
                .bind(application.to_owned())
                .bind(user)
                .fetch_optional(pool)
                .await?
        });
        Ok(known.is_some_and(|known| known >= seq))
    }

    /// An application knows an account as a change has made it.
    pub async fn insert_crowd_known(
        &self,
        application: &str,
        user: Uuid,
        seq: i64,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            INSERT INTO crowd_known (application, user_uuid, seq, at) VALUES ($1, $2, $3, $4)
            ON CONFLICT (application, user_uuid) DO UPDATE SET seq = excluded.seq, at = excluded.at";
        let application = application.to_owned();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let known = sqlx::query(SQL).bind(application).bind(user).bind(seq);
                    known.bind(micros(now)).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }
}

async fn write_sync(
    connection: &mut Connection<'_>,
    application: &str,
    seq: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SYNC: &str = "
        INSERT INTO crowd_syncs (application, asked, has_read, synced_seq, synced_at)
        VALUES ($1, '', 0, $2, $3)
        ON CONFLICT (application) DO UPDATE
        SET synced_seq = excluded.synced_seq, synced_at = excluded.synced_at
        WHERE crowd_syncs.synced_seq < excluded.synced_seq";
    const KNOWN: &str = "DELETE FROM crowd_known WHERE application = $1 AND seq <= $2";
    within!(connection, |connection| {
        let sync = sqlx::query(SYNC).bind(application).bind(seq).bind(micros(now));
        sync.execute(&mut *connection).await.map(drop)?;
        let known = sqlx::query(KNOWN).bind(application).bind(seq);
        known.execute(&mut *connection).await.map(drop)?;
    });
    Ok(())
}
