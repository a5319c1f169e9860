//! What somebody should know of, and the messages about it that are owed.
//!
//! One gateway at a time looks what begins and what ends: the one that holds the watch. What it has found is written
//! together with the messages that follow from it, so that none is lost and none is owed twice.

mod deliveries;

use chrono::{DateTime, Utc};

pub use self::deliveries::{DeliveryId, DeliveryState, NewDelivery, StoredDelivery};
use super::{
    Connection, Priority, Store, StoreError, read,
    time::{micros, time},
    within,
};

/// An alarm, from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmId(pub i64);

/// An alarm as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAlarm {
    /// Which.
    pub id: AlarmId,
    /// What it is and of what; one that is open has it alone.
    pub key: String,
    /// What is said of it (JSON).
    pub condition: String,
    /// Since when.
    pub begun_at: DateTime<Utc>,
    /// Until when.
    pub ended_at: Option<DateTime<Utc>>,
    /// Until when nobody is told of it again.
    pub silenced_until: Option<DateTime<Utc>>,
}

/// What one receiver was last told of an alarm that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastTold {
    /// Of which.
    pub alarm: AlarmId,
    /// Who.
    pub receiver: String,
    /// How near to its end something was that expires.
    pub stage: i64,
    /// When the message was written.
    pub at: DateTime<Utc>,
    /// Whether it still waits to be delivered.
    pub waits: bool,
}

/// A step from the alarms that are open to those that should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmStep {
    /// One begins.
    Begin {
        /// What it is and of what.
        key: String,
        /// What is said of it (JSON).
        condition: String,
        /// The messages that follow.
        tell: Vec<NewDelivery>,
    },
    /// Something else is said of one now.
    Update {
        /// Which.
        id: AlarmId,
        /// What is said of it (JSON).
        condition: String,
    },
    /// It lasts, and somebody is told of it.
    Tell {
        /// Which.
        id: AlarmId,
        /// The messages.
        tell: Vec<NewDelivery>,
    },
    /// One ends.
    End {
        /// Which.
        id: AlarmId,
        /// The messages that follow.
        tell: Vec<NewDelivery>,
    },
}

type Row = (i64, String, String, i64, Option<i64>, Option<i64>);

fn alarm((id, key, condition, begun_at, ended_at, silenced_until): Row) -> StoredAlarm {
    StoredAlarm {
        id: AlarmId(id),
        key,
        condition,
        begun_at: time(begun_at),
        ended_at: ended_at.map(time),
        silenced_until: silenced_until.map(time),
    }
}

impl Store {
    /// Takes the watch, or keeps it; says whether this one has it. Nobody else has it before `until`.
    pub async fn hold_alarm_watch(
        &self,
        holder: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE alarm_watch SET holder = $1, held_until = $3
            WHERE id = 1 AND (holder = $1 OR held_until <= $2)";
        // A clock that was ahead holds nobody up for longer than this one would.
        const SHORTEN: &str = "UPDATE alarm_watch SET held_until = $1 WHERE held_until > $1";
        let holder = holder.to_owned();
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                Ok(within!(&mut transaction.connection(), |connection| {
                    let shorten = sqlx::query(SHORTEN).bind(micros(until));
                    shorten.execute(&mut *connection).await?;
                    let hold = sqlx::query(SQL).bind(holder).bind(micros(now)).bind(micros(until));
                    hold.execute(&mut *connection).await?.rows_affected() == 1
                }))
            })
        })
        .await
    }

    /// Gives the watch back, so that another gateway need not wait for it.
    pub async fn release_alarm_watch(&self, holder: &str) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE alarm_watch SET held_until = 0 WHERE holder = $1";
        let holder = holder.to_owned();
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(SQL).bind(holder).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Alarms that are open, by their keys.
    pub async fn list_open_alarms(&self) -> Result<Vec<StoredAlarm>, StoreError> {
        const SQL: &str = "
            SELECT id, alarm_key, condition, begun_at, ended_at, silenced_until FROM alarms
            WHERE ended_at IS NULL ORDER BY alarm_key";
        let rows: Vec<Row> = read!(self, |pool| sqlx::query_as(SQL).fetch_all(pool).await?);
        Ok(rows.into_iter().map(alarm).collect())
    }

    /// Alarms that are over, the latest first.
    pub async fn list_ended_alarms(&self, limit: i64) -> Result<Vec<StoredAlarm>, StoreError> {
        const SQL: &str = "
            SELECT id, alarm_key, condition, begun_at, ended_at, silenced_until FROM alarms
            WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT $1";
        let rows: Vec<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(limit).fetch_all(pool).await?);
        Ok(rows.into_iter().map(alarm).collect())
    }

    /// What each receiver was last told of each alarm that is open.
    pub async fn list_last_told(&self) -> Result<Vec<LastTold>, StoreError> {
        const SQL: &str = "
            SELECT d.alarm_id, d.receiver, d.stage, d.created_at, d.state
            FROM alarm_deliveries d JOIN alarms a ON a.id = d.alarm_id
            WHERE a.ended_at IS NULL AND d.id = (
                SELECT MAX(e.id) FROM alarm_deliveries e
                WHERE e.alarm_id = d.alarm_id AND e.receiver = d.receiver)";
        let rows: Vec<(i64, String, i64, i64, String)> =
            read!(self, |pool| sqlx::query_as(SQL).fetch_all(pool).await?);
        let told = |(alarm, receiver, stage, at, state): (_, _, _, _, String)| LastTold {
            alarm: AlarmId(alarm),
            receiver,
            stage,
            at: time(at),
            waits: state == DeliveryState::Waiting.as_str(),
        };
        Ok(rows.into_iter().map(told).collect())
    }

    /// Takes all steps, together with the messages that follow, as whoever holds the watch. Nothing happens, and `false` is
    /// said, if that is somebody else by now.
    pub async fn take_alarm_steps(
        &self,
        holder: &str,
        steps: Vec<AlarmStep>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        // Written, so that nobody can take the watch before this is done.
        const HOLD: &str = "
            UPDATE alarm_watch SET holder = $1 WHERE id = 1 AND holder = $1 AND held_until > $2";
        let holder = holder.to_owned();
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let holds = within!(connection, |connection| {
                    let hold = sqlx::query(HOLD).bind(holder).bind(micros(now));
                    hold.execute(&mut *connection).await?.rows_affected() == 1
                });
                if holds {
                    for step in steps {
                        take(connection, step, now).await?;
                    }
                }
                Ok(holds)
            })
        })
        .await
    }

    /// Tells nobody of an alarm again before `until`; says whether it is open.
    pub async fn silence_alarm(
        &self,
        key: &str,
        until: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE alarms SET silenced_until = $2 WHERE alarm_key = $1 AND ended_at IS NULL";
        let key = key.to_owned();
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                Ok(within!(&mut transaction.connection(), |connection| {
                    let silence = sqlx::query(SQL).bind(key).bind(until.map(micros));
                    silence.execute(connection).await?.rows_affected() == 1
                }))
            })
        })
        .await
    }
}

async fn take(
    connection: &mut Connection<'_>,
    step: AlarmStep,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (id, tell) = match step {
        AlarmStep::Begin { key, condition, tell } => {
            (begin(connection, key, condition, now).await?, tell)
        }
        AlarmStep::Update { id, condition } => {
            update(connection, id, condition).await?;
            (id, Vec::new())
        }
        AlarmStep::Tell { id, tell } => (id, tell),
        AlarmStep::End { id, tell } => {
            end(connection, id, now).await?;
            (id, tell)
        }
    };
    for delivery in tell {
        deliveries::insert(connection, id, delivery, now).await?;
    }
    Ok(())
}

async fn begin(
    connection: &mut Connection<'_>,
    key: String,
    condition: String,
    now: DateTime<Utc>,
) -> Result<AlarmId, StoreError> {
    const SQL: &str = "
        INSERT INTO alarms (alarm_key, condition, begun_at) VALUES ($1, $2, $3) RETURNING id";
    Ok(AlarmId(within!(connection, |connection| {
        let insert = sqlx::query_scalar(SQL).bind(key).bind(condition).bind(micros(now));
        insert.fetch_one(&mut *connection).await?
    })))
}

async fn update(
    connection: &mut Connection<'_>,
    id: AlarmId,
    condition: String,
) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE alarms SET condition = $2 WHERE id = $1";
    within!(connection, |connection| {
        let update = sqlx::query(SQL).bind(id.0).bind(condition);
        update.execute(&mut *connection).await.map(drop)?;
    });
    Ok(())
}

async fn end(
    connection: &mut Connection<'_>,
    id: AlarmId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE alarms SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    within!(connection, |connection| {
        let end = sqlx::query(SQL).bind(id.0).bind(micros(now));
        end.execute(&mut *connection).await.map(drop)?;
    });
    Ok(())
}
