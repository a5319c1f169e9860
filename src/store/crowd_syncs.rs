//! How far applications are that keep a copy of what they see, and whom they know beyond that.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Connection, LogPlace, Priority, Store, StoreError, crowd_events, read,
    time::{micros, time},
    within,
};
use crate::directory::{DirectoryId, User};

/// How far an application's copy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrowdSync {
    /// All changes up to this one have reached it; -1 if nothing is known.
    pub seq: i64,
    /// Since when.
    pub at: DateTime<Utc>,
    /// The directories that it saw then. What other ones hold has not reached it, however old it is. Nothing if that
    /// was not written down yet.
    directories: Option<Vec<DirectoryId>>,
}

impl CrowdSync {
    /// Whether it has ever had a copy, as far as the gateway knows.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.seq >= 0
    }

    fn covers(&self, directory: DirectoryId) -> bool {
        self.directories.as_ref().is_none_or(|known| known.contains(&directory))
    }

    fn is_of(&self, directories: &[DirectoryId]) -> bool {
        self.directories.as_deref() == Some(directories)
    }
}

/// Number of the change, since when, and the directories.
type Row = (i64, i64, Option<String>);

fn sync((seq, at, directories): Row) -> Result<CrowdSync, StoreError> {
    let read = |text: &str| {
        let numbers: Vec<i64> = serde_json::from_str(text).ok()?;
        Some(numbers.into_iter().map(DirectoryId).collect::<Vec<_>>())
    };
    let unreadable =
        |text: String| StoreError::Unreadable { what: "a list of directories", value: text };
    let directories =
        directories.map(|text| read(&text).ok_or_else(|| unreadable(text))).transpose()?;
    Ok(CrowdSync { seq, at: time(at), directories })
}

impl Store {
    /// How far an application's copy is.
    pub async fn find_crowd_sync(
        &self,
        application: &str,
    ) -> Result<Option<CrowdSync>, StoreError> {
        let application = application.to_owned();
        self.read(|connection| Box::pin(async move { find(connection, &application).await })).await
    }

    /// The last change that has made an account one which nobody can know whose copy is no further than that; see
    /// [`Store::find_news`]. Of a directory that the application saw not then, each account is news.
    pub async fn find_news_since(
        &self,
        user: &User,
        sync: &CrowdSync,
    ) -> Result<Option<i64>, StoreError> {
        if sync.covers(user.directory) {
            return self.find_news(user, sync.seq).await;
        }
        Ok(Some(self.find_news(user, 0).await?.unwrap_or_default()))
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
            VALUES ($1, $2, 0, -1, $3)
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
                    // What was read of other directories says nothing of these.
                    Some((asked, has_read)) => {
                        let good = has_read && asked.sees_as(&here);
                        (asked, good.then_some(asked.seq()))
                    }
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

    /// All changes up to this one have reached an application that sees these directories, as it saw them at a place.
    /// `false` if that is no news, or if it sees others by now. Accounts that it was known to know need not be remembered
    /// one by one then.
    pub async fn note_crowd_sync(
        &self,
        application: &str,
        directories: &[DirectoryId],
        (place, seq): (LogPlace, i64),
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (application, directories) = (application.to_owned(), directories.to_vec());
        let reached = Reached { application, directories, place, seq };
        let reading = reached.clone();
        let read = self.read::<_, StoreError, _>(|connection| {
            Box::pin(async move { reading.find_news(connection).await })
        });
        if read.await?.is_none() {
            return Ok(false);
        }
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                match reached.find_news(connection).await? {
                    Some(seen) => reached.write(connection, &seen, now).await.map(|()| true),
                    None => Ok(false),
                }
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

/// How far an application's copy is.
async fn find(
    connection: &mut Connection<'_>,
    application: &str,
) -> Result<Option<CrowdSync>, StoreError> {
    const SQL: &str =
        "SELECT synced_seq, synced_at, directories FROM crowd_syncs WHERE application = $1";
    let row: Option<Row> = within!(connection, |connection| {
        sqlx::query_as(SQL).bind(application.to_owned()).fetch_optional(connection).await?
    });
    row.map(sync).transpose()
}

/// What has reached an application.
#[derive(Clone, Debug)]
struct Reached {
    application: String,
    directories: Vec<DirectoryId>,
    place: LogPlace,
    seq: i64,
}

impl Reached {
    /// The directories that it is true of, if it is news.
    async fn find_news(
        &self,
        connection: &mut Connection<'_>,
    ) -> Result<Option<Vec<DirectoryId>>, StoreError> {
        let seen = crowd_events::find_seen_at(connection, &self.directories, &self.place).await?;
        let before = find(connection, &self.application).await?;
        let is_known = |seen: &Vec<DirectoryId>| {
            before.is_some_and(|sync| sync.is_of(seen) && sync.seq >= self.seq)
        };
        Ok(seen.filter(|seen| !is_known(seen)))
    }

    async fn write(
        &self,
        connection: &mut Connection<'_>,
        seen: &[DirectoryId],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SYNC: &str = "
            INSERT INTO crowd_syncs (application, asked, has_read, synced_seq, synced_at, directories)
            VALUES ($1, '', 0, $2, $3, $4)
            ON CONFLICT (application) DO UPDATE
            SET synced_seq = excluded.synced_seq, synced_at = excluded.synced_at,
                directories = excluded.directories
            WHERE crowd_syncs.synced_seq < excluded.synced_seq
               OR crowd_syncs.directories IS DISTINCT FROM excluded.directories";
        const KNOWN: &str = "DELETE FROM crowd_known WHERE application = $1 AND seq <= $2";
        let (application, seq) = (&self.application, self.seq);
        let seen: Vec<String> = seen.iter().map(|directory| directory.0.to_string()).collect();
        within!(connection, |connection| {
            let sync = sqlx::query(SYNC).bind(application).bind(seq).bind(micros(now));
            let sync = sync.bind(format!("[{}]", seen.join(",")));
            sync.execute(&mut *connection).await.map(drop)?;
            let known = sqlx::query(KNOWN).bind(application).bind(seq);
            known.execute(&mut *connection).await.map(drop)?;
        });
        Ok(())
    }
}
