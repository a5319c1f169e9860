//! From the alarms that are open to those that should be, and who is to be told.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Condition, Receiver};
use crate::store::{AlarmId, AlarmStep, LastTold, NewDelivery, StoredAlarm};

/// What is known when a plan is made.
pub(super) struct Planning<'a> {
    pub(super) receivers: Vec<&'a Receiver>,
    pub(super) told: HashMap<(AlarmId, &'a str), &'a LastTold>,
    pub(super) now: DateTime<Utc>,
}

impl<'a> Planning<'a> {
    pub(super) fn new(
        receivers: impl Iterator<Item = &'a Receiver>,
        told: &'a [LastTold],
        now: DateTime<Utc>,
    ) -> Self {
        let told = told.iter().map(|told| ((told.alarm, told.receiver.as_str()), told));
        Self { receivers: receivers.collect(), told: told.collect(), now }
    }

    /// The steps: what begins, what lasts, what ends.
    pub(super) fn steps(&self, conditions: &[Condition], open: &[StoredAlarm]) -> Vec<AlarmStep> {
        let is_open = |condition: &Condition| open.iter().any(|alarm| is_of(alarm, condition));
        let go_on = open.iter().flat_map(|alarm| {
            match conditions.iter().find(|condition| is_of(alarm, condition)) {
                Some(condition) => self.go_on(alarm, condition),
                None => vec![self.end(alarm)],
            }
        });
        let begin = conditions.iter().filter(|it| !is_open(it)).map(|it| self.begin(it));
        // What ends makes room for what begins under the same key.
        go_on.chain(begin).collect()
    }

    fn begin(&self, condition: &Condition) -> AlarmStep {
        let tell = self.receivers.iter().filter_map(|receiver| {
            let stage = receiver.wants.stage(condition, self.now);
            (stage > 0).then(|| delivery(receiver, "raised", stage, text(condition)))
        });
        let tell = tell.collect();
        AlarmStep::Begin { key: condition.key.clone(), condition: text(condition), tell }
    }

    fn go_on(&self, alarm: &StoredAlarm, condition: &Condition) -> Vec<AlarmStep> {
        let (id, condition_text) = (alarm.id, text(condition));
        let mut steps = Vec::new();
        if alarm.condition != condition_text {
            steps.push(AlarmStep::Update { id, condition: condition_text });
        }
        let is_silenced = alarm.silenced_until.is_some_and(|until| self.now < until);
        let receivers = self.receivers.iter().filter(|_| !is_silenced);
        let tell: Vec<_> =
            receivers.filter_map(|receiver| self.tell_again(alarm, condition, receiver)).collect();
        if !tell.is_empty() {
            steps.push(AlarmStep::Tell { id, tell });
        }
        steps
    }

    /// Who was never told is, such as a receiver that is new; others when something is nearer to its end, or after a while.
    fn tell_again(
        &self,
        alarm: &StoredAlarm,
        condition: &Condition,
        receiver: &Receiver,
    ) -> Option<NewDelivery> {
        let stage = receiver.wants.stage(condition, self.now);
        let last = self.told.get(&(alarm.id, &*receiver.name));
        let event = match last {
            _ if stage == 0 => return None,
            None => "raised",
            // It is still to be said for the last time.
            Some(last) if last.waits => return None,
            Some(last) if stage > last.stage => "repeated",
            Some(last) => {
                // That something expires is said on certain days; that it has, again and again.
                let repeats = condition.expires_at.is_none() || condition.has_expired(self.now);
                // Also if a clock was ahead when it was told.
                let is_due = (self.now - last.at).abs() >= receiver.wants.repeat;
                (repeats && is_due).then_some("repeated")?
            }
        };
        Some(delivery(receiver, event, stage, text(condition)))
    }

    /// Whoever was told that it began is told that it is over.
    fn end(&self, alarm: &StoredAlarm) -> AlarmStep {
        let were_told = self.receivers.iter().filter_map(|receiver| {
            let last = self.told.get(&(alarm.id, &*receiver.name))?;
            Some(delivery(receiver, "over", last.stage, alarm.condition.clone()))
        });
        AlarmStep::End { id: alarm.id, tell: were_told.collect() }
    }
}

/// Whether an alarm is of a condition. A secret that was renewed is another one, and its days are counted anew.
fn is_of(alarm: &StoredAlarm, condition: &Condition) -> bool {
    let known = serde_json::from_str::<Condition>(&alarm.condition).ok();
    alarm.key == condition.key && known.is_none_or(|known| known.expires_at == condition.expires_at)
}

fn text(condition: &Condition) -> String {
    serde_json::to_string(condition).unwrap_or_default()
}

fn delivery(
    receiver: &Receiver,
    event: &'static str,
    stage: i64,
    condition: String,
) -> NewDelivery {
    let message_id = Uuid::new_v4().to_string();
    NewDelivery { receiver: receiver.name.to_string(), message_id, event, stage, condition }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        alarms::{Expiring, Receivers},
        config::{AlarmConfig, AlarmKind},
    };

    fn receivers(more: &str) -> Receivers {
        let text =
            format!("name = \"ops\"\nwebhook = {{ url = \"https://ops.example.com/\" }}\n{more}");
        let config: AlarmConfig = toml::from_str(&text).unwrap();
        Receivers::new(&[config], &"https://login.example.com/".parse().unwrap())
    }

    fn failed() -> Condition {
        Condition {
            key: "connector:corp:failed".to_owned(),
            kind: AlarmKind::Failed,
            connector: Some("corp".to_owned()),
            summary: "corp: the last run failed".to_owned(),
            details: Vec::new(),
            todo: String::new(),
            expires_at: None,
        }
    }

    fn expires(at: DateTime<Utc>) -> Condition {
        let (subject, kind) = ("idp:corp".to_owned(), AlarmKind::CertificateExpires);
        let (what, todo) = (String::new(), String::new());
        let expiring = Expiring { subject, kind, connector: None, what, at, todo };
        expiring.condition(u32::MAX, at).unwrap()
    }

    fn open(condition: &Condition) -> StoredAlarm {
        StoredAlarm {
            id: AlarmId(1),
            key: condition.key.clone(),
            condition: text(condition),
            begun_at: DateTime::UNIX_EPOCH,
            ended_at: None,
            silenced_until: None,
        }
    }

    fn told(stage: i64, waits: bool) -> LastTold {
        let (alarm, receiver) = (AlarmId(1), "ops".to_owned());
        LastTold { alarm, receiver, stage, at: DateTime::UNIX_EPOCH, waits }
    }

    /// What is told of an alarm that is open, so many hours after it was told for the last time.
    fn again(
        more: &str,
        condition: &Condition,
        last: Option<LastTold>,
        hours: i64,
    ) -> Vec<&'static str> {
        let receivers = receivers(more);
        let last: Vec<_> = last.into_iter().collect();
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let planning = Planning::new(receivers.iter(), &last, now);
        let steps = planning.steps(std::slice::from_ref(condition), &[open(condition)]);
        let told = steps.into_iter().flat_map(|step| match step {
            AlarmStep::Tell { tell, .. } => tell,
            step => panic!("{step:?}"),
        });
        told.map(|delivery| delivery.event).collect()
    }

    #[test]
    fn it_is_said_once_again_each_day_and_not_before_it_was_heard() {
        let condition = failed();
        assert_eq!(again("", &condition, None, 0), ["raised"], "somebody new");
        assert!(again("", &condition, Some(told(1, false)), 23).is_empty());
        assert_eq!(again("", &condition, Some(told(1, false)), 24), ["repeated"]);
        assert!(again("", &condition, Some(told(1, true)), 24).is_empty());
        assert_eq!(again("repeat_hours = 2", &condition, Some(told(1, false)), 2), ["repeated"]);
    }

    #[test]
    fn everybody_is_told_only_what_they_want_to_hear() {
        let condition = failed();
        assert!(again("on = [\"waits\"]", &condition, None, 0).is_empty());
        assert!(again("connectors = [\"other\"]", &condition, None, 0).is_empty());
        assert_eq!(again("connectors = [\"corp\"]", &condition, None, 0), ["raised"]);
        let of_nobody = expires(DateTime::UNIX_EPOCH);
        assert!(again("connectors = [\"corp\"]", &of_nobody, None, 0).is_empty());
    }

    #[test]
    fn that_something_expires_is_said_on_certain_days_and_that_it_has_each_day() {
        let condition = expires(DateTime::UNIX_EPOCH + TimeDelta::days(40));
        let on_day = |day: i64, last: Option<i64>| {
            again("", &condition, last.map(|stage| told(stage, false)), day * 24)
        };
        assert!(on_day(9, None).is_empty(), "31 days before");
        assert_eq!(on_day(10, None), ["raised"]);
        assert!(on_day(25, Some(1)).is_empty(), "a day without a message");
        assert_eq!(on_day(26, Some(1)), ["repeated"]);
        assert_eq!(on_day(33, Some(2)), ["repeated"]);
        assert_eq!(on_day(39, Some(3)), ["repeated"]);
        assert_eq!(on_day(40, Some(4)), ["repeated"], "it has");
        assert_eq!(on_day(41, Some(5)), ["repeated"], "and it is said again");
    }

    #[test]
    fn what_was_renewed_for_a_short_time_only_is_an_alarm_of_its_own() {
        let receivers = receivers("");
        let day = |days| expires(DateTime::UNIX_EPOCH + TimeDelta::days(days));
        let last = [told(3, false)];
        let planning = Planning::new(receivers.iter(), &last, DateTime::UNIX_EPOCH);
        let steps = planning.steps(&[day(20)], &[open(&day(5))]);
        let [AlarmStep::End { tell: over, .. }, AlarmStep::Begin { tell, .. }] = steps.as_slice()
        else {
            panic!("{steps:?}");
        };
        assert_eq!((over[0].event, tell[0].event, tell[0].stage), ("over", "raised", 1));
    }

    #[test]
    fn what_is_over_is_said_to_whoever_was_told_of_it() {
        let receivers = receivers("");
        let alarm = [open(&failed())];
        let over = |last: &[LastTold]| {
            let planning = Planning::new(receivers.iter(), last, DateTime::UNIX_EPOCH);
            match planning.steps(&[], &alarm).as_slice() {
                [AlarmStep::End { tell, .. }] => tell.iter().map(|it| it.event).collect::<Vec<_>>(),
                steps => panic!("{steps:?}"),
            }
        };
        assert_eq!(over(&[told(1, true)]), ["over"]);
        assert!(over(&[]).is_empty());
    }

    #[test]
    fn nobody_is_told_again_of_what_is_silenced() {
        let receivers = receivers("");
        let last = [told(1, false)];
        let until = Some(DateTime::UNIX_EPOCH + TimeDelta::days(3));
        let alarm = [StoredAlarm { silenced_until: until, ..open(&failed()) }];
        let after = |hours| {
            let now = DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
            Planning::new(receivers.iter(), &last, now).steps(&[failed()], &alarm).len()
        };
        assert_eq!((after(71), after(72)), (0, 1));
    }

    #[test]
    fn what_is_said_of_an_alarm_follows_what_is_known() {
        let receivers = receivers("");
        let other = Condition { details: vec!["500".to_owned()], ..failed() };
        let last = [told(1, false)];
        let planning = Planning::new(receivers.iter(), &last, DateTime::UNIX_EPOCH);
        let steps = planning.steps(std::slice::from_ref(&other), &[open(&failed())]);
        assert_eq!(steps, [AlarmStep::Update { id: AlarmId(1), condition: text(&other) }]);
    }
}
