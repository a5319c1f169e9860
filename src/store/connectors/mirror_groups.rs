//! What is known of groups at the cloud, and who is in them.

use chrono::{DateTime, Utc};

use super::{ConnectorId, Lease, mirror::number};
use crate::store::{
    Priority, Store, StoreError, read,
    rows::{Cell, Kind, Table, upsert_rows},
    with_list::{list, statement, with_list},
    within,
};

const GROUPS: Table = Table {
    name: "connector_groups",
    columns: &[
        ("connector_id", Kind::Number),
        ("number", Kind::Number),
        ("external_id", Kind::Text),
        ("known", Kind::Bytes),
        ("fingerprint", Kind::Text),
        ("stale", Kind::Number),
        ("everybody", Kind::Number),
        ("subgroups", Kind::Bytes),
        ("members", Kind::Bytes),
    ],
};

/// A group that the mirror has heard of, without who is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupHead {
    /// What sets of groups call it.
    pub number: u32,
    /// What the cloud calls it.
    pub external_id: String,
    /// What is known of it; nothing of one that is not there (any more).
    pub known: Option<Vec<u8>>,
    /// What the cloud said of its members in short when they were read last.
    pub fingerprint: Option<String>,
    /// Whether its members are to be asked for in the next round, since they could not be read, or may not have been said.
    pub stale: bool,
    /// Whether everybody is in it.
    pub everybody: bool,
    /// The numbers of groups in it, packed.
    pub subgroups: Vec<u8>,
}

/// A group with who is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorGroup {
    /// The group.
    pub head: GroupHead,
    /// The numbers of users in it, packed.
    pub members: Vec<u8>,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    number: i64,
    external_id: String,
    known: Option<Vec<u8>>,
    fingerprint: Option<String>,
    stale: i64,
    everybody: i64,
    subgroups: Vec<u8>,
}

impl TryFrom<Row> for GroupHead {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            number: number(row.number)?,
            external_id: row.external_id,
            known: row.known,
            fingerprint: row.fingerprint,
            stale: row.stale != 0,
            everybody: row.everybody != 0,
            subgroups: row.subgroups,
        })
    }
}

impl Store {
    /// Every group, in the order of the numbers.
    pub async fn list_group_heads(
        &self,
        connector: ConnectorId,
    ) -> Result<Vec<GroupHead>, StoreError> {
        const SQL: &str = "
            SELECT number, external_id, known, fingerprint, stale, everybody, subgroups
            FROM connector_groups WHERE connector_id = $1 ORDER BY number";
        let rows: Vec<Row> =
            read!(self, |pool| sqlx::query_as(SQL).bind(connector.0).fetch_all(pool).await?);
        rows.into_iter().map(GroupHead::try_from).collect()
    }

    /// Who is in some groups, packed.
    pub async fn find_members(
        &self,
        connector: ConnectorId,
        groups: &[u32],
    ) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
        const SQL: [&str; 2] = with_list!(
            "SELECT number, members FROM connector_groups WHERE connector_id = $1 AND number",
            "$2",
            "BIGINT"
        );
        let groups = list(groups);
        let rows: Vec<(i64, Vec<u8>)> = self
            .read::<_, StoreError, _>(move |connection| {
                Box::pin(async move {
                    let sql = statement(connection, SQL);
                    Ok(within!(connection, |connection| {
                        let run = sqlx::query_as(sql).bind(connector.0).bind(groups);
                        run.fetch_all(connection).await?
                    }))
                })
            })
            .await?;
        rows.into_iter().map(|(id, members)| Ok((number(id)?, members))).collect()
    }

    /// Writes groups as they are from now on, and forgets others.
    pub async fn write_mirror_groups(
        &self,
        lease: Lease,
        groups: Vec<MirrorGroup>,
        forgotten: Vec<u32>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const NEXT: &str = "
            UPDATE connectors SET next_group = (
                SELECT COALESCE(MAX(g.number), 0) + 1 FROM connector_groups g WHERE g.connector_id = $1
            )
            WHERE id = $1 AND next_group <= (
                SELECT COALESCE(MAX(g.number), 0) FROM connector_groups g WHERE g.connector_id = $1
            )";
        const FORGET: [&str; 2] = with_list!(
            "DELETE FROM connector_groups WHERE connector_id = $1 AND number",
            "$2",
            "BIGINT"
        );
        let connector = lease.connector.0;
        self.write_by(Priority::Resumable, lease, now, move |transaction| {
            Box::pin(async move {
                let connection = &mut transaction.connection();
                let cells: Vec<_> =
                    groups.iter().flat_map(|group| cells(connector, group)).collect();
                upsert_rows(connection, &GROUPS, 2, &cells).await?;
                let forget = statement(connection, FORGET);
                within!(connection, |connection| {
                    // Before any are forgotten: their numbers are not given again.
                    sqlx::query(NEXT).bind(connector).execute(&mut *connection).await?;
                    if !forgotten.is_empty() {
                        let run = sqlx::query(forget).bind(connector).bind(list(&forgotten));
                        run.execute(&mut *connection).await?;
                    }
                });
                Ok(())
            })
        })
        .await
    }
}

fn cells(connector: i64, group: &MirrorGroup) -> [Cell<'_>; 9] {
    let MirrorGroup { head, members } = group;
    [
        Cell::Number(connector),
        Cell::Number(head.number.into()),
        Cell::Text(&head.external_id),
        head.known.as_deref().map_or(Cell::Null, Cell::Bytes),
        Cell::optional(head.fingerprint.as_deref()),
        Cell::Number(head.stale.into()),
        Cell::Number(head.everybody.into()),
        Cell::Bytes(&head.subgroups),
        Cell::Bytes(members),
    ]
}
