//! Statements that are put together: numbers stand in them, texts are bound.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection as _, PgPool, SqlitePool};

use crate::store::{Store, StoreError, read};

/// For so long a statement may look through a directory. Whoever has asked has given up soon after.
const LONGEST: Duration = Duration::from_secs(20);

/// How often SQLite asks whether to go on: after so many of its steps, which take about a millisecond.
const STEPS: i32 = 50_000;

/// A statement with its texts, for whichever database it then is.
macro_rules! with_texts {
    ($sql:expr, $statement:expr) => {{
        let query = sqlx::query_as(AssertSqlSafe($statement)).persistent(!$sql.is_rare);
        $sql.texts.into_iter().fold(query, |query, text| query.bind(text))
    }};
}

/// A statement, and the texts that are bound to it.
#[derive(Debug)]
pub(super) struct Sql {
    pub(super) is_postgres: bool,
    texts: Vec<String>,
    /// Whether it is hardly ever asked again in the same words: databases then need not remember it.
    is_rare: bool,
}

impl Sql {
    pub(super) fn of(store: &Store) -> Self {
        Self { is_postgres: matches!(store, Store::Postgres(_)), texts: Vec::new(), is_rare: false }
    }

    /// One that is hardly ever asked again in the same words.
    pub(super) fn rare(store: &Store) -> Self {
        Self { is_rare: true, ..Self::of(store) }
    }

    /// Numbers for an `IN`.
    pub(super) fn list(&mut self, numbers: impl IntoIterator<Item = i64>) -> String {
        self.is_rare = true;
        list(numbers)
    }

    /// The place where a number is bound.
    pub(super) fn bind_number(&mut self, number: i64) -> String {
        format!("CAST({} AS BIGINT)", self.bind(number.to_string()))
    }

    /// The place where a text is bound. It is the only way of a text into a statement.
    pub(super) fn bind(&mut self, text: impl Into<String>) -> String {
        self.texts.push(text.into());
        format!("${}", self.texts.len())
    }

    /// One text that is a JSON array of arrays of these columns.
    pub(super) fn page(&self, columns: &str) -> String {
        let (list, row) = if self.is_postgres {
            ("json_agg", "json_build_array")
        } else {
            ("json_group_array", "json_array")
        };
        format!("CAST({list}({row}({columns})) AS TEXT)")
    }

    /// A UUID of a column, as text.
    pub(super) fn uuid(&self, column: &str) -> String {
        if self.is_postgres { column.to_owned() } else { format!("lower(hex({column}))") }
    }

    /// Reads the one row of a statement.
    pub(super) async fn read_one<T>(self, store: &Store, statement: String) -> Result<T, StoreError>
    where
        T: Send + Unpin,
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        read!(store, |pool| Ok(with_texts!(self, statement).fetch_one(pool).await?))
    }

    /// The same of a statement that may have to look through all of a directory: it ends when it has taken too long,
    /// which is [`StoreError::Timeout`], and the database is free for others.
    pub(super) async fn read_long<T>(
        self,
        store: &Store,
        statement: String,
    ) -> Result<T, StoreError>
    where
        T: Send + Unpin + 'static,
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        self.read_within(store, statement, LONGEST).await
    }

    async fn read_within<T>(
        self,
        store: &Store,
        statement: String,
        longest: Duration,
    ) -> Result<T, StoreError>
    where
        T: Send + Unpin + 'static,
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        let read = match store {
            Store::Sqlite { readers, .. } => self.read_sqlite(readers, statement, longest).await,
            Store::Postgres(pool) => self.read_postgres(pool, statement, longest).await,
        };
        read.map_err(|error| {
            if was_interrupted(&error) {
                StoreError::Timeout(longest.as_secs())
            } else {
                error.into()
            }
        })
    }

    /// SQLite asks now and then whether to go on: as long as there is time, and somebody waits.
    async fn read_sqlite<T>(
        self,
        readers: &SqlitePool,
        statement: String,
        longest: Duration,
    ) -> Result<T, sqlx::Error>
    where
        T: Send + Unpin + 'static,
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>,
    {
        let waiting = Arc::new(());
        let (wanted, until) = (Arc::downgrade(&waiting), Instant::now() + longest);
        let goes_on = move || wanted.strong_count() > 0 && Instant::now() < until;
        let readers = readers.clone();
        // A task of its own: whoever hangs up, the next one gets the connection as it was.
        let reading = tokio::spawn(async move {
            let mut connection = readers.acquire().await?;
            connection.lock_handle().await?.set_progress_handler(STEPS, goes_on);
            let read = with_texts!(self, statement).fetch_one(&mut *connection).await;
            connection.lock_handle().await?.remove_progress_handler();
            read
        });
        let read = reading.await;
        drop(waiting);
        read.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }

    async fn read_postgres<T>(
        self,
        pool: &PgPool,
        statement: String,
        longest: Duration,
    ) -> Result<T, sqlx::Error>
    where
        T: Send + Unpin,
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        let begin =
            format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {}", longest.as_millis());
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
        with_texts!(self, statement).fetch_one(&mut *transaction).await
    }
}

/// Whether a database has ended a statement that took too long.
fn was_interrupted(error: &sqlx::Error) -> bool {
    const SQLITE_INTERRUPT: &str = "9";
    const QUERY_CANCELED: &str = "57014";
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == SQLITE_INTERRUPT || code == QUERY_CANCELED)
}

/// Numbers for an `IN`.
pub(super) fn list(numbers: impl IntoIterator<Item = i64>) -> String {
    let mut list = String::new();
    for number in numbers {
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&number.to_string());
    }
    list
}

/// Reads a page's text; none is an empty page.
pub(super) fn read_page<T: serde::de::DeserializeOwned>(
    text: Option<&str>,
) -> Result<Vec<T>, StoreError> {
    let unreadable = |error: serde_json::Error| StoreError::Unreadable {
        what: "a page of a list",
        value: error.to_string(),
    };
    text.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(text).map_err(unreadable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;

    async fn store(directory: &tempfile::TempDir) -> Store {
        let url = format!("sqlite://{}/g.db", directory.path().display());
        Store::open(&StoreOptions { url, password: None }).await.unwrap()
    }

    /// A statement that counts to there.
    fn count_to(number: u64) -> String {
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number}) \
             SELECT COUNT(*) FROM n"
        )
    }

    async fn read(store: &Store, number: u64, longest: Duration) -> Result<i64, StoreError> {
        let read = Sql::of(store).read_within::<(i64,)>(store, count_to(number), longest);
        read.await.map(|(count,)| count)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_takes_too_long_ends_and_the_next_one_has_its_own_time() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory).await;
        for _ in 0..3 {
            let ended = read(&store, 1 << 40, Duration::from_millis(50)).await;
            assert!(matches!(ended, Err(StoreError::Timeout(_))), "{ended:?}");
        }
        // Every reader is as it was.
        for _ in 0..20 {
            let (count,) =
                Sql::of(&store).read_one::<(i64,)>(&store, count_to(100_000)).await.unwrap();
            assert_eq!(count, 100_000);
        }
        assert_eq!(read(&store, 100_000, Duration::from_secs(20)).await.unwrap(), 100_000);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_nobody_waits_for_ends() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory).await;
        let forever = Duration::from_hours(1);
        // More than there are readers.
        for _ in 0..40 {
            let reading = read(&store, 1 << 40, forever);
            assert!(tokio::time::timeout(Duration::from_millis(20), reading).await.is_err());
        }
        assert_eq!(read(&store, 10, forever).await.unwrap(), 10, "there is a reader");
    }
}
