//! Messages that are owed, and what became of them.

use chrono::{DateTime, Utc};

use super::AlarmId;
use crate::store::{
    Connection, Priority, Store, StoreError, read,
    time::{micros, time},
    within,
};

/// A message to one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub i64);

/// A message that begins to be owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// To whom.
    pub receiver: String,
    /// What the receiver can tell by that it has had this one already.
    pub message_id: String,
    /// `raised`, `repeated` or `over`.
    pub event: &'static str,
    /// How near to its end something was that expires.
    pub stage: i64,
    /// What is to be said of the alarm (JSON).
    pub condition: String,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is owed.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// It could not be delivered for too long.
    GivenUp,
}

impl DeliveryState {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredDelivery {
    id: i64,
    alarm_id: i64,
    /// What the alarm is and of what.
    #[sqlx(rename = "alarm_key")]
    pub key: String,
    begun_at: i64,
    /// To whom.
    pub receiver: String,
    /// What the receiver can tell by that it has had this one already.
    pub message_id: String,
    /// `raised`, `repeated` or `over`.
    pub event: String,
    /// What is to be said of the alarm (JSON).
    pub condition: String,
    /// `waiting`, `delivered` or `given_up`.
    pub state: String,
    /// How often it was tried.
    pub tries: i64,
    next_at: i64,
    /// Why it could not be delivered the last time.
    pub problem: Option<String>,
    created_at: i64,
    ended_at: Option<i64>,
}

impl StoredDelivery {
    /// Which.
    #[must_use]
    pub fn id(&self) -> DeliveryId {
        DeliveryId(self.id)
    }

    /// About which alarm.
    #[must_use]
    pub fn alarm(&self) -> AlarmId {
        AlarmId(self.alarm_id)
    }

    /// Since when the alarm is, or was.
    #[must_use]
    pub fn alarm_begun_at(&self) -> DateTime<Utc> {
        time(self.begun_at)
    }

    /// When it is tried next.
    #[must_use]
    pub fn next_at(&self) -> DateTime<Utc> {
        time(self.next_at)
    }

    /// Since when it is owed.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        time(self.created_at)
    }

    /// When it was delivered or given up.
    #[must_use]
    pub fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.ended_at.map(time)
    }
}

/// The columns of [`StoredDelivery`].
macro_rules! select_deliveries {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.alarm_id, a.alarm_key, a.begun_at, d.receiver, d.message_id, d.event, d.condition, ",
            "d.state, d.tries, d.next_at, d.problem, d.created_at, d.ended_at ",
            "FROM alarm_deliveries d JOIN alarms a ON a.id = d.alarm_id ",
            $rest
        )
    };
}

pub(super) async fn insert(
    connection: &mut Connection<'_>,
    alarm: AlarmId,
    delivery: NewDelivery,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "
        INSERT INTO alarm_deliveries (alarm_id, receiver, message_id, event, stage, condition, state, tries,
            next_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, $7, $7)";
    within!(connection, |connection| {
        sqlx::query(SQL)
            .bind(alarm.0)
            .bind(delivery.receiver)
            .bind(delivery.message_id)
            .bind(delivery.event)
            .bind(delivery.stage)
            .bind(delivery.condition)
            .bind(micros(now))
            .execute(&mut *connection)
            .await
            .map(drop)?;
    });
    Ok(())
}

impl Store {
    /// Messages to a receiver that may be tried now. Of those about one alarm only the first: that something is over must
    /// not be heard before that it has begun.
    pub async fn list_due_deliveries(
        &self,
        receiver: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        const SQL: &str = select_deliveries!(
            "WHERE d.state = 'waiting' AND d.receiver = $1 AND d.next_at <= $2 AND NOT EXISTS (
                SELECT 1 FROM alarm_deliveries e
                WHERE e.alarm_id = d.alarm_id AND e.receiver = d.receiver AND e.state = 'waiting' AND e.id < d.id)
             ORDER BY d.id LIMIT 100"
        );
        Ok(read!(self, |pool| {
            sqlx::query_as(SQL).bind(receiver).bind(micros(now)).fetch_all(pool).await?
        }))
    }

    /// Has no message wait longer than until some time: what is to be tried later was written by a clock that was ahead.
    pub async fn shorten_waits(
        &self,
        receiver: &str,
        latest: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const LATER: &str = "
            SELECT COUNT(*) FROM alarm_deliveries
            WHERE state = 'waiting' AND receiver = $1 AND next_at > $2";
        const SHORTEN: &str = "
            UPDATE alarm_deliveries SET next_at = $2
            WHERE state = 'waiting' AND receiver = $1 AND next_at > $2";
        let later: i64 = read!(self, |pool| {
            sqlx::query_scalar(LATER).bind(receiver).bind(micros(latest)).fetch_one(pool).await?
        });
        if later == 0 {
            return Ok(());
        }
        let receiver = receiver.to_owned();
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let shorten = sqlx::query(SHORTEN).bind(receiver).bind(micros(latest));
                    shorten.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// Gives up messages that wait for receivers whom nobody knows any more, but for those of the last day: a gateway with
    /// an older configuration may still know them.
    pub async fn give_up_deliveries(
        &self,
        known: &[&str],
        now: DateTime<Utc>,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "
            UPDATE alarm_deliveries SET state = 'given_up', ended_at = $2,
                problem = 'the configuration does not name the receiver any more'
            WHERE receiver = $1 AND state = 'waiting' AND created_at <= $3";
        const WAITING: &str =
            "SELECT DISTINCT receiver FROM alarm_deliveries WHERE state = 'waiting'";
        let waiting: Vec<String> =
            read!(self, |pool| sqlx::query_scalar(WAITING).fetch_all(pool).await?);
        let unknown: Vec<_> =
            waiting.into_iter().filter(|name| !known.contains(&name.as_str())).collect();
        if unknown.is_empty() {
            return Ok(0);
        }
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                let mut count = 0;
                within!(&mut transaction.connection(), |connection| {
                    for receiver in unknown {
                        let ended = sqlx::query(SQL).bind(receiver).bind(micros(now));
                        let ended = ended.bind(micros(before)).execute(&mut *connection).await?;
                        count += ended.rows_affected();
                    }
                });
                Ok(count)
            })
        })
        .await
    }

    /// Messages about an alarm, the latest first.
    pub async fn list_deliveries(
        &self,
        alarm: AlarmId,
        limit: i64,
    ) -> Result<Vec<StoredDelivery>, StoreError> {
        const SQL: &str = select_deliveries!("WHERE d.alarm_id = $1 ORDER BY d.id DESC LIMIT $2");
        Ok(read!(self, |pool| {
            sqlx::query_as(SQL).bind(alarm.0).bind(limit).fetch_all(pool).await?
        }))
    }

    /// Takes a message on, until some time: of several gateways that see it due, one gets it.
    pub async fn take_delivery(
        &self,
        delivery: &StoredDelivery,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "
            UPDATE alarm_deliveries SET next_at = $3, tries = tries + 1
            WHERE id = $1 AND next_at = $2 AND state = 'waiting'";
        let (id, seen) = (delivery.id, delivery.next_at);
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                Ok(within!(&mut transaction.connection(), |connection| {
                    let take = sqlx::query(SQL).bind(id).bind(seen).bind(micros(until));
                    take.execute(connection).await?.rows_affected() == 1
                }))
            })
        })
        .await
    }

    /// The receiver has a message, or it is given up.
    pub async fn end_delivery(
        &self,
        id: DeliveryId,
        state: DeliveryState,
        problem: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE alarm_deliveries SET state = $2, problem = $3, ended_at = $4 WHERE id = $1";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let end = sqlx::query(SQL).bind(id.0).bind(state.as_str()).bind(problem);
                    end.bind(micros(now)).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// A message could not be delivered, and is to be tried again.
    pub async fn note_delivery_failed(
        &self,
        id: DeliveryId,
        problem: String,
        next_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE alarm_deliveries SET problem = $2, next_at = $3 WHERE id = $1 AND state = 'waiting'";
        self.write(Priority::Bulk, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let failed = sqlx::query(SQL).bind(id.0).bind(problem).bind(micros(next_at));
                    failed.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }
}
