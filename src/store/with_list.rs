//! Statements that end with a list of whatever length.

use super::Connection;

/// A statement with a list at its end, a JSON text in the parameter that is named, for each database. PostgreSQL looks
/// each entry of an array up in an index, and would rather read all of a table than a list that it knows nothing of.
macro_rules! with_list {
    ($before:literal, $parameter:literal, $kind:literal) => {
        [
            concat!($before, " IN (SELECT value FROM json_each(", $parameter, "))"),
            concat!(
                $before,
                " = ANY(ARRAY(SELECT CAST(json_array_elements_text(CAST(",
                $parameter,
                " AS JSON)) AS ",
                $kind,
                ")))"
            ),
        ]
    };
}
pub(super) use with_list;

/// The statement for the database that is connected.
pub(super) fn statement(
    connection: &Connection<'_>,
    [sqlite, postgres]: [&'static str; 2],
) -> &'static str {
    match connection {
        Connection::Sqlite(_) => sqlite,
        Connection::Postgres(_) => postgres,
    }
}

/// A list as a statement takes it.
pub(super) fn list<T: serde::Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).unwrap_or_default()
}
