//! Which groups somebody is in now, counted as a run counts them.
//!
//! Clouds say which groups somebody is in by way of others too, and not which ones everybody is in. What a run makes of
//! that is found out with what the mirror knows of groups in groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    store::{ConnectorId, GroupHead, Store, StoreError},
    sync::connector::{
        Connector, RunError,
        known::{KnownGroup, unpack as unpack_known},
        sets::unpack,
    },
};

/// The groups that the mirror knows, and the cloud.
pub(super) struct GroupsNow<'a> {
    store: &'a Store,
    connector: &'a Connector,
    id: ConnectorId,
    /// Those that are there, by the cloud's ids.
    heads: BTreeMap<String, GroupHead>,
}

impl<'a> GroupsNow<'a> {
    pub(super) async fn begin(
        store: &'a Store,
        connector: &'a Connector,
    ) -> Result<Self, StoreError> {
        let id = store.ensure_connector(&connector.name).await?;
        let heads = store.list_group_heads(id).await?;
        let there = heads.into_iter().filter(|head| head.known.is_some());
        let heads = there.map(|head| (head.external_id.clone(), head)).collect();
        Ok(Self { store, connector, id, heads })
    }

    /// The groups that count for a user.
    pub(super) async fn of(&self, user: &str) -> Result<Vec<(String, KnownGroup)>, RunError> {
        let said = self.connector.source.user_groups(user).await.map_err(RunError::Cloud)?;
        let mut ids: BTreeSet<String> = said.into_iter().collect();
        if !self.is_nested() {
            let doubtful = self.containing_others(&ids);
            for id in self.without(user, &doubtful).await? {
                ids.remove(id);
            }
        }
        ids.extend(self.of_everybody());
        // Nested or not is not the question there: only direct members of a group are assigned by it.
        ids.extend(self.connector.source.assignments(user).await.map_err(RunError::Cloud)?);
        self.describe(ids).await
    }

    fn is_nested(&self) -> bool {
        self.connector.rules.scope.is_nested()
    }

    /// Those of some groups that contain another one of them: who is in both may be so by way of the other only.
    fn containing_others(&self, ids: &BTreeSet<String>) -> Vec<&GroupHead> {
        let heads: Vec<_> = ids.iter().filter_map(|id| self.heads.get(id)).collect();
        let numbers: BTreeSet<_> = heads.iter().map(|head| head.number).collect();
        let contains_another =
            |head: &&GroupHead| unpack(&head.subgroups).any(|number| numbers.contains(&number));
        heads.into_iter().filter(contains_another).collect()
    }

    /// Those of some groups of which the mirror does not know that a user is in them.
    async fn without<'h>(
        &self,
        user: &str,
        heads: &[&'h GroupHead],
    ) -> Result<Vec<&'h str>, StoreError> {
        let found = self.store.find_mirror_users(self.id, &[user.to_owned()]).await?;
        let user = found.first().map(|user| user.number);
        let numbers: Vec<_> = heads.iter().map(|head| head.number).collect();
        let mut with = BTreeSet::new();
        for (group, members) in self.store.find_members(self.id, &numbers).await? {
            if unpack(&members).any(|member| Some(member) == user) {
                with.insert(group);
            }
        }
        let without = heads.iter().filter(|head| !with.contains(&head.number));
        Ok(without.map(|head| head.external_id.as_str()).collect())
    }

    /// Groups that everybody is in, and groups that these are in.
    fn of_everybody(&self) -> Vec<String> {
        let heads = || self.heads.values();
        let mut found: BTreeSet<_> =
            heads().filter(|head| head.everybody).map(|head| head.number).collect();
        let mut before = 0;
        while self.is_nested() && found.len() > before {
            before = found.len();
            let contains_one =
                |head: &&GroupHead| unpack(&head.subgroups).any(|number| found.contains(&number));
            let outer: Vec<_> = heads().filter(contains_one).map(|head| head.number).collect();
            found.extend(outer);
        }
        let all = heads().filter(|head| found.contains(&head.number));
        all.map(|head| head.external_id.clone()).collect()
    }

    /// Groups with what is known of them; those that nobody knows are left out.
    async fn describe(&self, ids: BTreeSet<String>) -> Result<Vec<(String, KnownGroup)>, RunError> {
        let (mut groups, mut unknown) = (Vec::new(), Vec::new());
        for id in ids {
            match self.heads.get(&id).and_then(|head| head.known.as_ref()) {
                Some(packed) => groups.push((id, unpack_known(packed)?)),
                None => unknown.push(id),
            }
        }
        if !unknown.is_empty() {
            let source = &self.connector.source;
            for group in source.find_groups(&unknown).await.map_err(RunError::Cloud)? {
                let (id, mut said) = (group.id.clone(), KnownGroup::default());
                said.hear(group);
                groups.push((id, said));
            }
        }
        Ok(groups)
    }
}
