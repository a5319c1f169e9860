//! Accounts and memberships that have outlived their reason.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use chrono::TimeDelta;
use http::Uri;

use super::{Admin, AdminError, EditView, Options, edits::apply_steps};
use crate::{
    config::ProvisioningConfig,
    directory::{DirectoryId, NameKey},
    lifecycle::Background,
    provisioning::guard,
    store::{Step, StoreError},
};

/// Nobody waits for it.
const INTERVAL: Duration = Duration::from_hours(6);

/// What ends by itself, and when.
#[derive(Clone, Debug, Default)]
pub struct UpkeepRules {
    idle: Option<TimeDelta>,
    exempt: Vec<NameKey>,
    silence: Option<TimeDelta>,
    /// Every issuer of the configuration, if what others gave is to end.
    issuers: Option<Arc<[String]>>,
}

impl UpkeepRules {
    /// From the configuration, with the issuers that it has.
    #[must_use]
    pub fn new(config: &ProvisioningConfig, issuers: Vec<String>) -> Self {
        let days = |days: Option<u32>| days.map(|days| TimeDelta::days(days.into()));
        Self {
            idle: days(config.idle_days),
            exempt: config.idle_exempt_groups.iter().map(|group| NameKey::of(group)).collect(),
            silence: days(config.issuer_silence_days),
            issuers: config.retire_removed_issuers.then(|| issuers.into()),
        }
    }

    fn is_empty(&self) -> bool {
        self.idle.is_none() && self.silence.is_none() && self.issuers.is_none()
    }
}

impl Admin {
    /// The steps that are due.
    async fn plan_upkeep(&self, directory: DirectoryId) -> Result<Vec<Step>, StoreError> {
        let (rules, now) = (&self.upkeep, self.clock.now());
        let mut steps = Vec::new();
        if let Some(idle) = rules.idle {
            steps.extend(self.store.plan_idle(directory, now - idle, &rules.exempt).await?);
        }
        if let Some(silence) = rules.silence {
            steps.extend(self.store.plan_silence(directory, now - silence).await?);
        }
        if let Some(issuers) = &rules.issuers {
            let retired = self.store.plan_retirement(directory, issuers).await?;
            let known = |step: &Step| {
                steps.iter().any(|other| other.user == step.user && other.change == step.change)
            };
            let new: Vec<_> = retired.into_iter().filter(|step| !known(step)).collect();
            steps.extend(new);
        }
        Ok(steps)
    }

    /// Does what is due now and then, unless it is suspiciously much.
    pub fn keep_up(&self, background: &Background) {
        if self.upkeep.is_empty() {
            return;
        }
        let admin = self.clone();
        background.every("upkeep", INTERVAL, move || {
            let admin = admin.clone();
            async move {
                for directory in admin.targets.all() {
                    if let Err(error) = admin.try_upkeep(directory).await {
                        let see = "gatehouse upkeep --dry-run";
                        tracing::error!(%error, see, "upkeep of a directory was not done");
                    }
                }
            }
        });
    }

    async fn try_upkeep(&self, directory: DirectoryId) -> Result<(), AdminError> {
        let steps = self.plan_upkeep(directory).await?;
        if steps.is_empty() {
            return Ok(());
        }
        let (users, memberships) = self.store.count_directory(directory).await?;
        let count = |count: i64| usize::try_from(count).unwrap_or_default();
        guard(steps.iter().map(|step| &step.change), count(users), count(memberships))
            .map_err(|error| AdminError::BadRequest(error.to_string()))?;
        let options = Options::for_upkeep();
        let mut view = EditView::default();
        apply_steps(self, &options, directory, steps, &mut view).await?;
        tracing::info!(steps = view.changes.len(), batches = ?view.batches, "upkeep of the directory");
        Ok(())
    }
}

/// `POST /upkeep`: does what is due, however much it is: an administrator has looked at it.
pub(super) async fn run_upkeep(
    State(admin): State<Admin>,
    uri: Uri,
) -> Result<Json<EditView>, AdminError> {
    let options = Options::of(&uri)?;
    let mut view = EditView { dry_run: options.dry_run, ..EditView::default() };
    for directory in admin.targets.all() {
        let steps = admin.plan_upkeep(directory).await?;
        apply_steps(&admin, &options, directory, steps, &mut view).await?;
    }
    Ok(Json(view))
}
