//! A connector's run: a cloud is asked, what it says is folded into a mirror, and the directory is brought in line.
//!
//! Nothing is applied before all has been said. A run that is killed goes on where it was: with the tasks that are left,
//! with folding what was said, or with comparing the mirror anew.

mod configured;
mod credential;
mod folding;
mod hinted;
mod judge;
mod kept_names;
mod known;
mod leaving;
mod naming;
mod one_user;
mod organisation;
mod outcome;
mod preview;
mod progress;
mod reading;
mod report;
mod retrying;
mod rows;
mod run;
mod schedule;
mod scope;
mod sets;
mod staged;
mod stager;
mod subscriber;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

use self::configured::rules_text;
pub use self::{
    configured::{ConnectorConfigError, Rules},
    hinted::Looked,
    one_user::{UserRequest, sync_user},
    preview::{
        ChangesPreview, FilterPreview, GroupPreview, GroupsPreview, MirrorPreview, NamesPreview,
        PartPreview, Preview, PreviewError, UserPreview, UsersPreview, preview,
    },
    progress::{RunPhase, RunProgress},
    report::{RunError, RunReport},
    rows::{Nameless, UserCounts},
    run::{Gauge, Run, RunRequest},
    schedule::Patience,
    scope::Scope,
    subscriber::Subscriber,
};
use crate::{
    cloud::Source,
    config::{ConnectorConfig, LeavingConfig},
    directory::{DirectoryId, Issuer},
    provisioning::{Policy, saml_issuer},
    secrets::sha256,
    store::ConnectorState,
    sync::guarding::Guarding,
    telemetry::ConnectorMetrics,
};

/// A cloud that is read, and the directory that follows it.
#[derive(Debug)]
pub struct Connector {
    /// What the configuration calls it.
    pub name: String,
    /// The directory.
    pub directory: DirectoryId,
    /// Whose subjects the cloud's ids are.
    pub issuer: Issuer,
    /// The cloud.
    pub source: Arc<dyn Source>,
    /// Who may be taken for whom, as for a login.
    pub policy: Policy,
    /// How often it is asked what has changed.
    pub interval: TimeDelta,
    /// How often it is asked for everything.
    pub full_every: TimeDelta,
    /// Where the cloud says by itself that something has happened, if it is to.
    pub hints: Option<Url>,
    /// After so many intervals in which no run has come true, somebody has to know.
    pub overdue_intervals: u32,
    /// When the credential expires, if the configuration says so.
    pub credential_expires: Option<DateTime<Utc>>,
    /// What counts its runs.
    metrics: ConnectorMetrics,
    at_once: usize,
    /// What becomes of whom and what the cloud has not any more.
    leaving: LeavingConfig,
    /// What a run may take away by itself.
    guarding: Guarding,
    rules: Arc<Rules>,
    /// Whose people are read, as a digest.
    reads: Vec<u8>,
    /// What is made of them, as a digest.
    rules_digest: Vec<u8>,
}

/// Who vouches for the people of a connector.
#[must_use]
pub fn connector_issuer(config: &ConnectorConfig) -> Issuer {
    let own = || Issuer(format!("connector:{}", config.name));
    config.saml.as_deref().map_or_else(own, saml_issuer)
}

impl Connector {
    /// From the configuration.
    pub fn new(
        config: &ConnectorConfig,
        directory: DirectoryId,
        policy: Policy,
        source: Arc<dyn Source>,
    ) -> Result<Self, ConnectorConfigError> {
        let issuer = connector_issuer(config);
        let rules = Arc::new(Rules::of(config, &policy)?);
        let rules_digest = sha256(rules_text(config, &policy).as_bytes()).to_vec();
        let at_once = usize::try_from(config.requests_at_once).unwrap_or(1);
        Ok(Self {
            name: config.name.clone(),
            directory,
            issuer,
            source,
            policy,
            interval: TimeDelta::minutes(config.interval_minutes.into()),
            full_every: TimeDelta::hours(config.full_hours.into()),
            hints: None,
            overdue_intervals: config.overdue_intervals,
            credential_expires: config.credential_expires_at(),
            metrics: ConnectorMetrics::default(),
            at_once,
            leaving: config.leaving.clone(),
            guarding: Guarding::new(&config.guard),
            rules,
            reads: sha256(config.reads().as_bytes()).to_vec(),
            rules_digest,
        })
    }

    /// Has the cloud say by itself what happens, at an address.
    #[must_use]
    pub fn with_hints(self, address: Option<Url>) -> Self {
        Self { hints: address, ..self }
    }

    /// Whether a run has come true under its filters and its mapping: before, nothing does.
    fn has_come_true(&self, state: &ConnectorState) -> bool {
        state.applied_rules.as_deref() == Some(&self.rules_digest[..])
    }

    /// By whose word memberships begin and end.
    #[must_use]
    pub fn membership_source(&self) -> String {
        format!("connector:{}", self.name)
    }
}
