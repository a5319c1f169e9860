//! What clouds have said by themselves has happened, until somebody has looked.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::ConnectorId;
use crate::store::{
    Connection, Priority, Store, StoreError, read,
    time::{micros, time},
    within,
};

/// What stands for a run, where others have ids of users.
const RUN: &str = "";

/// So many people are remembered; of more, a run finds out.
const MOST_USERS: i64 = 500;

/// Nobody looks again later than after so long: what is to be looked at later was written by a clock that was ahead.
const LATEST: TimeDelta = TimeDelta::minutes(10);

/// For so long whoever looks after subscriptions need not say again that they do.
const KEPT: TimeDelta = TimeDelta::seconds(90);

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeardHints {
    /// Users that something has become of, by the cloud's ids.
    pub users: BTreeSet<String>,
    /// Whether something has happened to others, so that a run is wanted.
    pub run: bool,
    /// Whether that must not wait.
    pub urgent: bool,
}

/// What is still to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredHint {
    /// The user, by the cloud's id; empty if a run is wanted.
    pub external_id: String,
    /// How often it was said.
    pub times: i64,
    /// Whether it must not wait.
    pub urgent: i64,
    /// How often it was looked in vain.
    pub tries: i64,
}

impl StoredHint {
    /// The user, by the cloud's id; a run is wanted if it is none.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        (self.external_id != RUN).then_some(self.external_id.as_str())
    }

    /// Whether it must not wait.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        self.urgent != 0
    }
}

/// How it is with hints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HintState {
    /// When the cloud last said something.
    pub heard_at: Option<DateTime<Utc>>,
    /// Why it cannot be asked to, if that is so.
    pub problem: Option<String>,
    /// How many accounts hints have taken away, and since when.
    pub taken: (i64, DateTime<Utc>),
}

impl Store {
    /// Remembers what was said, until somebody has looked.
    pub async fn note_hints(
        &self,
        connector: ConnectorId,
        mut heard: HeardHints,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const HEARD: &str =
            "UPDATE connector_hint_states SET heard_at = $2 WHERE connector_id = $1";
        const COUNT: &str = "
            SELECT COUNT(*) FROM connector_hints WHERE connector_id = $1 AND external_id <> ''";
        const FORGET: &str =
            "DELETE FROM connector_hints WHERE connector_id = $1 AND external_id <> ''";
        if i64::try_from(heard.users.len()).is_ok_and(|users| users > MOST_USERS) {
            // They would not be remembered one by one, and a login would wait for it.
            heard = HeardHints { users: BTreeSet::new(), run: true, ..heard };
        }
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                ensure_state(connection, connector).await?;
                for user in &heard.users {
                    note(connection, connector, user, false, now).await?;
                }
                let users: i64 = within!(&mut *connection, |connection| {
                    let heard = sqlx::query(HEARD).bind(connector.0).bind(micros(now));
                    heard.execute(&mut *connection).await?;
                    sqlx::query_scalar(COUNT).bind(connector.0).fetch_one(&mut *connection).await?
                });
                if users > MOST_USERS {
                    within!(&mut *connection, |connection| {
                        sqlx::query(FORGET)
                            .bind(connector.0)
                            .execute(connection)
                            .await
                            .map(drop)?;
                    });
                }
                if heard.run || users > MOST_USERS {
                    note(connection, connector, RUN, heard.urgent, now).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// What is to be looked at now; no more than a few people more than are remembered.
    pub async fn list_hints(
        &self,
        connector: ConnectorId,
        now: DateTime<Utc>,
    ) -> Result<Vec<StoredHint>, StoreError> {
        const SQL: &str = "
            SELECT external_id, times, urgent, tries FROM connector_hints
            WHERE connector_id = $1 AND (due_at <= $2 OR due_at > $4)
            ORDER BY due_at, external_id LIMIT $3";
        Ok(read!(self, |pool| {
            let due = sqlx::query_as(SQL).bind(connector.0).bind(micros(now));
            let due = due.bind(MOST_USERS + 1).bind(micros(now + LATEST));
            due.fetch_all(pool).await?
        }))
    }

    /// How much is still to be looked at, now or later.
    pub async fn count_hints(&self, connector: ConnectorId) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM connector_hints WHERE connector_id = $1";
        Ok(read!(self, |pool| { sqlx::query_scalar(SQL).bind(connector.0).fetch_one(pool).await? }))
    }

    /// It was looked; what was said meanwhile is kept.
    pub async fn forget_hints(
        &self,
        connector: ConnectorId,
        looked: Vec<StoredHint>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            DELETE FROM connector_hints WHERE connector_id = $1 AND external_id = $2 AND times = $3";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    for hint in &looked {
                        let one = sqlx::query(SQL).bind(connector.0).bind(&hint.external_id);
                        one.bind(hint.times).execute(&mut *connection).await?;
                    }
                });
                Ok(())
            })
        })
        .await
    }

    /// It is looked again later, unless it is said once more before.
    pub async fn postpone_hint(
        &self,
        connector: ConnectorId,
        hint: StoredHint,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE connector_hints SET tries = tries + 1, due_at = $4
            WHERE connector_id = $1 AND external_id = $2 AND times = $3";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let later = sqlx::query(SQL).bind(connector.0).bind(hint.external_id);
                    let later = later.bind(hint.times).bind(micros(due_at));
                    later.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Counts accounts that hints have taken away: since a while, or anew if it has begun before `since`.
    pub async fn note_taken(
        &self,
        connector: ConnectorId,
        count: i64,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE connector_hint_states
            SET taken = CASE WHEN taken_since > $3 THEN taken + $2 ELSE $2 END,
                taken_since = CASE WHEN taken_since > $3 AND taken_since <= $4 THEN taken_since ELSE $4 END
            WHERE connector_id = $1";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let counted = sqlx::query(SQL).bind(connector.0).bind(count);
                    let counted = counted.bind(micros(since)).bind(micros(now));
                    counted.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// How it is with hints.
    pub async fn find_hint_state(&self, connector: ConnectorId) -> Result<HintState, StoreError> {
        type Row = (Option<i64>, Option<String>, i64, i64);
        const SQL: &str = "
            SELECT heard_at, problem, taken, taken_since FROM connector_hint_states
            WHERE connector_id = $1";
        let row: Option<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(connector.0).fetch_optional(pool).await?);
        Ok(row.map_or_else(HintState::default, |(heard_at, problem, taken, since)| HintState {
            heard_at: heard_at.map(time),
            problem,
            taken: (taken, time(since)),
        }))
    }

    /// Takes it on to look after subscriptions, or goes on with it; not if somebody else does.
    pub async fn keep_subscriptions(
        &self,
        connector: ConnectorId,
        keeper: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE connector_hint_states SET keeper = $2, kept_until = $3
            WHERE connector_id = $1 AND (keeper = $2 OR kept_until <= $4)";
        // A clock that was ahead holds nobody up for longer.
        const SHORTEN: &str = "
            UPDATE connector_hint_states SET kept_until = $2
            WHERE connector_id = $1 AND kept_until > $2";
        let keeper = keeper.to_owned();
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                ensure_state(connection, connector).await?;
                let kept = within!(connection, |connection| {
                    let shorten = sqlx::query(SHORTEN).bind(connector.0);
                    shorten.bind(micros(now + KEPT)).execute(&mut *connection).await?;
                    let kept = sqlx::query(SQL).bind(connector.0).bind(keeper);
                    let kept = kept.bind(micros(now + KEPT)).bind(micros(now));
                    kept.execute(&mut *connection).await?.rows_affected()
                });
                Ok(kept == 1)
            })
        })
        .await
    }

    /// Says why the cloud cannot be asked to say something by itself, or that it can.
    pub async fn note_hint_problem(
        &self,
        connector: ConnectorId,
        problem: Option<String>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE connector_hint_states SET problem = $2 WHERE connector_id = $1";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let noted = sqlx::query(SQL).bind(connector.0).bind(problem);
                    noted.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }
}

async fn note(
    connection: &mut Connection<'_>,
    connector: ConnectorId,
    external_id: &str,
    urgent: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO connector_hints (connector_id, external_id, times, urgent, tries, due_at)
        VALUES ($1, $2, 1, $3, 0, $4)
        ON CONFLICT (connector_id, external_id) DO UPDATE SET
            times = connector_hints.times + 1, tries = 0, due_at = $4,
            urgent = CASE WHEN connector_hints.urgent = 1 THEN 1 ELSE $3 END";
    within!(connection, |connection| {
        let noted = sqlx::query(SQL).bind(connector.0).bind(external_id);
        let noted = noted.bind(i64::from(urgent)).bind(micros(now));
        noted.execute(connection).await.map(drop)?;
    });
    Ok(())
}

async fn ensure_state(
    connection: &mut Connection<'_>,
    connector: ConnectorId,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO connector_hint_states (connector_id, keeper, kept_until, taken, taken_since)
        VALUES ($1, '', 0, 0, 0) ON CONFLICT (connector_id) DO NOTHING";
    within!(connection, |connection| {
        sqlx::query(SQL).bind(connector.0).execute(connection).await.map(drop)?;
    });
    Ok(())
}
