//! Runs as people read them.

use crate::{
    admin::{ConnectorView, RunView},
    cli::say,
    clock::Clock,
    sync::{RosterReport, RunReport},
};

/// So many conflicts are printed; `--json` has them all.
const MOST_LINES: usize = 20;

/// What came of a run.
pub(super) fn print_report(connector: &str, report: &RunReport) {
    let users = &report.users;
    say(&format!(
        "{} pages, {} objects, {} requests{}",
        report.pages,
        report.items,
        report.usage.calls,
        if report.full { ", everything" } else { "" }
    ));
    say(&format!(
        "users looked at: {}, come: {}, out of scope: {}, disabled: {}, not there: {}",
        users.seen, users.come, users.out_of_scope, users.disabled, users.missing
    ));
    match &report.directory {
        Some(directory) => print_directory(report.dry_run, directory),
        None => say("nothing has changed"),
    }
    print_conflicts(report);
    for warning in report.warnings.iter().take(MOST_LINES) {
        say(&format!("warning: {warning}"));
    }
    if let Some(why) = &report.forced {
        say(&format!(
            "this was a dry run, for {why}: look at it, then `gatehouse sync {connector} --apply`"
        ));
    }
}

fn print_directory(dry_run: bool, directory: &RosterReport) {
    let RosterReport { list, renamed, reactivated, .. } = directory;
    let would = if dry_run { "would change" } else { "changed" };
    say(&format!("{would}: {} ({renamed} renamed, {reactivated} back again)", list.size));
    if list.skipped > 0 {
        let skipped = list.skipped;
        say(&format!(
            "{skipped} users were changed by somebody else meanwhile: the next run looks again"
        ));
    }
    if list.ended_sessions > 0 {
        say(&format!("sessions ended: {}", list.ended_sessions));
    }
    if let (Some(plan), true) = (list.plan, dry_run) {
        say(&format!("`gatehouse plan show {plan}` lists it"));
    }
    if let Some(batch) = list.batch {
        say(&format!("batch {batch}: `gatehouse changes undo {batch}` takes it back"));
    }
    if let (Some(held), Some(plan)) = (&list.held, list.plan) {
        say(&format!("what it takes away waits: {held}"));
        if !dry_run {
            say(&format!(
                "`gatehouse plan show {plan}`, then `plan approve {plan}` or `plan discard {plan}`; the next run's plan \
                 replaces it"
            ));
        }
    }
}

fn print_conflicts(report: &RunReport) {
    let of_directory = report.directory.iter().flat_map(|directory| &directory.conflicts);
    let lines: Vec<_> = report
        .nameless
        .iter()
        .map(|one| format!("conflict: {} {:?}: {}", one.external_id, one.name, one.why))
        .chain(
            of_directory
                .map(|one| format!("conflict: {} {:?}: {}", one.external_id, one.name, one.why)),
        )
        .collect();
    for line in lines.iter().take(MOST_LINES) {
        say(line);
    }
    let more = report.directory.as_ref().map_or(0, |directory| directory.more_conflicts)
        + report.more_nameless
        + lines.len().saturating_sub(MOST_LINES) as u64;
    if more > 0 {
        say(&format!("and {more} more conflicts: `gatehouse sync history NAME --json` has them"));
    }
}

/// How a connector is.
pub(super) fn print_status(connector: &ConnectorView) {
    let ConnectorView { name, problem, running, full_at, in_line, last, expiry } = connector;
    let how = match (problem, running, in_line) {
        (Some(problem), _, _) => format!("cannot be used: {problem}"),
        (None, true, _) => "runs".to_owned(),
        (None, false, true) => "in line".to_owned(),
        (None, false, false) => "not in line: the next run compares everybody".to_owned(),
    };
    say(&format!("{name}: {how}"));
    if let Some(at) = full_at {
        say(&format!("  everything was read  {}", at.format("%Y-%m-%d %H:%M:%SZ")));
    }
    match last {
        Some(run) => say(&format!("  last run             {}", line(run))),
        None => say("  it has not run yet"),
    }
    if let Some(expiry) = expiry {
        say(&format!("  {:<20} {}", expiry.what, expiry.told(Clock::System.now())));
    }
}

/// Runs, a line each.
pub(super) fn print_history(runs: &[RunView]) {
    for run in runs {
        say(&line(run));
    }
}

fn line(run: &RunView) -> String {
    let at = run.begun_at.format("%Y-%m-%d %H:%M:%SZ");
    let kind = if run.full { "everything" } else { "changes" };
    let took = run.ended_at.map(|end| format!(", {} s", (end - run.begun_at).num_seconds()));
    format!(
        "{:>6}  {at}  {:<8} {kind:<10} by {}{}: {}",
        run.id,
        state(run),
        run.asked_by,
        took.unwrap_or_default(),
        outcome(run)
    )
}

/// One that broke off and can be gone on with is neither done nor failed.
fn state(run: &RunView) -> &str {
    let has_warnings = run.report.as_ref().is_some_and(|report| !report.warnings.is_empty());
    match (&run.error, run.ended_at) {
        (Some(_), None) => "broken off",
        _ if has_warnings => "warnings",
        _ => &run.state,
    }
}

fn outcome(run: &RunView) -> String {
    if let Some(error) = &run.error {
        return error.clone();
    }
    let Some(report) = &run.report else {
        return format!("{} pages, {} objects so far", run.progress.pages, run.progress.items);
    };
    let Some(directory) = &report.directory else {
        return "nothing has changed".to_owned();
    };
    let dry = if report.dry_run { "dry run: " } else { "" };
    let held = directory.list.held.as_ref().map_or("", |_| ", waits for approval");
    format!("{dry}{}{held}", directory.list.size)
}
