//! The names of what is touched: applications know no numbers.

use std::collections::BTreeMap;

use super::touched::{Touched, TouchedGroup, TouchedUser};
use crate::{
    directory::NameKey,
    store::{
        Connection, StoreError,
        with_list::{statement, with_list},
        within,
    },
};

/// So many accounts are looked up at once.
pub(super) const AT_ONCE: usize = 500;

/// What is touched, by name.
#[derive(Debug)]
pub(super) struct Names {
    /// Accounts.
    pub(super) users: BTreeMap<NameKey, TouchedUser>,
    /// Groups.
    pub(super) groups: BTreeMap<NameKey, TouchedGroup>,
    /// Groups in groups.
    pub(super) nested: BTreeMap<NameKey, String>,
}

/// Finds the names that accounts have now, beside those that they had.
pub(super) async fn of(
    connection: &mut Connection<'_>,
    touched: Touched,
) -> Result<Names, StoreError> {
    const SQL: [&str; 2] = with_list!("SELECT username FROM users WHERE id", "$1", "BIGINT");
    let Touched { ids, mut users, groups, nested } = touched;
    let ids: Vec<_> = ids.into_iter().collect();
    let sql = statement(connection, SQL);
    for ids in ids.chunks(AT_ONCE) {
        let ids = serde_json::json!(ids).to_string();
        let names: Vec<String> = within!(connection, |connection| {
            sqlx::query_scalar(sql).bind(ids).fetch_all(connection).await?
        });
        for name in names {
            users
                .entry(NameKey::of(&name))
                .or_insert_with(|| TouchedUser { name, ..TouchedUser::default() });
        }
    }
    Ok(Names { users, groups, nested })
}
