//! How what an application wants comes true.

use http::StatusCode;

use super::permission::Writing;
use crate::{
    crowd::{Crowd, Failure, Reason},
    directory::{Change, DirectoryId, Source, User},
    store::{Edit, Step, StoreError},
};

/// Steps about an account.
pub(super) fn about(user: &User, changes: Vec<Change>) -> Vec<Step> {
    let step = |change| Step { person: Some(user.person), user: Some(user.id), change };
    changes.into_iter().map(step).collect()
}

/// Steps about groups, or about somebody new.
pub(super) fn about_nobody(changes: Vec<Change>) -> Vec<Step> {
    let step = |change| Step { person: None, user: None, change };
    changes.into_iter().map(step).collect()
}

impl Writing {
    /// By whose word the application's memberships are.
    pub(super) fn source(&self) -> String {
        Source::Crowd(self.0.application.name.to_string()).to_string()
    }
}

impl Crowd {
    /// Does all of a plan, or nothing.
    pub(super) async fn change(
        &self,
        writing: &Writing,
        directory: DirectoryId,
        steps: Vec<Step>,
        reason: &'static str,
    ) -> Result<(), Failure> {
        if steps.is_empty() {
            return Ok(());
        }
        let edit = Edit { directory, steps, actor: writing.source(), reason: reason.to_owned() };
        match self.store.apply_edit(edit, false, self.clock.now()).await {
            Ok(applied) => {
                let (batch, application) = (applied.batch, &writing.0.application.name);
                tracing::info!(%application, reason, batch, "an application changed the directory");
                Ok(())
            }
            Err(error @ StoreError::Conflict { .. }) => {
                let status = StatusCode::CONFLICT;
                Err(Failure::new(status, Reason::OperationFailed, error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }
}
