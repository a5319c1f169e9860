//! How an address of an application is doing: whether requests go there, and when one is let through to see.
//!
//! An address is out after some failures in a row, of requests or of pages that were asked for to see how it is. If such
//! pages are asked for, they bring it back; if not, a request does that is sent there after a while. Whoever goes out again
//! soon stays out longer.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::TimeDelta;

use crate::{lifecycle::growing_pause, secrets::random};

/// How long an address is out at first, and at most.
const PAUSES: (TimeDelta, TimeDelta) = (TimeDelta::seconds(5), TimeDelta::seconds(60));

/// Who has been in for so long is trusted as on the first day.
const FORGIVEN: Duration = Duration::from_mins(5);

/// How long a request that was let through to see may take, before another one is.
const TRIAL: Duration = Duration::from_secs(10);

/// What is enough to be taken out, and in again.
#[derive(Clone, Copy, Debug)]
pub struct HealthRules {
    /// So many failures in a row.
    pub failures: u32,
    /// Requests' failures further apart are not in a row.
    pub window: Duration,
    /// So many good pages in a row.
    pub successes: u32,
    /// Whether pages are asked for.
    pub is_checked: bool,
}

/// What an address may be asked now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Everything.
    In,
    /// One request, to see.
    OnTrial,
    /// Nothing, if there is another.
    Out,
}

/// An address is taken out, or in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Out,
    In,
}

/// How an address is doing.
#[derive(Debug)]
pub(super) struct Health {
    rules: HealthRules,
    /// Whether nothing of what follows has to be looked at, which is all that most requests ask.
    is_fine: AtomicBool,
    trouble: Mutex<Trouble>,
}

#[derive(Clone, Debug, Default)]
struct Trouble {
    /// Requests that failed in a row, and when the first did.
    failures: u32,
    first: Option<Instant>,
    /// Pages that failed in a row.
    bad_pages: u32,
    out: Option<Out>,
    /// How often it was taken out in a row, and when it came back last.
    times_out: i64,
    back: Option<Instant>,
    last_error: Option<String>,
}

#[derive(Clone, Debug)]
struct Out {
    since: Instant,
    /// Nobody looks before.
    until: Instant,
    /// Whether a request was let through.
    is_on_trial: bool,
    good_pages: u32,
}

/// What there is to be told of an address that is not fine.
#[derive(Clone, Debug, Default)]
pub(super) struct Symptoms {
    pub(super) out_for: Option<Duration>,
    pub(super) failures: u32,
    pub(super) last_error: Option<String>,
}

impl Health {
    pub(super) fn new(rules: HealthRules) -> Self {
        Self { rules, is_fine: AtomicBool::new(true), trouble: Mutex::default() }
    }

    /// What it may be asked now.
    pub(super) fn standing(&self) -> Standing {
        if self.is_fine.load(Ordering::Relaxed) {
            return Standing::In;
        }
        self.standing_at(Instant::now())
    }

    fn standing_at(&self, now: Instant) -> Standing {
        match &self.trouble().out {
            None => Standing::In,
            Some(out) if !self.rules.is_checked && now >= out.until => Standing::OnTrial,
            Some(_) => Standing::Out,
        }
    }

    /// Takes the one request that may be sent to see; false if another one was faster.
    pub(super) fn begin_trial(&self, now: Instant) -> bool {
        let mut trouble = self.trouble();
        let Some(out) = trouble.out.as_mut().filter(|out| now >= out.until) else {
            return false;
        };
        out.until = now + TRIAL;
        out.is_on_trial = true;
        true
    }

    /// A request was answered.
    pub(super) fn answered(&self) -> Option<Turn> {
        if self.is_fine.load(Ordering::Relaxed) {
            return None;
        }
        self.answered_at(Instant::now())
    }

    fn answered_at(&self, now: Instant) -> Option<Turn> {
        let mut trouble = self.trouble();
        trouble.failures = 0;
        let is_back = trouble.out.is_some() && !self.rules.is_checked;
        let turn = is_back.then(|| trouble.come_back(now));
        self.see(&trouble);
        turn
    }

    /// A request was not answered, and the address is to blame.
    pub(super) fn failed(&self, now: Instant, error: String) -> Option<Turn> {
        let mut trouble = self.trouble();
        let in_a_row = trouble.first.is_some_and(|first| now - first < self.rules.window);
        if trouble.failures == 0 || !in_a_row {
            (trouble.failures, trouble.first) = (0, Some(now));
        }
        trouble.failures += 1;
        trouble.last_error = Some(error);
        let turn = self.judge(&mut trouble, now);
        self.see(&trouble);
        turn
    }

    /// A page that was asked for to see how it is.
    pub(super) fn looked(&self, now: Instant, page: Result<(), String>) -> Option<Turn> {
        if page.is_ok() && self.is_fine.load(Ordering::Relaxed) {
            return None;
        }
        let mut trouble = self.trouble();
        let turn = match page {
            Ok(()) => trouble.good_page(now, self.rules.successes),
            Err(error) => {
                trouble.bad_pages += 1;
                trouble.last_error = Some(error);
                self.judge(&mut trouble, now)
            }
        };
        self.see(&trouble);
        turn
    }

    /// Takes it out, or leaves it out for longer, if that is due.
    fn judge(&self, trouble: &mut Trouble, now: Instant) -> Option<Turn> {
        if let Some(out) = &mut trouble.out {
            out.good_pages = 0;
            // Requests that were sent before it was taken out say nothing new; one that was let through does.
            if std::mem::take(&mut out.is_on_trial) {
                out.until = now + pause(trouble.times_out);
                trouble.times_out += 1;
            }
            return None;
        }
        if trouble.failures.max(trouble.bad_pages) < self.rules.failures {
            return None;
        }
        if trouble.back.is_none_or(|back| now - back >= FORGIVEN) {
            trouble.times_out = 0;
        }
        let until = now + pause(trouble.times_out);
        trouble.times_out += 1;
        trouble.out = Some(Out { since: now, until, is_on_trial: false, good_pages: 0 });
        Some(Turn::Out)
    }

    /// Goes on where another one is that has looked at the same address until now.
    pub(super) fn take_over(&self, other: &Self) {
        let other = other.trouble().clone();
        let mut trouble = self.trouble();
        *trouble = other;
        self.see(&trouble);
    }

    pub(super) fn symptoms(&self) -> Symptoms {
        let trouble = self.trouble();
        Symptoms {
            out_for: trouble.out.as_ref().map(|out| out.since.elapsed()),
            failures: trouble.failures.max(trouble.bad_pages),
            last_error: trouble.last_error.clone(),
        }
    }

    fn see(&self, trouble: &Trouble) {
        let is_fine = trouble.out.is_none() && trouble.failures == 0 && trouble.bad_pages == 0;
        self.is_fine.store(is_fine, Ordering::Relaxed);
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trouble {
    fn good_page(&mut self, now: Instant, enough: u32) -> Option<Turn> {
        self.bad_pages = 0;
        let out = self.out.as_mut()?;
        out.good_pages += 1;
        let is_enough = out.good_pages >= enough && now >= out.until;
        is_enough.then(|| self.come_back(now))
    }

    fn come_back(&mut self, now: Instant) -> Turn {
        let last_error = self.last_error.take();
        *self = Self { times_out: self.times_out, back: Some(now), last_error, ..Self::default() };
        Turn::In
    }
}

/// How long an address is left alone, a quarter more or less: gateways and addresses shall not all come back together.
fn pause(times: i64) -> Duration {
    let pause = growing_pause(PAUSES.0, times, PAUSES.1).to_std().unwrap_or_default();
    let [chance] = random::<1>();
    pause.mul_f64(0.75 + f64::from(chance) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: HealthRules = HealthRules {
        failures: 3,
        window: Duration::from_secs(30),
        successes: 2,
        is_checked: false,
    };

    fn fail(health: &Health, now: Instant, times: u32) -> Option<Turn> {
        (0..times).fold(None, |turn, _| health.failed(now, "no".to_owned()).or(turn))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn failures_in_a_row_take_an_address_out_and_a_success_between_them_does_not() {
        let (health, now) = (Health::new(RULES), Instant::now());
        assert_eq!(fail(&health, now, 2), None);
        assert_eq!(health.answered(), None);
        assert_eq!(fail(&health, now, 2), None);
        assert_eq!(fail(&health, now + seconds(31), 2), None, "those before are too long ago");
        assert_eq!(health.standing_at(now), Standing::In);
        assert_eq!(fail(&health, now + seconds(32), 1), Some(Turn::Out));
        assert_eq!(fail(&health, now + seconds(32), 9), None, "said once");
        assert_eq!(health.standing(), Standing::Out);
    }

    #[test]
    fn one_request_is_let_through_to_see() {
        let (health, now) = (Health::new(RULES), Instant::now());
        fail(&health, now, 3);
        assert_eq!(health.standing_at(now + seconds(3)), Standing::Out);
        let then = now + seconds(7);
        assert_eq!(health.standing_at(then), Standing::OnTrial);
        assert!(health.begin_trial(then));
        assert!(!health.begin_trial(then), "one");
        assert_eq!(health.standing_at(then), Standing::Out);
        assert_eq!(health.answered_at(then), Some(Turn::In));
        assert_eq!(health.standing(), Standing::In);
        assert_eq!(health.answered_at(then), None, "said once");
    }

    #[test]
    fn who_fails_again_is_left_alone_for_longer() {
        let (health, now) = (Health::new(RULES), Instant::now());
        fail(&health, now, 3);
        assert!(health.begin_trial(now + seconds(7)));
        fail(&health, now + seconds(7), 1);
        assert!(!health.begin_trial(now + seconds(7 + 7)), "ten seconds, a quarter more or less");
        assert!(health.begin_trial(now + seconds(7 + 13)));
        assert_eq!(health.answered_at(now + seconds(20)), Some(Turn::In));
        fail(&health, now + seconds(21), 3);
        assert_eq!(health.standing_at(now + seconds(21 + 14)), Standing::Out, "it has not lasted");
        health.answered_at(now + seconds(60));
        fail(&health, now + seconds(400), 3);
        assert_eq!(health.standing_at(now + seconds(407)), Standing::OnTrial, "forgiven");
    }

    #[test]
    fn where_pages_are_asked_for_they_decide_when_it_is_over() {
        let health = Health::new(HealthRules { is_checked: true, ..RULES });
        let now = Instant::now();
        let bad = || Err("503".to_owned());
        assert_eq!(health.looked(now, bad()), None);
        assert_eq!(health.looked(now, Ok(())), None);
        for turn in [None, None, Some(Turn::Out)] {
            assert_eq!(health.looked(now, bad()), turn);
        }
        assert_eq!(health.standing_at(now + seconds(100)), Standing::Out, "no request tries it");
        assert_eq!(health.answered_at(now + seconds(100)), None);
        assert_eq!(health.looked(now + seconds(100), Ok(())), None);
        assert_eq!(health.looked(now + seconds(100), bad()), None, "not in a row");
        assert_eq!(health.looked(now + seconds(100), Ok(())), None);
        assert_eq!(health.looked(now + seconds(100), Ok(())), Some(Turn::In));
        assert_eq!(health.standing(), Standing::In);
    }
}
