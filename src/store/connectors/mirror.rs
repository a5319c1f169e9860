//! What is known of users at the cloud.

use chrono::{DateTime, Utc};

use super::{ConnectorId, Lease};
use crate::store::{
    Connection, Priority, Store, StoreError, read,
    rows::{Cell, Kind, Table, upsert_rows},
    with_list::{list, statement, with_list},
    within,
};

const USERS: Table = Table {
    name: "connector_users",
    columns: &[
        ("connector_id", Kind::Number),
        ("number", Kind::Number),
        ("external_id", Kind::Text),
        ("known", Kind::Bytes),
    ],
};

/// A user whom the mirror has heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorUser {
    /// What sets of members call them.
    pub number: u32,
    /// What the cloud calls them.
    pub external_id: String,
    /// What is known of them; nothing of who is not there (any more).
    pub known: Option<Vec<u8>>,
}

/// Users as they are to be known from now on.
#[derive(Clone, Debug, Default)]
pub struct UserWrites {
    /// Whoever has changed, or is new.
    pub known: Vec<MirrorUser>,
    /// Numbers of those who are not heard of any more.
    pub forgotten: Vec<u32>,
    /// The number that the next new one gets.
    pub next: u32,
}

impl UserWrites {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.forgotten.is_empty()
    }
}

/// The columns of [`Row`], of a connector's users.
macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "SELECT number, external_id, known FROM connector_users WHERE connector_id = $1 AND ",
            $rest
        )
    };
}

type Row = (i64, String, Option<Vec<u8>>);

pub(super) fn number(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Unreadable {
        what: "the number of a connector's user or group",
        value: number.to_string(),
    })
}

fn users(rows: Vec<Row>) -> Result<Vec<MirrorUser>, StoreError> {
    let user =
        |(id, external_id, known)| Ok(MirrorUser { number: number(id)?, external_id, known });
    rows.into_iter().map(user).collect()
}

impl Store {
    /// Users behind an id and up to another, or to the end, in the order of the bytes of their ids.
    pub async fn list_mirror_users_between(
        &self,
        connector: ConnectorId,
        after: &str,
        to: Option<&str>,
        limit: i64,
    ) -> Result<Vec<MirrorUser>, StoreError> {
        // Two statements: of one with "or", neither database sees where the list ends, and reads on to the last user.
        const TO_THE_END: &str = select_users!("external_id > $2 ORDER BY external_id LIMIT $3");
        const UP_TO: &str =
            select_users!("external_id > $2 AND external_id <= $4 ORDER BY external_id LIMIT $3");
        let rows = read!(self, |pool| {
            let run = sqlx::query_as(if to.is_none() { TO_THE_END } else { UP_TO });
            let run = run.bind(connector.0).bind(after).bind(limit);
            let run = if let Some(to) = to { run.bind(to) } else { run };
            run.fetch_all(pool).await?
        });
        users(rows)
    }

    /// Users by their ids; those that were never heard of are not among them.
    pub async fn find_mirror_users(
        &self,
        connector: ConnectorId,
        ids: &[String],
    ) -> Result<Vec<MirrorUser>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT number, external_id, known FROM connector_users
             WHERE connector_id = $1 AND external_id",
            "$2",
            "TEXT"
        );
        self.select_users(SQL, connector, list(ids)).await
    }

    /// Users by their numbers.
    pub async fn find_mirror_users_by_number(
        &self,
        connector: ConnectorId,
        numbers: &[u32],
    ) -> Result<Vec<MirrorUser>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT number, external_id, known FROM connector_users
             WHERE connector_id = $1 AND number",
            "$2",
            "BIGINT"
        );
        self.select_users(SQL, connector, list(numbers)).await
    }

    async fn select_users(
        &self,
        sql: [&'static str; 2],
        connector: ConnectorId,
        list: String,
    ) -> Result<Vec<MirrorUser>, StoreError> {
        let rows: Vec<Row> = self
            .read::<_, StoreError, _>(move |connection| {
                Box::pin(async move {
                    let sql = statement(connection, sql);
                    Ok(within!(connection, |connection| {
                        let run = sqlx::query_as(sql).bind(connector.0).bind(list);
                        run.fetch_all(connection).await?
                    }))
                })
            })
            .await?;
        users(rows)
    }

    /// Users who are there, behind a number, in the order of the numbers.
    pub async fn list_mirror_users(
        &self,
        connector: ConnectorId,
        after: u32,
        limit: i64,
    ) -> Result<Vec<MirrorUser>, StoreError> {
        const SQL: &str =
            select_users!("number > $2 AND known IS NOT NULL ORDER BY number LIMIT $3");
        let rows = read!(self, |pool| {
            let run = sqlx::query_as(SQL).bind(connector.0).bind(i64::from(after)).bind(limit);
            run.fetch_all(pool).await?
        });
        users(rows)
    }

    /// Writes what is known of users from now on.
    pub async fn write_mirror_users(
        &self,
        lease: Lease,
        writes: UserWrites,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const NEXT: &str = "UPDATE connectors SET next_user = $2 WHERE id = $1 AND next_user < $2";
        const FORGET: [&str; 2] = with_list!(
            "DELETE FROM connector_users WHERE connector_id = $1 AND number",
            "$2",
            "BIGINT"
        );
        let connector = lease.connector.0;
        self.write_by(Priority::Resumable, lease, now, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                upsert_users(connection, connector, &writes.known).await?;
                let forget = statement(connection, FORGET);
                within!(connection, |connection| {
                    if !writes.forgotten.is_empty() {
                        let run = sqlx::query(forget).bind(connector).bind(list(&writes.forgotten));
                        run.execute(&mut *connection).await?;
                    }
                    let next = sqlx::query(NEXT).bind(connector).bind(i64::from(writes.next));
                    next.execute(&mut *connection).await?;
                });
                Ok(())
            })
        })
        .await
    }
}

async fn upsert_users(
    connection: &mut Connection<'_>,
    connector: i64,
    users: &[MirrorUser],
) -> Result<(), StoreError> {
    let cells: Vec<_> = users
        .iter()
        .flat_map(|user| {
            [
                Cell::Number(connector),
                Cell::Number(user.number.into()),
                Cell::Text(&user.external_id),
                user.known.as_deref().map_or(Cell::Null, Cell::Bytes),
            ]
        })
        .collect();
    upsert_rows(connection, &USERS, 2, &cells).await
}
