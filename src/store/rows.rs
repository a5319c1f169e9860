//! Many rows at once: multi-row inserts into SQLite, arrays into PostgreSQL.

use std::fmt::Write as _;

use sqlx::{
    Arguments as _, AssertSqlSafe, PgConnection, SqliteConnection, postgres::PgArguments,
    sqlite::SqliteArguments,
};
use uuid::Uuid;

use super::{Connection, StoreError};

/// How many values a statement for SQLite takes at most. Each statement goes to the connection's thread and
/// back, which costs more than all that SQLite does for a row.
const MOST_VALUES: usize = 6144;

/// Where rows go.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
}

/// What a column holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Number,
    Text,
    Uuid,
    Bytes,
}

impl Kind {
    fn in_postgres(self) -> &'static str {
        match self {
            Self::Number => "bigint",
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Bytes => "bytea",
        }
    }
}

impl Table {
    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",")
    }
}

/// A value of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Number(i64),
    Text(&'a str),
    Uuid(Uuid),
    Bytes(&'a [u8]),
    Null,
}

impl<'a> Cell<'a> {
    fn number(&self) -> Option<i64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    fn text(&self) -> Option<String> {
        if let Self::Text(text) = self { Some((*text).to_owned()) } else { None }
    }

    fn uuid(&self) -> Option<Uuid> {
        if let Self::Uuid(uuid) = self { Some(*uuid) } else { None }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        if let Self::Bytes(bytes) = self { Some((*bytes).to_owned()) } else { None }
    }

    /// A text that may be missing.
    pub(super) fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// What becomes of a row that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Present {
    /// None may be.
    Refused,
    /// It is found by so many of the first columns, and gets the others.
    Replaced(usize),
}

/// Inserts rows, given cell by cell. They must be new: one that is there already fails them all.
pub(super) async fn insert_rows(
    connection: &mut Connection<'_>,
    table: &Table,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    write_rows(connection, table, Present::Refused, cells).await
}

/// Inserts rows, or gives those that are there other values: the first `keys` columns say which they are. No row is
/// given twice.
pub(super) async fn upsert_rows(
    connection: &mut Connection<'_>,
    table: &Table,
    keys: usize,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    write_rows(connection, table, Present::Replaced(keys), cells).await
}

async fn write_rows(
    connection: &mut Connection<'_>,
    table: &Table,
    present: Present,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    if cells.is_empty() {
        return Ok(());
    }
    match connection {
        Connection::Sqlite(connection) => {
            insert_into_sqlite(connection, table, present, cells).await
        }
        Connection::Postgres(connection) => {
            insert_into_postgres(connection, table, present, cells).await
        }
    }
}

async fn insert_into_sqlite(
    connection: &mut SqliteConnection,
    table: &Table,
    present: Present,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    let width = table.columns.len();
    let mut rest = cells;
    while let Some(last) = rest.len().checked_sub(width) {
        let left = rest.len() / width;
        let (rows, size) = statement_size(left, MOST_VALUES / width);
        let (now, behind) = rest.split_at(rows * width);
        // The last row fills the statement up. It conflicts with itself, and is ignored, or replaced by itself.
        let filling = rest[last..].iter().cycle().take((size - rows) * width);
        let mut arguments = SqliteArguments::default();
        for cell in now.iter().chain(filling) {
            let added = match *cell {
                Cell::Number(number) => arguments.add(number),
                Cell::Text(text) => arguments.add(text.to_owned()),
                Cell::Uuid(uuid) => arguments.add(uuid),
                Cell::Bytes(bytes) => arguments.add(bytes.to_owned()),
                Cell::Null => arguments.add(None::<i64>),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        let statement = AssertSqlSafe(insert_statement(table, present, size));
        let inserted = sqlx::query_with(statement, arguments).execute(&mut *connection).await?;
        if present == Present::Refused && inserted.rows_affected() != rows as u64 {
            return Err(StoreError::NotNew(table.name));
        }
        rest = behind;
    }
    Ok(())
}

/// How many of the rows that are left go into the next statement, and how many it has room for. There are
/// few sizes, so that the connection prepares few statements.
fn statement_size(left: usize, most: usize) -> (usize, usize) {
    const STEP: usize = 4;
    let mut size = most.max(1);
    while size / STEP >= left.max(2) {
        size /= STEP;
    }
    if size <= STEP * STEP { (1, 1) } else { (left.min(size), size) }
}

/// Statements of one length are the same text, so that the connection prepares them once.
fn insert_statement(table: &Table, present: Present, rows: usize) -> String {
    let row = format!("({})", vec!["?"; table.columns.len()].join(","));
    let or_ignore = if present == Present::Refused { " OR IGNORE" } else { "" };
    let mut statement =
        format!("INSERT{or_ignore} INTO {} ({}) VALUES ", table.name, table.names());
    for index in 0..rows {
        let _ = write!(statement, "{}{row}", if index == 0 { "" } else { "," });
    }
    statement.push_str(&on_conflict(table, present));
    statement
}

/// What follows the rows of a statement.
fn on_conflict(table: &Table, present: Present) -> String {
    let Present::Replaced(keys) = present else {
        return String::new();
    };
    let (keys, others) = table.columns.split_at(keys);
    let keys: Vec<_> = keys.iter().map(|(name, _)| *name).collect();
    let others: Vec<_> = others.iter().map(|(name, _)| format!("{name}=excluded.{name}")).collect();
    format!(" ON CONFLICT ({}) DO UPDATE SET {}", keys.join(","), others.join(","))
}

/// One statement, one answer: a `COPY` would end with a small packet of its own, which the kernel holds back
/// for 40 milliseconds, because sqlx leaves Nagle's algorithm on.
async fn insert_into_postgres(
    connection: &mut PgConnection,
    table: &Table,
    present: Present,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    let mut arguments = PgArguments::default();
    let mut arrays = Vec::new();
    for (index, (_, kind)) in table.columns.iter().enumerate() {
        let column = cells.iter().skip(index).step_by(table.columns.len());
        let added = match kind {
            Kind::Number => arguments.add(column.map(Cell::number).collect::<Vec<_>>()),
            Kind::Text => arguments.add(column.map(Cell::text).collect::<Vec<_>>()),
            Kind::Uuid => arguments.add(column.map(Cell::uuid).collect::<Vec<_>>()),
            Kind::Bytes => arguments.add(column.map(Cell::bytes).collect::<Vec<_>>()),
        };
        added.map_err(sqlx::Error::Encode)?;
        arrays.push(format!("UNNEST(${}::{}[])", index + 1, kind.in_postgres()));
    }
    // Arrays in the list of what is selected go past each other row by row; behind FROM they would be
    // written down as a table first, which costs a fifth more.
    let statement = format!(
        "INSERT INTO {} ({}) SELECT {}{}",
        table.name,
        table.names(),
        arrays.join(","),
        on_conflict(table, present)
    );
    sqlx::query_with(AssertSqlSafe(statement), arguments).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_few_sizes_and_room_enough() {
        let mut sizes = std::collections::BTreeSet::new();
        for left in 1..5000 {
            let (rows, size) = statement_size(left, 2048);
            assert!(0 < rows && rows <= left.min(size), "{left}: {rows} {size}");
            sizes.insert(size);
        }
        assert!(sizes.len() <= 5, "{sizes:?}");
        assert_eq!(statement_size(1, 2048), (1, 1));
        assert_eq!(statement_size(2500, 2048), (2048, 2048));
        assert_eq!(statement_size(452, 2048), (452, 512));
    }
}
