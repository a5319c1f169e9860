//! Who may ask when: pauses that a cloud wants, its limits, how many ask at the same time, and whether it is there.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    Pace, Quota, Request, Window,
    answer::LONGEST_PAUSE,
    breaker::{Breaker, Health},
    pace::Bucket,
};

/// So many requests of a connector are on their way at the same time at most.
const MOST_AT_ONCE: u32 = 8;

/// After so many good answers in a row, one more at the same time is tried again.
const GOOD_ANSWERS: u32 = 50;

/// Of all requests of one line.
#[derive(Debug)]
pub(super) struct Governor {
    state: Mutex<State>,
    changed: Notify,
    pace: Option<Pace>,
    share: f64,
}

#[derive(Debug)]
struct State {
    in_use: u32,
    at_once: u32,
    good: u32,
    /// Until when nobody asks, because the cloud wants it.
    pause: Option<Instant>,
    /// Until when nothing is left of a limit, by its name.
    used_up: HashMap<&'static str, Instant>,
    /// Until when only urgent requests ask, because others are to have their share.
    yielding: Option<Instant>,
    /// The same for what counts for one limit.
    share_used_up: HashMap<&'static str, Instant>,
    bucket: Option<Bucket>,
    breaker: Breaker,
}

/// Why somebody may not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The cloud wants a pause that is longer than anybody waits.
    Throttled(Duration),
    /// The host has not answered for a while.
    Down(Duration),
}

/// What somebody has to wait for.
enum Turn {
    Now {
        trying: bool,
    },
    /// Until a time, because the cloud wants it.
    Later(Instant),
    /// Until a time, because the host does not answer.
    Down(Instant),
    /// Until somebody else is done.
    Full,
}

/// A place among those who ask. Whoever drops it without saying what came of it has not asked.
#[derive(Debug)]
pub(super) struct Place<'a> {
    governor: &'a Governor,
    trying: bool,
}

impl Governor {
    pub(super) fn new(pace: Option<Pace>, share: f64) -> Self {
        let bucket = pace.map(|pace| Bucket::new(pace, share, Instant::now()));
        let state = State {
            in_use: 0,
            at_once: MOST_AT_ONCE,
            good: 0,
            pause: None,
            used_up: HashMap::new(),
            yielding: None,
            share_used_up: HashMap::new(),
            bucket,
            breaker: Breaker::default(),
        };
        Self { state: Mutex::new(state), changed: Notify::new(), pace, share }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place, but not longer than `patience`. Who asks for the first time does not wait for a host that does
    /// not answer.
    pub(super) async fn enter(
        &self,
        request: &Request,
        first: bool,
        patience: Duration,
    ) -> Result<Place<'_>, Refused> {
        let deadline = Instant::now() + patience;
        loop {
            let changed = self.changed.notified();
            let now = Instant::now();
            let turn = self.state().turn(request, now);
            match turn {
                Turn::Now { trying } => return Ok(Place { governor: self, trying }),
                Turn::Later(at) if at > deadline => return Err(Refused::Throttled(at - now)),
                Turn::Down(at) if first || at > deadline => return Err(Refused::Down(at - now)),
                Turn::Later(at) | Turn::Down(at) => sleep_until(at).await,
                Turn::Full => {
                    let waited = timeout_at(deadline, changed).await;
                    waited.map_err(|_| Refused::Throttled(patience))?;
                }
            }
        }
    }

    /// Nobody asks for so long.
    pub(super) fn pause(&self, time: Duration) {
        prolong(&mut self.state().pause, time);
    }

    /// Half as many ask at the same time.
    pub(super) fn halve(&self) {
        let mut state = self.state();
        state.at_once = (state.at_once / 2).max(1);
        state.good = 0;
    }

    /// What an answer says about limits.
    pub(super) fn learn(&self, limit: &'static str, quota: &Quota) {
        if let (Some(cost), Some(bucket)) = (quota.cost, &mut self.state().bucket) {
            bucket.take(f64::from(cost) - 1.0);
        }
        if let Some(window) = quota.window.filter(|window| self.is_used_up(*window)) {
            let (until, mut state) = (Instant::now() + window.ends_in, self.state());
            let nothing = window.remaining == 0;
            let limits = if nothing { &mut state.used_up } else { &mut state.share_used_up };
            limits.insert(limit, until);
        }
        if let (Some(used), Some(pace)) = (quota.used, self.pace) {
            // What is in use beyond the share is given back steadily.
            let wait = Duration::try_from_secs_f64(pace.per.as_secs_f64() * (used - self.share));
            prolong(&mut self.state().yielding, wait.unwrap_or_default().min(LONGEST_PAUSE));
        }
    }

    /// Whether of a limit no more is left than what is for others.
    fn is_used_up(&self, window: Window) -> bool {
        f64::from(window.remaining) <= f64::from(window.limit) * (1.0 - self.share)
    }
}

impl State {
    fn turn(&mut self, request: &Request, now: Instant) -> Turn {
        if let Some(until) = self.paused_until(request).filter(|until| *until > now) {
            return Turn::Later(until);
        }
        let health = self.breaker.health(now);
        if let Health::Down(until) = health {
            return Turn::Down(until);
        }
        if self.in_use >= self.at_once && !request.urgent {
            return Turn::Full;
        }
        if let Some(bucket) = &mut self.bucket {
            let ready = bucket.ready(now);
            if ready > now && !request.urgent {
                return Turn::Later(ready);
            }
            bucket.take(1.0);
        }
        let trying = health == Health::Try;
        self.breaker.tries(trying);
        self.in_use += 1;
        Turn::Now { trying }
    }

    /// Somebody at a browser is not kept waiting for what the cloud would give.
    fn paused_until(&self, request: &Request) -> Option<Instant> {
        let of = |limits: &HashMap<&str, Instant>| limits.get(request.limit).copied();
        let cloud = self.pause.max(of(&self.used_up));
        let own = self.yielding.max(of(&self.share_used_up));
        cloud.max(own.filter(|_| !request.urgent))
    }
}

/// A pause lasts for so long from now on, if it did not last longer.
fn prolong(pause: &mut Option<Instant>, time: Duration) {
    *pause = (*pause).max(Some(Instant::now() + time));
}

impl Place<'_> {
    /// The host answers.
    pub(super) fn good(mut self) {
        self.trying = false;
        let mut state = self.governor.state();
        state.breaker.good();
        state.good += 1;
        if state.good >= GOOD_ANSWERS && state.at_once < MOST_AT_ONCE {
            (state.at_once, state.good) = (state.at_once + 1, 0);
        }
    }

    /// The host does not answer, or not to anybody. Says whether it counts as down from now on.
    pub(super) fn failed(mut self) -> bool {
        self.trying = false;
        self.governor.state().breaker.failed(Instant::now())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.governor.state();
        state.in_use -= 1;
        if self.trying {
            state.breaker.tries(false);
        }
        drop(state);
        self.governor.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
