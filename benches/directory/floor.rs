//! A bare loader: the rows that an import has left behind, into the same tables of an empty database, with
//! multi-row inserts or `COPY`, and nothing decided. Reading them is not counted.

use std::time::{Duration, Instant};

use gatehouse::store::{Store, StoreOptions};
use sqlx::{
    Arguments as _, AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection,
    TypeInfo as _, ValueRef as _,
    sqlite::{SqliteArguments, SqliteRow},
};

/// The tables that an import or a connector fills, in the order of their references, and the order of their rows.
const TABLES: [(&str, &str); 9] = [
    ("persons", "id"),
    ("identities", "id"),
    ("users", "id"),
    ("groups", "id"),
    ("memberships", "user_id, group_id, source_id"),
    ("group_members", "group_id, user_id, source_id"),
    ("plans", "id"),
    ("plan_chunks", "plan_id, number"),
    ("changes", "seq"),
];

const PAGE: usize = 50_000;

/// How many seconds it takes.
pub async fn load(from: &str, to: &str, directories: &[&str]) -> f64 {
    let empty = Store::open(&StoreOptions { url: to.to_owned(), password: None }).await.unwrap();
    for name in directories {
        empty.ensure_directory(name, gatehouse::clock::Clock::System.now()).await.unwrap();
    }
    empty.close().await;
    if from.starts_with("sqlite:") { sqlite(from, to).await } else { postgres(from, to).await }
}

async fn sqlite(from: &str, to: &str) -> f64 {
    let mut from = SqliteConnection::connect(from).await.unwrap();
    let mut to = SqliteConnection::connect(to).await.unwrap();
    let mut spent = Duration::ZERO;
    for pragma in ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"] {
        let pragma = AssertSqlSafe(format!("PRAGMA {pragma}"));
        sqlx::query(pragma).execute(&mut to).await.unwrap();
    }
    for (table, order) in TABLES {
        let rows = format!("SELECT * FROM {table} ORDER BY {order}");
        let mut rows = sqlx::query(AssertSqlSafe(rows)).fetch(&mut from);
        loop {
            let mut page = Vec::with_capacity(PAGE);
            while page.len() < PAGE {
                match futures_util::TryStreamExt::try_next(&mut rows).await.unwrap() {
                    Some(row) => page.push(row),
                    None => break,
                }
            }
            if page.is_empty() {
                break;
            }
            let begun = Instant::now();
            insert(&mut to, table, &page).await;
            spent += begun.elapsed();
        }
    }
    spent.as_secs_f64()
}

async fn insert(to: &mut SqliteConnection, table: &str, page: &[SqliteRow]) {
    let columns = page[0].columns();
    let names: Vec<_> = columns.iter().map(sqlx::Column::name).collect();
    let row = format!("({})", vec!["?"; names.len()].join(","));
    let mut transaction = to.begin().await.unwrap();
    for rows in page.chunks(200) {
        let values = vec![row.as_str(); rows.len()].join(",");
        let statement = format!("INSERT INTO {table} ({}) VALUES {values}", names.join(","));
        let mut arguments = SqliteArguments::default();
        for row in rows {
            for index in 0..names.len() {
                let raw = row.try_get_raw(index).unwrap();
                let kind = raw.type_info().name().to_owned();
                let added = match (raw.is_null(), kind.as_str()) {
                    (true, _) => arguments.add(None::<i64>),
                    (_, "INTEGER") => arguments.add(row.get::<i64, _>(index)),
                    (_, "BLOB") => arguments.add(row.get::<Vec<u8>, _>(index)),
                    _ => arguments.add(row.get::<String, _>(index)),
                };
                added.unwrap();
            }
        }
        let statement = sqlx::query_with(AssertSqlSafe(statement), arguments);
        statement.execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

/// The server writes the rows of each table out, and takes them in again.
async fn postgres(from: &str, to: &str) -> f64 {
    let mut from = PgConnection::connect(from).await.unwrap();
    let mut to = PgConnection::connect(to).await.unwrap();
    let mut spent = Duration::ZERO;
    for (table, order) in TABLES {
        // An identity column takes the number that a copy gives it.
        let out =
            format!("COPY (SELECT * FROM {table} ORDER BY {order}) TO STDOUT (FORMAT binary)");
        let mut rows = from.copy_out_raw(&out).await.unwrap();
        let begun = Instant::now();
        let mut reading = Duration::ZERO;
        let mut copy =
            to.copy_in_raw(&format!("COPY {table} FROM STDIN (FORMAT binary)")).await.unwrap();
        loop {
            let asked = Instant::now();
            let mut page = Vec::new();
            while page.len() < 1 << 20 {
                match futures_util::TryStreamExt::try_next(&mut rows).await.unwrap() {
                    Some(bytes) => page.extend_from_slice(&bytes),
                    None => break,
                }
            }
            reading += asked.elapsed();
            if page.is_empty() {
                break;
            }
            copy.send(page).await.unwrap();
        }
        copy.finish().await.unwrap();
        spent += begun.elapsed().saturating_sub(reading);
    }
    spent.as_secs_f64()
}
