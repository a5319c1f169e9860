//! Many rows at once, the way each database takes them fastest: multi-row inserts into SQLite, binary
//! `COPY` into PostgreSQL.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection, sqlite::SqliteArguments, Arguments as _};
use uuid::Uuid;

use super::{Connection, StoreError};

/// SQLite gains nothing from longer statements than this.
const ROWS_A_STATEMENT: usize = 200;

/// Where rows go.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
}

/// A value of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Number(i64),
    Text(&'a str),
    Uuid(Uuid),
    Null,
}

impl<'a> Cell<'a> {
    /// A text that may be missing.
    pub(super) fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// Inserts rows, given cell by cell. They must be new: one that is there already fails them all.
pub(super) async fn insert_rows(
    connection: &mut Connection<'_>,
    table: &Table,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    if cells.is_empty() {
        return Ok(());
    }
    match connection {
        Connection::Sqlite(connection) => insert_into_sqlite(connection, table, cells).await,
        Connection::Postgres(connection) => copy_into_postgres(connection, table, cells).await,
    }
}

async fn insert_into_sqlite(
    connection: &mut SqliteConnection,
    table: &Table,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    let width = table.columns.len();
    for rows in cells.chunks(ROWS_A_STATEMENT * width) {
        let mut arguments = SqliteArguments::default();
        for cell in rows {
            let added = match *cell {
                Cell::Number(number) => arguments.add(number),
                Cell::Text(text) => arguments.add(text.to_owned()),
                Cell::Uuid(uuid) => arguments.add(uuid),
                Cell::Null => arguments.add(None::<i64>),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        let statement = insert_statement(table, rows.len() / width);
        sqlx::query_with(AssertSqlSafe(statement), arguments).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Statements of one length are the same text, so that the connection prepares them once.
fn insert_statement(table: &Table, rows: usize) -> String {
    let row = format!("({})", vec!["?"; table.columns.len()].join(","));
    let mut statement = format!("INSERT INTO {} ({}) VALUES ", table.name, table.columns.join(","));
    for index in 0..rows {
        let _ = write!(statement, "{}{row}", if index == 0 { "" } else { "," });
    }
    statement
}

async fn copy_into_postgres(
    connection: &mut PgConnection,
    table: &Table,
    cells: &[Cell<'_>],
) -> Result<(), StoreError> {
    let columns = table.columns.join(",");
    let statement = format!("COPY {} ({columns}) FROM STDIN (FORMAT binary)", table.name);
    let mut copy = connection.copy_in_raw(&statement).await?;
    copy.send(binary_copy(cells, table.columns.len())).await?;
    copy.finish().await?;
    Ok(())
}

/// PostgreSQL's binary format of `COPY`.
fn binary_copy(cells: &[Cell<'_>], width: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(cells.len() * 16);
    bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
    // No flags, and no extension of the header.
    bytes.extend_from_slice(&[0; 8]);
    let width = i16::try_from(width).unwrap_or_default();
    for (index, cell) in cells.iter().enumerate() {
        if index % usize::from(width.unsigned_abs()) == 0 {
            bytes.extend_from_slice(&width.to_be_bytes());
        }
        match cell {
            Cell::Number(number) => push(&mut bytes, &number.to_be_bytes()),
            Cell::Text(text) => push(&mut bytes, text.as_bytes()),
            Cell::Uuid(uuid) => push(&mut bytes, uuid.as_bytes()),
            Cell::Null => bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
        }
    }
    bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    bytes
}

fn push(bytes: &mut Vec<u8>, value: &[u8]) {
    let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(value);
}
