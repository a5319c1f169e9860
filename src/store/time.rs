//! Times as both databases keep them.

use chrono::{DateTime, Utc};

/// Microseconds since 1970.
pub(super) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// The time of a row. A number that is no time, which nothing here writes, is 1970: long expired.
pub(super) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}
