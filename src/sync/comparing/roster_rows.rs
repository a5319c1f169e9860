//! Rows of a roster as they are compared: under the names that people keep, and with what is kept of each.

use crate::{
    directory::{GroupId, Issuer},
    store::{Store, StoreError},
    sync::listed_row::{Digest, ListedRow},
};

/// What rows lack that come from a roster.
pub(super) struct RosterRows<'a> {
    store: &'a Store,
    issuer: &'a Issuer,
    groups: &'a [Option<GroupId>],
    has_aliases: bool,
}

impl<'a> RosterRows<'a> {
    pub(super) async fn of(
        store: &'a Store,
        issuer: &'a Issuer,
        groups: &'a [Option<GroupId>],
    ) -> Result<Self, StoreError> {
        let has_aliases = !store.list_aliases(Some(&issuer.0), 1).await?.is_empty();
        Ok(Self { store, issuer, groups, has_aliases })
    }

    pub(super) async fn complete(&self, rows: &mut [ListedRow]) -> Result<(), StoreError> {
        if self.has_aliases {
            let ids: Vec<_> = rows.iter().map(|row| row.key.as_str()).collect();
            let aliases = self.store.find_aliases(self.issuer, &ids).await?;
            for row in &mut *rows {
                if let Some(alias) = aliases.get(&row.key) {
                    row.username.clone_from(alias);
                }
            }
        }
        for row in rows {
            let groups = row.groups.as_ref();
            let said = groups.map(|places| places.iter().filter_map(|place| self.say(*place)));
            row.digest = row.say(said.map(Iterator::collect));
        }
        Ok(())
    }

    /// A group by its number: whoever is in one that is another one now is looked at again.
    fn say(&self, place: u32) -> Option<Digest> {
        let group = self.groups.get(place as usize).copied().flatten()?;
        let mut digest = Digest::default();
        digest[..size_of::<i64>()].copy_from_slice(&group.0.to_le_bytes());
        Some(digest)
    }
}
