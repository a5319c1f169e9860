//! Whoever somebody has looked at while a run was reading.

use super::{Run, RunError, RunReport};
use crate::{
    store::StoreError,
    sync::connector::{UserRequest, sync_user},
};

/// So many are looked at; of more, the next run finds out.
const MOST: i64 = 100;

impl Run {
    /// Looks once more at whom somebody has looked at while the run was reading: it may have heard of them before, and made of
    /// them what was.
    pub(super) async fn look_again(&self, report: &mut RunReport) -> Result<(), StoreError> {
        if report.dry_run {
            return Ok(());
        }
        let Self { store, clock, connector, lease, id, .. } = self;
        for user in store.list_looked_at_since(*id, lease.connector, MOST).await? {
            let request = UserRequest {
                user: user.clone(),
                asked_by: format!("run {}", id.0),
                lease: Some(*lease),
                ..UserRequest::default()
            };
            match Box::pin(sync_user(store, clock, connector, &request)).await {
                Ok(_) | Err(RunError::NoUser(_)) => {}
                Err(RunError::Store(error)) => return Err(error),
                Err(error) => report.warnings.push(format!(
                    "{user} was looked at while the run was reading, and could not be looked at again: {error}"
                )),
            }
        }
        Ok(())
    }
}
