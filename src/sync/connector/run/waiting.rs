//! What waits of runs before, once some of those whom it is about have been looked at again.

use std::collections::HashSet;

use super::Run;
use crate::{
    directory::UserId,
    store::{Chunk, PlanState, RunId, StoreError, StoredPlan},
    sync::{connector::rows::Rows, roster::RosterReport},
};

impl Run {
    /// Leaves whomever this run has looked at out of what waits of runs before: what is to become of them now, this one says.
    /// What waits of others is still true. A run that has looked at everybody has replaced all of it.
    pub(super) async fn spare(
        &self,
        looked_at: &Rows,
        report: &RosterReport,
    ) -> Result<(), StoreError> {
        if matches!(looked_at, Rows::Everything) || report.list.dry_run {
            return Ok(());
        }
        let (directory, source) = (self.connector.directory, self.connector.membership_source());
        let mut users = HashSet::new();
        for plan in self.store.list_open_plans().await? {
            let is_own = report.list.plan == Some(plan.id.0);
            let waits = plan.state == PlanState::Held && !is_own;
            if waits && plan.plan.directory == directory && plan.plan.source == source {
                users.extend(self.waiting_users(&plan).await?);
            }
        }
        let users: Vec<_> = users.into_iter().collect();
        for user in self.seen_of(looked_at, &users).await? {
            self.store.spare(directory, &source, user, RunId(self.id.0 - 1)).await?;
        }
        Ok(())
    }

    /// Whom what waits of a plan is about.
    async fn waiting_users(&self, plan: &StoredPlan) -> Result<Vec<UserId>, StoreError> {
        let mut users = Vec::new();
        for number in plan.next_chunk..plan.chunks {
            let packed = self.store.find_chunk(plan.id, number).await?;
            if let Chunk::Endings(steps) = Chunk::unpack(&packed)? {
                users.extend(steps.into_iter().map(|step| step.user));
            }
        }
        Ok(users)
    }

    /// Those of some accounts whose people are among those who were looked at.
    async fn seen_of(
        &self,
        looked_at: &Rows,
        users: &[UserId],
    ) -> Result<HashSet<UserId>, StoreError> {
        let Rows::Only(numbers, gone) = looked_at else { return Ok(HashSet::new()) };
        let (store, connector) = (&self.store, &self.connector);
        let mut seen = HashSet::new();
        for some in users.chunks(500) {
            let known =
                store.find_ids_of_users(connector.directory, &connector.issuer, some).await?;
            let ids: Vec<_> = known.iter().map(|(id, _)| id.clone()).collect();
            let there = store.find_mirror_users(self.lease.connector, &ids).await?;
            let there = there.into_iter().filter(|user| numbers.contains(user.number));
            let there: HashSet<_> = there.map(|user| user.external_id).collect();
            let is_seen = |id: &String| gone.contains(id) || there.contains(id);
            seen.extend(known.into_iter().filter(|(id, _)| is_seen(id)).map(|(_, user)| user));
        }
        Ok(seen)
    }
}
