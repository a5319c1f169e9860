//! What came of a run, for those who count and those who have to be told.

use super::{Connector, RunError, RunReport};
use crate::{
    cloud::{ConnectorError, Usage},
    store::RunOutcome,
    telemetry::{ConnectorMetrics, RunCounts},
};

impl RunReport {
    /// In a word.
    #[must_use]
    pub fn outcome(&self) -> RunOutcome {
        let is_held = self.directory.as_ref().is_some_and(|it| it.list.held.is_some());
        match (self.dry_run, &self.forced) {
            (true, Some(_)) => RunOutcome::ForcedDryRun,
            (true, None) => RunOutcome::DryRun,
            (false, _) if is_held => RunOutcome::Held,
            (false, _) => RunOutcome::Applied,
        }
    }

    fn counts(&self) -> RunCounts {
        let changed = self.directory.as_ref().filter(|_| !self.dry_run);
        let size = changed.map(|directory| directory.list.size).unwrap_or_default();
        RunCounts {
            seconds: Some(self.seconds),
            people: size.created + size.updated + size.deactivated + size.removed,
            groups: size.groups + size.groups_renamed,
            memberships: size.joined + size.left,
            ..RunCounts::default()
        }
    }
}

impl RunError {
    /// In a word. A permission that is missing is as good as a credential that is not taken: somebody has to do something
    /// at the cloud.
    #[must_use]
    pub fn outcome(&self) -> RunOutcome {
        match self {
            Self::Cloud(
                ConnectorError::Credential { .. }
                | ConnectorError::Key { .. }
                | ConnectorError::Forbidden { .. }
                | ConnectorError::Blank { .. },
            ) => RunOutcome::AuthFailed,
            Self::Interrupted(_) | Self::Store(_) => RunOutcome::BrokenOff,
            _ => RunOutcome::Failed,
        }
    }
}

/// What came of a run, in a word, and how many warnings it has.
pub(super) fn outcome_of(done: &Result<RunReport, RunError>) -> (RunOutcome, i64) {
    match done {
        Ok(report) => (report.outcome(), i64::try_from(report.warnings.len()).unwrap_or(i64::MAX)),
        Err(error) => (error.outcome(), 0),
    }
}

impl Connector {
    /// With its runs counted there.
    #[must_use]
    pub fn counting(self, metrics: &ConnectorMetrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// Counts a run that has ended.
    pub(super) fn count(&self, done: &Result<RunReport, RunError>, usage: &Usage) {
        let counts = done.as_ref().map(RunReport::counts).unwrap_or_default();
        let name = self.name.as_str().into();
        self.metrics.count_run(&name, outcome_of(done).0.as_str(), &counts);
        let questions = RunCounts {
            calls: usage.calls,
            retries: usage.retries,
            waited_ms: usage.waited_ms,
            ..RunCounts::default()
        };
        self.metrics.count_questions(&name, &questions);
    }
}
