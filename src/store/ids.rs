//! Numbers of rows, given once each.

use super::{Connection, StoreError, within};

/// What gets a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// People.
    Persons,
    /// Accounts.
    Users,
    /// Groups.
    Groups,
    /// Directories.
    Directories,
}

impl Ids {
    fn as_str(self) -> &'static str {
        match self {
            Self::Persons => "persons",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Directories => "directories",
        }
    }
}

/// Takes so many numbers, one after the other, and gives the first. No other row ever gets them.
pub(super) async fn take(
    connection: &mut Connection<'_>,
    of: Ids,
    count: i64,
) -> Result<i64, StoreError> {
    const SQL: &str = "UPDATE id_heads SET last = last + $2 WHERE name = $1 RETURNING last";
    let last: i64 = within!(connection, |connection| {
        sqlx::query_scalar(SQL).bind(of.as_str()).bind(count).fetch_one(connection).await?
    });
    Ok(last - count + 1)
}
