//! `gatehouse alarm`.

use std::{path::Path, process::ExitCode};

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    control::{self, Control, ControlError},
    edit::{Output, path_with, print_json},
    say,
};
use crate::admin::{AlarmView, DeliveryView, TestView};

/// What needs somebody, and who is told of it.
#[derive(Debug, clap::Subcommand)]
pub(super) enum AlarmCommand {
    /// Lists what needs somebody now, and what has lately, with what became of the messages about it.
    ///
    /// A running gateway looks every ten seconds what begins and what ends. A message is `waiting` until its receiver has it,
    /// tried again for a day, and then `given_up`.
    List {
        /// So many at most of those that are over.
        #[arg(long, default_value_t = 10)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Says to everybody who is told of alarms that this is a test, and shows whether it could be delivered.
    ///
    /// Exits with 1 if somebody could not be told.
    Test {
        /// Only to this one, as `alarm.name` in the configuration calls it.
        #[arg(long, value_name = "NAME")]
        to: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Tells nobody of an alarm again for a while. That it is over is told.
    Silence {
        /// The alarm, as `alarm list` shows it, such as connector:corp:failed.
        key: String,
        /// For how long: a number and m, h or d, such as 3d. 0m ends it.
        #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
        time: u64,
        #[command(flatten)]
        output: Output,
    },
}

/// Minutes, hours or days, in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let problem = || "say a number and m, h or d, such as 3d".to_owned();
    let unit = text.chars().last().ok_or_else(problem)?;
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok());
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return Err(problem()),
    };
    Ok(u64::from(number.ok_or_else(problem)?) * seconds)
}

impl AlarmCommand {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        control::run(config, async |control| match self {
            Self::List { limit, output } => list(control, *limit, *output).await,
            Self::Test { to, output } => test(control, to.as_deref(), *output).await,
            Self::Silence { key, time, output } => silence(control, key, *time, *output).await,
        })
    }
}

async fn list(control: &Control, limit: u32, output: Output) -> Result<(), ControlError> {
    let limit = limit.to_string();
    let path = path_with("/alarms", &[("limit", Some(&limit))]);
    let alarms: Vec<AlarmView> = control.ask(Method::GET, &path).await?;
    if output.json {
        return print_json(&alarms);
    }
    if alarms.iter().all(|alarm| alarm.until.is_some()) {
        say("nothing needs anybody");
    }
    alarms.iter().for_each(print);
    Ok(())
}

fn print(alarm: &AlarmView) {
    let AlarmView { key, since, until, silenced_until, condition, deliveries } = alarm;
    let time = |time: &chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let over = until.as_ref().map_or_else(String::new, |until| format!(", over {}", time(until)));
    say(&format!("{key}  since {}{over}", time(since)));
    if let Some(until) = silenced_until {
        say(&format!("  silenced until {}", time(until)));
    }
    if let Some(condition) = condition {
        say(&format!("  {}", condition.summary));
        condition
            .details
            .iter()
            .for_each(|line| say(&format!("    {}", crate::notify::plain(line))));
        if until.is_none() {
            say(&format!("  to do: {}", condition.todo));
        }
    }
    for DeliveryView { receiver, event, state, at, tries, problem, .. } in deliveries {
        let problem = problem.as_ref().map_or_else(String::new, |it| format!(": {it}"));
        let times = if *tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") };
        say(&format!("  {}  {receiver:<16} {event:<8} {state}, {times}{problem}", time(at)));
    }
}

async fn test(control: &Control, to: Option<&str>, output: Output) -> Result<(), ControlError> {
    let path = path_with("/alarms/test", &[("receiver", to)]);
    let tested: Vec<TestView> = control.ask(Method::POST, &path).await?;
    if output.json {
        print_json(&tested)?;
    }
    for TestView { receiver, problem } in tested.iter().filter(|_| !output.json) {
        say(&format!("{receiver:<16} {}", problem.as_deref().unwrap_or("delivered")));
    }
    let failed = tested.iter().filter(|test| test.problem.is_some()).count();
    match (failed, tested.len()) {
        (_, 0) => {
            Err(ControlError::Refused("nobody is told of alarms: add [[alarm]] tables".to_owned()))
        }
        (0, _) => Ok(()),
        (failed, all) => Err(ControlError::Refused(format!("{failed} of {all} could not be told"))),
    }
}

async fn silence(
    control: &Control,
    key: &str,
    time: u64,
    output: Output,
) -> Result<(), ControlError> {
    let path = format!("/alarms/{}/silence", utf8_percent_encode(key, NON_ALPHANUMERIC));
    let (method, seconds) = match time {
        0 => (Method::DELETE, None),
        time => (Method::PUT, Some(time.to_string())),
    };
    let path = path_with(&path, &[("seconds", seconds.as_deref())]);
    let alarm: AlarmView = control.ask(method, &path).await?;
    if output.json {
        return print_json(&alarm);
    }
    print(&alarm);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_minutes_hours_or_days() {
        assert_eq!(
            ["0m", "90m", "2h", "3d"].map(|text| seconds(text).unwrap()),
            [0, 5400, 7200, 259_200]
        );
        for bad in ["", "3", "d", "3w", "-1d", "1.5h", "3 d", "ä"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
