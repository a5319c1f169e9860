//! What is stored of a connector that an alarm may follow from.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    cloud::Expiry,
    store::{PlanState, RunFacts, RunId, Store, StoreError, StoredPlan},
    sync::{Connector, RunReport},
};

/// So many lines of a run are told.
const MOST_LINES: usize = 5;

/// Warnings of the last run that had any, and which it was.
pub(super) type RememberedWarnings = Option<(RunId, Vec<String>)>;

/// How a connector is.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectorFacts {
    pub(super) name: String,
    /// After so long without a run that came true, somebody has to know.
    pub(super) overdue_after: TimeDelta,
    pub(super) runs: RunFacts,
    /// What was not read in the last run that was done.
    pub(super) warnings: Vec<String>,
    /// Plans of it that wait for an administrator.
    pub(super) held: Vec<StoredPlan>,
    /// When its credential expires.
    pub(super) expiry: Option<Expiry>,
}

/// Runs may take long, and are not begun to the minute.
const LEAST_OVERDUE: TimeDelta = TimeDelta::minutes(30);

impl ConnectorFacts {
    /// Reads them; warnings are remembered as long as no other run has any.
    pub(super) async fn read(
        store: &Store,
        connector: &Connector,
        remembered: &mut RememberedWarnings,
    ) -> Result<Self, StoreError> {
        let id = store.ensure_connector(&connector.name).await?;
        let runs = store.find_run_facts(id).await?;
        let intervals = i32::try_from(connector.overdue_intervals).unwrap_or(i32::MAX);
        Ok(Self {
            name: connector.name.clone(),
            overdue_after: (connector.interval * intervals).max(LEAST_OVERDUE),
            warnings: warnings(store, &runs, remembered).await?,
            held: held(store, connector).await?,
            expiry: connector.known_expiry(store, id).await?,
            runs,
        })
    }

    /// Since when no run has come true.
    pub(super) fn stale_since(&self) -> Option<DateTime<Utc>> {
        self.runs.true_at.or(self.runs.first_at)
    }
}

/// A report may be long, so it is read once.
async fn warnings(
    store: &Store,
    runs: &RunFacts,
    remembered: &mut RememberedWarnings,
) -> Result<Vec<String>, StoreError> {
    let Some(last) = runs.last_done.as_ref().filter(|run| run.warnings > 0) else {
        *remembered = None;
        return Ok(Vec::new());
    };
    if let Some((run, lines)) = remembered
        && *run == last.id
    {
        return Ok(lines.clone());
    }
    let report = store.find_run(last.id).await?.and_then(|run| run.report);
    let report = report.and_then(|text| serde_json::from_str::<RunReport>(&text).ok());
    let mut lines = report.map(|report| report.warnings).unwrap_or_default();
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    *remembered = Some((last.id, lines.clone()));
    Ok(lines)
}

async fn held(store: &Store, connector: &Connector) -> Result<Vec<StoredPlan>, StoreError> {
    let mut plans = store.list_open_plans().await?;
    plans.retain(|stored| {
        stored.state == PlanState::Held
            && stored.plan.directory == connector.directory
            && stored.plan.source == connector.membership_source()
    });
    Ok(plans)
}
