//! What has been gone for long, and goes when a directory is in line.

use chrono::TimeDelta;

use super::Run;
use crate::{
    config::{Leaving, LeavingGroups},
    directory::InactiveReason,
    store::StoreError,
    sync::removing::{RemovalReport, RemovalRequest, remove_gone},
};

impl Run {
    /// Removes what has been gone for long, once the directory is as the cloud says; nothing if nothing has. In a dry run
    /// it is only seen what would go.
    pub(super) async fn remove_gone(
        &self,
        dry_run: bool,
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
        let request = RemovalRequest {
            directory: connector.directory,
            source: connector.membership_source(),
            issuer: connector.issuer.clone(),
            actor: connector.membership_source(),
            reason: format!("run {}, gone for {} days", id.0, leaving.grace_days),
            absences,
            groups,
            before: clock.now() - TimeDelta::days(leaving.grace_days.into()),
            dry_run,
            unguarded: request.unguarded,
            guarding: connector.guarding.clone(),
            managed_groups: connector.policy.managed_groups.clone(),
            lease: Some(*lease),
        };
        let removed = remove_gone(store, clock, &request).await?;
        Ok((!removed.is_empty()).then_some(removed))
    }
}
