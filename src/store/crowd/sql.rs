//! Statements that are put together: numbers stand in them, texts are bound.

use sqlx::AssertSqlSafe;

use crate::store::{Store, StoreError, read};

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
        read!(store, |pool| {
            let mut query = sqlx::query_as(AssertSqlSafe(statement)).persistent(!self.is_rare);
            for text in self.texts {
                query = query.bind(text);
            }
            Ok(query.fetch_one(pool).await?)
        })
    }
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
