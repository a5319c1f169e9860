//! What clouds were asked to say by themselves.

use chrono::{DateTime, TimeDelta, Utc};

use super::ConnectorId;
use crate::{
    secrets::Hash,
    store::{
        Priority, Store, StoreError, read,
        time::{micros, time},
        within,
    },
};

/// Whoever has not written down by now what the cloud answered, is gone.
const PENDING: TimeDelta = TimeDelta::seconds(180);

/// What a cloud is about to be asked.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    /// What it is to tell of.
    pub topic: String,
    /// Which cloud is asked to tell it where, as a digest.
    pub made_for: Vec<u8>,
    /// The digest of what the cloud will prove itself with.
    pub secret: Hash,
}

/// What a cloud was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSubscription {
    /// Its number.
    pub id: i64,
    /// What the cloud is to tell of.
    pub topic: String,
    /// Which cloud was asked to tell it where, as a digest.
    pub made_for: Vec<u8>,
    /// The digest of what the cloud proves itself with.
    pub secret: Vec<u8>,
    /// What the cloud knows it by, once it has agreed.
    pub handle: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Whether the cloud wants to be asked again now.
    pub renew: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    topic: String,
    made_for: Vec<u8>,
    secret: Vec<u8>,
    handle: Option<String>,
    since: i64,
    until: i64,
    renew: i64,
}

impl From<Row> for StoredSubscription {
    fn from(row: Row) -> Self {
        let Row { id, topic, made_for, secret, handle, since, until, renew } = row;
        let (since, until, renew) = (time(since), time(until), renew != 0);
        Self { id, topic, made_for, secret, handle, since, until, renew }
    }
}

impl StoredSubscription {
    /// Whether somebody is still to write down what the cloud answered. One that was begun later than now was begun by a
    /// clock that is wrong, and is believed as long as any.
    #[must_use]
    pub fn is_being_asked(&self, now: DateTime<Utc>) -> bool {
        self.handle.is_none() && (now - self.since).abs() <= PENDING
    }
}

impl Store {
    /// Whether somebody asks a connector's cloud to tell something at this moment, at whichever gateway.
    pub async fn is_asking_cloud(
        &self,
        connector: ConnectorId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let all = self.list_subscriptions(connector).await?;
        Ok(all.iter().any(|one| one.is_being_asked(now)))
    }

    /// Writes down what a cloud is about to be asked, so that what it says from then on is believed.
    pub async fn insert_subscription(
        &self,
        connector: ConnectorId,
        new: NewSubscription,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        const SQL: &str = "
            INSERT INTO connector_subscriptions
                (connector_id, topic, made_for, secret, since, until, renew)
            VALUES ($1, $2, $3, $4, $5, $5, 0) RETURNING id";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                Ok(within!(&mut transaction.connection(), |connection| {
                    sqlx::query_scalar(SQL)
                        .bind(connector.0)
                        .bind(new.topic)
                        .bind(new.made_for)
                        .bind(new.secret.to_vec())
                        .bind(micros(now))
                        .fetch_one(connection)
                        .await?
                }))
            })
        })
        .await
    }

    /// The cloud has agreed, or given more time.
    pub async fn settle_subscription(
        &self,
        id: i64,
        handle: String,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "
            UPDATE connector_subscriptions SET handle = $2, since = $3, until = $4, renew = 0
            WHERE id = $1";
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    let settled = sqlx::query(SQL).bind(id).bind(handle);
                    let settled = settled.bind(micros(since)).bind(micros(until));
                    settled.execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// The cloud wants to be asked again.
    pub async fn request_renewal(&self, id: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE connector_subscriptions SET renew = 1 WHERE id = $1";
        self.write_subscription(SQL, id).await
    }

    /// The cloud says nothing any more.
    pub async fn delete_subscription(&self, id: i64) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM connector_subscriptions WHERE id = $1";
        self.write_subscription(SQL, id).await
    }

    async fn write_subscription(&self, sql: &'static str, id: i64) -> Result<(), StoreError> {
        self.write(Priority::Login, move |transaction| {
            Box::pin(async move {
                within!(&mut transaction.connection(), |connection| {
                    sqlx::query(sql).bind(id).execute(connection).await.map(drop)?;
                });
                Ok(())
            })
        })
        .await
    }

    /// What a cloud was asked, the oldest first.
    pub async fn list_subscriptions(
        &self,
        connector: ConnectorId,
    ) -> Result<Vec<StoredSubscription>, StoreError> {
        const SQL: &str = "
            SELECT id, topic, made_for, secret, handle, since, until, renew
            FROM connector_subscriptions WHERE connector_id = $1 ORDER BY id";
        let rows: Vec<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(connector.0).fetch_all(pool).await?);
        Ok(rows.into_iter().map(StoredSubscription::from).collect())
    }
}
