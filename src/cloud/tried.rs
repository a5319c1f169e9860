//! What trying something showed, in the words of a probe.

use chrono::TimeDelta;

use super::{ConnectorError, Finding, http::Connection};

/// A clock that is wrong by more than this is worth a word: what is signed by it may not be taken.
const TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// A step, with what was seen or what is wrong.
pub(super) fn finding(step: impl Into<String>, tried: Result<String, ConnectorError>) -> Finding {
    let (detail, problem) = match tried {
        Ok(detail) => (Some(detail), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Finding { step: step.into(), problem, detail }
}

/// Whether the clock of this machine is right, as the cloud sees it.
pub(super) fn clock(connection: &Connection) -> Option<Finding> {
    let skew = connection.skew()?;
    let seconds = skew.num_seconds().abs();
    let side = if skew < TimeDelta::zero() { "ahead of" } else { "behind" };
    let problem = (skew.abs() > TOLERANCE).then(|| {
        format!("this machine's clock is {seconds} s {side} the cloud's: set it by NTP, for what is signed by it may not be taken")
    });
    Some(Finding {
        step: "compare clocks".to_owned(),
        problem,
        detail: Some(format!("{seconds} s apart")),
    })
}
