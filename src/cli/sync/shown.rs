//! Runs as people read them.

mod previewed;

use chrono::{DateTime, Utc};

pub(super) use self::previewed::print_preview;
use crate::{
    admin::{ConnectorView, HintsView, RunNumbers, RunView},
    cli::say,
    clock::Clock,
    sync::{RemovalReport, RosterReport, RunReport},
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
    print_surprises(report);
    if let Some(removed) = &report.removed {
        print_removed(connector, report.dry_run, removed);
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

/// Names and people whom nobody may have meant.
fn print_surprises(report: &RunReport) {
    let Some(directory) = &report.directory else {
        return;
    };
    let warning = if report.forced.is_some() { "warning: " } else { "" };
    let would = if report.dry_run { "would be" } else { "were" };
    let RosterReport { renamed, renames, deactivated, put_out_of_scope, .. } = directory;
    if *renamed > 0 {
        let pairs: Vec<_> = renames.iter().map(|[old, new]| format!("{old} → {new}")).collect();
        say(&format!("{warning}{renamed} accounts {would} renamed: {}", pairs.join(", ")));
    }
    if !put_out_of_scope.is_empty() {
        let (count, names) = (deactivated.out_of_scope, put_out_of_scope.join(", "));
        say(&format!("{warning}{count} accounts {would} put out of scope by filters: {names}"));
    }
}

fn print_removed(connector: &str, dry_run: bool, removed: &RemovalReport) {
    let would = if dry_run { "would be removed" } else { "removed" };
    let RemovalReport { users, groups, named, held, protected, skipped, batches, .. } = removed;
    match held {
        Some(held) => {
            say(&format!(
                "{users} users and {groups} groups, gone for long, are not removed: {held}"
            ));
            if !dry_run {
                say(&format!(
                    "`gatehouse sync {connector} --dry-run` names them; then `gatehouse sync {connector} --unguarded` \
                     removes them"
                ));
            }
        }
        None => say(&format!("{would}, gone for long: {users} users, {groups} groups")),
    }
    for name in named.iter().take(MOST_LINES) {
        say(&format!("  {name}"));
    }
    if named.len() > MOST_LINES {
        say("  and more: `--json` has them");
    }
    for batch in batches {
        say(&format!("batch {batch}: `gatehouse changes undo {batch}` takes it back"));
    }
    if *protected > 0 {
        say(&format!("{protected} stay, gone for long, because they are protected"));
    }
    if *skipped > 0 {
        say(&format!("{skipped} were changed by somebody meanwhile: the next run looks again"));
    }
}

/// The same in a few words.
fn removal(removed: &RemovalReport) -> String {
    match (&removed.held, removed.users + removed.groups) {
        (Some(_), count) => format!(", {count} wait to be removed"),
        (None, 0) => String::new(),
        (None, count) => format!(", {count} removed"),
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
    let ConnectorView { name, problem, running, full_at, in_line, hints, last, expiry } = connector;
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
    if let Some(hints) = hints {
        print_hints(hints);
    }
    match last {
        Some(run) => say(&format!("  last run             {}", line(run))),
        None => say("  it has not run yet"),
    }
    if let Some(expiry) = expiry {
        say(&format!("  {:<20} {}", expiry.what, expiry.told(Clock::System.now())));
    }
}

/// How it is with what the cloud says by itself.
fn print_hints(hints: &HintsView) {
    let at = |time: &DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let heard = match &hints.heard_at {
        Some(time) => format!("last heard {}", at(time)),
        None => "nothing heard yet".to_owned(),
    };
    let agreed = match &hints.good_until {
        Some(time) => format!(", good until {}", at(time)),
        None if hints.is_asked => ", the cloud has not agreed yet".to_owned(),
        None => String::new(),
    };
    say(&format!("  hints                on, {heard}{agreed}, waiting: {}", hints.waiting));
    if let Some(problem) = &hints.problem {
        say(&format!("  hints are missing    {problem}"));
    }
}

/// Runs, a line each.
pub(super) fn print_history(runs: &[RunView]) {
    for run in runs {
        say(&line(run));
    }
}

/// One run, but for each change.
pub(super) fn print_run(connector: &str, run: &RunView) {
    say(&line(run));
    if let Some(report) = &run.report {
        print_report(connector, report);
    }
    if let Some(numbers) = &run.numbers {
        print_numbers(numbers);
    }
}

fn print_numbers(numbers: &RunNumbers) {
    let ended = &numbers.users_deactivated;
    say(&format!(
        "users: {} seen, {} added, {} updated, {} renamed, {} reactivated, {} removed, {} skipped, {} conflicts",
        numbers.users_seen,
        numbers.users_added,
        numbers.users_updated,
        numbers.users_renamed,
        numbers.users_reactivated,
        numbers.users_removed,
        numbers.users_skipped,
        numbers.conflicts
    ));
    say(&format!(
        "deactivated: {} disabled_at_source, {} out_of_scope, {} missing_at_source, {} for other reasons",
        ended.disabled_at_source, ended.out_of_scope, ended.missing_at_source, ended.otherwise
    ));
    say(&format!(
        "groups: {} added, {} renamed, {} gone at the source; memberships: {} begun, {} ended",
        numbers.groups_added,
        numbers.groups_renamed,
        numbers.groups_gone,
        numbers.memberships_begun,
        numbers.memberships_ended
    ));
    let seconds = &numbers.seconds;
    say(&format!(
        "asked: {} pages, {} requests ({} again), {} bytes, {:.1} s of pauses; reading {:.1} s, sorting {:.1} s, comparing \
         {:.1} s, applying {:.1} s",
        numbers.pages,
        numbers.requests,
        numbers.retries,
        numbers.bytes,
        numbers.throttled_seconds,
        seconds.reading,
        seconds.folding,
        seconds.comparing,
        seconds.applying
    ));
}

fn line(run: &RunView) -> String {
    let at = run.begun_at.format("%Y-%m-%d %H:%M:%SZ");
    let kind = match &run.user {
        Some(user) => format!("user {user}"),
        None => run.kind.clone(),
    };
    let took = run.ended_at.map(|end| format!(", {} s", (end - run.begun_at).num_seconds()));
    let cost = run.numbers.as_ref().filter(|numbers| numbers.requests > 0).map(|numbers| {
        let RunNumbers { requests, bytes, throttled_seconds, .. } = numbers;
        let pauses = if *throttled_seconds < 0.05 {
            String::new()
        } else {
            format!(", {throttled_seconds:.1} s of pauses")
        };
        format!(", {requests} requests, {bytes} bytes{pauses}")
    });
    format!(
        "{:>6}  {at}  {:<8} {kind:<10} by {}{}{}: {}",
        run.id,
        state(run),
        run.asked_by,
        took.unwrap_or_default(),
        cost.unwrap_or_default(),
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
    let removed = report.removed.as_ref().map(removal).unwrap_or_default();
    let Some(directory) = &report.directory else {
        return format!("nothing has changed{removed}");
    };
    let dry = if report.dry_run { "dry run: " } else { "" };
    let held = directory.list.held.as_ref().map_or("", |_| ", waits for approval");
    let conflicts = run.numbers.as_ref().map_or(0, |numbers| numbers.conflicts);
    let conflicts = (conflicts > 0).then(|| format!(", {conflicts} conflicts"));
    let conflicts = conflicts.unwrap_or_default();
    format!("{dry}{}{conflicts}{held}{removed}", directory.list.size)
}
