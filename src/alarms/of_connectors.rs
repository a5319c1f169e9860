//! What follows from how a connector is.

use chrono::{DateTime, Utc};

use super::{Condition, Expiring, facts::ConnectorFacts};
use crate::{
    config::AlarmKind,
    store::{EndedRun, RunOutcome},
};

/// What somebody should know of a connector.
pub(super) fn conditions(
    facts: &ConnectorFacts,
    within_days: u32,
    now: DateTime<Utc>,
) -> Vec<Condition> {
    let waits = waits(facts);
    // Who waits for an administrator is not late.
    let overdue = overdue(facts, now).filter(|_| waits.is_none());
    let found = [failed(facts), waits, warnings(facts), overdue, expires(facts, within_days, now)];
    found.into_iter().flatten().collect()
}

fn condition(facts: &ConnectorFacts, kind: AlarmKind, says: &str) -> Condition {
    let name = &facts.name;
    Condition {
        key: format!("connector:{name}:{}", kind.as_str()),
        kind,
        connector: Some(name.clone()),
        summary: format!("{name}: {says}"),
        details: Vec::new(),
        todo: String::new(),
        expires_at: None,
    }
}

fn failed(facts: &ConnectorFacts) -> Option<Condition> {
    let EndedRun { outcome, error, .. } = facts.runs.last.as_ref()?;
    let name = &facts.name;
    let (kind, says, todo) = match outcome.as_ref()? {
        RunOutcome::AuthFailed => (
            AlarmKind::AuthFailed,
            "the cloud does not let the connector in",
            format!(
                "`gatehouse connector test {name}` says what is missing. Put a new secret into its file, or grant the \
                 permission; no restart is needed. Until then everybody stays as they are."
            ),
        ),
        RunOutcome::Failed => (
            AlarmKind::Failed,
            "the last run failed",
            format!(
                "It is tried again by itself, and nothing of it has come true. `gatehouse sync history {name}` shows \
                 the runs, `gatehouse connector test {name}` tries the cloud."
            ),
        ),
        _ => return None,
    };
    let details = error.iter().cloned().collect();
    Some(Condition { details, todo, ..condition(facts, kind, says) })
}

fn waits(facts: &ConnectorFacts) -> Option<Condition> {
    let name = &facts.name;
    let waits = |says| condition(facts, AlarmKind::Waits, says);
    // The number changes with each run that looks again; it is in the command's list.
    if let Some(plan) = facts.held.last() {
        let todo = "`gatehouse plan list` has its number; look at it by `gatehouse plan show`, then `plan approve` or \
                    `plan discard`. Or mend the filter or the cloud, and the next run looks again.";
        return Some(Condition {
            details: plan.guard.iter().cloned().collect(),
            todo: todo.to_owned(),
            ..waits("what a run would take away waits for somebody to look at it")
        });
    }
    let last = facts.runs.last_done.as_ref()?;
    (last.outcome == Some(RunOutcome::ForcedDryRun)).then(|| Condition {
        todo: format!(
            "`gatehouse plan list` has the plan's number; look at it by `gatehouse plan show`, then `gatehouse sync {name} \
             --apply`."
        ),
        ..waits("nothing comes true before somebody has looked at a dry run")
    })
}

fn warnings(facts: &ConnectorFacts) -> Option<Condition> {
    let last = facts.runs.last_done.as_ref().filter(|run| run.warnings > 0)?;
    let says = match last.warnings {
        1 => "the last run has a warning".to_owned(),
        count => format!("the last run has {count} warnings"),
    };
    Some(Condition {
        details: facts.warnings.clone(),
        todo: format!(
            "What could not be read stays as it is, and is read again in the next run. `gatehouse sync history {} --json` \
             has all of them.",
            facts.name
        ),
        ..condition(facts, AlarmKind::Warnings, &says)
    })
}

fn overdue(facts: &ConnectorFacts, now: DateTime<Utc>) -> Option<Condition> {
    let since = facts.stale_since().filter(|since| now - *since >= facts.overdue_after)?;
    let says = format!("no run has come true since {}", since.format("%Y-%m-%d %H:%M UTC"));
    Some(Condition {
        todo: format!(
            "`gatehouse sync status {0}` says why; is the cloud reachable from the gateway (`gatehouse connector test {0}`)?",
            facts.name
        ),
        ..condition(facts, AlarmKind::Overdue, &says)
    })
}

fn expires(facts: &ConnectorFacts, within_days: u32, now: DateTime<Utc>) -> Option<Condition> {
    let expiry = facts.expiry.as_ref()?;
    let name = &facts.name;
    let expiring = Expiring {
        subject: format!("connector:{name}"),
        kind: AlarmKind::CredentialExpires,
        connector: Some(name.clone()),
        what: format!("{name}: {}", expiry.what),
        at: expiry.at,
        todo: "Make a new one at the cloud and put it into the file that the configuration names; no restart is needed. If \
               the configuration has the day (credential_expires), change that too."
            .to_owned(),
    };
    expiring.condition(within_days, now)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        cloud::Expiry,
        store::{RunFacts, RunId},
    };

    fn run(outcome: RunOutcome) -> EndedRun {
        EndedRun { id: RunId(1), outcome: Some(outcome), warnings: 0, error: None }
    }

    fn facts(runs: RunFacts) -> ConnectorFacts {
        let overdue_after = TimeDelta::hours(3);
        ConnectorFacts { name: "corp".to_owned(), overdue_after, runs, ..Default::default() }
    }

    fn keys(facts: &ConnectorFacts, now: DateTime<Utc>) -> Vec<String> {
        conditions(facts, 30, now).into_iter().map(|it| it.key).collect()
    }

    #[test]
    fn a_run_is_a_failure_or_a_refusal_and_not_both() {
        let now = DateTime::UNIX_EPOCH;
        let of = |outcome| {
            keys(&facts(RunFacts { last: Some(run(outcome)), ..RunFacts::default() }), now)
        };
        assert_eq!(of(RunOutcome::Failed), ["connector:corp:failed"]);
        assert_eq!(of(RunOutcome::AuthFailed), ["connector:corp:auth_failed"]);
        for fine in
            [RunOutcome::Applied, RunOutcome::DryRun, RunOutcome::Held, RunOutcome::BrokenOff]
        {
            assert!(of(fine).is_empty(), "{fine:?}");
        }
    }

    #[test]
    fn a_dry_run_that_somebody_wanted_does_not_wait_and_one_that_nobody_did_is_not_late() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let first_at = Some(DateTime::UNIX_EPOCH);
        let forced = Some(run(RunOutcome::ForcedDryRun));
        let waiting = RunFacts { last_done: forced, first_at, ..RunFacts::default() };
        assert_eq!(keys(&facts(waiting), now), ["connector:corp:waits"]);
        let late =
            RunFacts { last: Some(run(RunOutcome::DryRun)), first_at, ..RunFacts::default() };
        assert_eq!(keys(&facts(late), now), ["connector:corp:overdue"]);
    }

    #[test]
    fn a_run_is_late_once_so_many_intervals_have_gone_by() {
        let true_at = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let last = facts(RunFacts { true_at: Some(true_at), ..RunFacts::default() });
        let after = |minutes| keys(&last, true_at + TimeDelta::minutes(minutes));
        assert!(after(179).is_empty());
        assert_eq!(after(180), ["connector:corp:overdue"]);
        assert!(keys(&facts(RunFacts::default()), true_at).is_empty(), "it has never run");
    }

    #[test]
    fn what_expires_is_known_from_the_first_day_on_that_anybody_wants_to_be_told() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let expiry = Some(Expiry { what: "the client secret".to_owned(), at });
        let facts = ConnectorFacts { expiry, ..facts(RunFacts::default()) };
        assert!(keys(&facts, at - TimeDelta::days(31)).is_empty());
        assert_eq!(keys(&facts, at - TimeDelta::days(30)), ["connector:corp:credential_expires"]);
        assert_eq!(keys(&facts, at + TimeDelta::days(9)), ["connector:corp:credential_expires"]);
        let said = &conditions(&facts, 30, at)[0];
        assert_eq!(said.summary, "corp: the client secret expires on 1970-04-11");
        assert!(said.is_critical(at) && !said.is_critical(at - TimeDelta::seconds(1)));
    }
}
