//! What has been gone for long, and goes when a directory is in line.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::Run;
use crate::{
    cloud::Standing,
    config::{Leaving, LeavingGroups},
    directory::{InactiveReason, UserId},
    store::StoreError,
    sync::{
        connector::known::{KnownUser, unpack},
        removing::{RemovalReport, RemovalRequest, remove_gone},
    },
};

/// People who are looked up at once.
const AT_ONCE: usize = 500;

impl Run {
    /// Removes what has been gone for long, once the directory is as the cloud says, but for those who are compared again;
    /// nothing if nothing has. In a dry run it is only seen what would go.
    pub(super) async fn remove_gone(
        &self,
        dry_run: bool,
        again: &BTreeSet<String>,
    ) -> Result<Option<RemovalReport>, StoreError> {
        let Self { store, clock, connector, request, lease, id, .. } = self;
        let leaving = &connector.leaving;
        let absences = [
            (InactiveReason::MissingAtSource, leaving.users),
            (InactiveReason::OutOfScope, leaving.out_of_scope),
        ];
        let absences = absences.into_iter().filter(|(_, leaving)| *leaving == Leaving::Remove);
        let absences: Vec<_> = absences.map(|(absence, _)| absence).collect();
        let groups = leaving.groups == LeavingGroups::Remove;
        if absences.is_empty() && !groups {
            return Ok(None);
        }
        let before = clock.now() - TimeDelta::days(leaving.grace_days.into());
        let doubtful = if absences.contains(&InactiveReason::OutOfScope) {
            self.find_doubtful(before, again).await?
        } else {
            HashSet::new()
        };
        let request = RemovalRequest {
            directory: connector.directory,
            source: connector.membership_source(),
            issuer: connector.issuer.clone(),
            actor: connector.membership_source(),
            reason: format!("run {}, gone for {} days", id.0, leaving.grace_days),
            absences,
            doubtful,
            groups,
            before,
            dry_run,
            unguarded: request.unguarded,
            guarding: connector.guarding.clone(),
            managed_groups: connector.policy.managed_groups.clone(),
            lease: Some(*lease),
        };
        let removed = remove_gone(store, clock, &request).await?;
        Ok((!removed.is_empty()).then_some(removed))
    }

    /// Accounts that are out of scope by what the directory says, and of whose people the cloud does not say now whether they
    /// may work, or that they are there, or who could not be made as they should be: what is not known is not out of scope.
    async fn find_doubtful(
        &self,
        before: DateTime<Utc>,
        again: &BTreeSet<String>,
    ) -> Result<HashSet<UserId>, StoreError> {
        let Self { store, connector, .. } = self;
        let (directory, absence) = (connector.directory, InactiveReason::OutOfScope);
        let absent = store.list_absent(directory, absence, before, None).await?;
        let absent: Vec<_> = absent.into_iter().map(|(user, _)| user.id).collect();
        let mut certain = HashSet::new();
        for some in absent.chunks(AT_ONCE) {
            let known = store.find_ids_of_users(directory, &connector.issuer, some).await?;
            let ids: Vec<_> = known.iter().map(|(id, _)| id.clone()).collect();
            let standings = self.standings(&ids).await?;
            let is_said = |id: &String| {
                standings.get(id).is_some_and(|it| *it != Standing::Unsaid) && !again.contains(id)
            };
            certain.extend(known.iter().filter(|(id, _)| is_said(id)).map(|(_, user)| *user));
        }
        Ok(absent.into_iter().filter(|user| !certain.contains(user)).collect())
    }

    /// What the mirror knows of whether some people may work; nothing of those who are not there.
    async fn standings(&self, ids: &[String]) -> Result<HashMap<String, Standing>, StoreError> {
        let mut standings = HashMap::new();
        for user in self.store.find_mirror_users(self.lease.connector, ids).await? {
            if let Some(packed) = user.known {
                let known: KnownUser = unpack(&packed)?;
                standings.insert(user.external_id, known.standing);
            }
        }
        Ok(standings)
    }
}
