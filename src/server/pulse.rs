//! Whether somebody still wants something of a connection.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// From the first to the last byte of a request's head.
pub(super) const HEAD: Duration = Duration::from_secs(30);

/// How late it may be noticed that a head is late, or that nobody asks any more.
const SLACK: Duration = Duration::from_secs(10);

/// What happens on a connection, told by those who read from it and who answer, and asked now and then.
#[derive(Debug)]
pub(super) struct Pulse {
    began: Instant,
    keep_alive: Duration,
    /// Whether a request has come.
    served: AtomicBool,
    /// Requests whose answer has not begun.
    under_way: AtomicUsize,
    /// When the last one began or was answered, in milliseconds since the beginning.
    asked: AtomicU64,
    /// When the first byte came that belongs to no request yet; 0 if none has.
    begun: AtomicU64,
}

/// A request that is not answered yet.
pub(super) struct Beat<'a>(&'a Pulse);

impl Drop for Beat<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        self.0.asked.store(self.0.millis(), Ordering::Relaxed);
    }
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on; it is asked again then.
    GoesOn(Instant),
    /// Nobody has asked for anything for long: it ends as soon as nothing is under way.
    Leave,
    /// Not even a first request has come: it ends.
    Late,
}

impl Pulse {
    pub(super) fn begin(keep_alive: Duration) -> Self {
        Self {
            began: Instant::now(),
            keep_alive,
            served: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            asked: AtomicU64::new(0),
            begun: AtomicU64::new(0),
        }
    }

    /// Whether a request has come.
    pub(super) fn served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// Bytes have come. Those that come while a request is under way are its body's, or belong to one that waits for it.
    pub(super) fn heard(&self) {
        let order = Ordering::Relaxed;
        if self.under_way.load(order) == 0 && self.begun.load(order) == 0 {
            self.begun.store(self.millis().max(1), order);
        }
    }

    /// A request has come. It is answered when what this gives is dropped.
    pub(super) fn ask(&self) -> Beat<'_> {
        self.served.store(true, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.begun.store(0, Ordering::Relaxed);
        self.asked.store(self.millis(), Ordering::Relaxed);
        Beat(self)
    }

    /// When it is to be asked first.
    pub(super) fn first_look(&self) -> Instant {
        self.began + HEAD.min(self.keep_alive)
    }

    /// What is to become of the connection now.
    pub(super) fn judge(&self) -> Verdict {
        let now = Instant::now();
        if !self.served() {
            let end = self.began + HEAD;
            return if now >= end { Verdict::Late } else { Verdict::GoesOn(end) };
        }
        let since =
            |millis: &AtomicU64| self.began + Duration::from_millis(millis.load(Ordering::Relaxed));
        let is_busy = self.under_way.load(Ordering::Relaxed) > 0;
        let head_began = self.begun.load(Ordering::Relaxed) > 0;
        let end = since(&self.asked) + self.keep_alive;
        if is_busy {
            return Verdict::GoesOn(now + self.keep_alive.min(SLACK));
        }
        if now >= end || head_began && now >= since(&self.begun) + HEAD {
            return Verdict::Leave;
        }
        Verdict::GoesOn(end.min(now + SLACK))
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const KEEP_ALIVE: Duration = Duration::from_secs(75);

    /// For how long a connection goes on, as whoever asks when they are to sees it.
    async fn goes_on(pulse: &Pulse) -> (Duration, Verdict) {
        let began = Instant::now();
        loop {
            match pulse.judge() {
                Verdict::GoesOn(until) => tokio::time::sleep_until(until).await,
                end => return (began.elapsed(), end),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_ask_in_time_is_late_however_slowly_something_comes() {
        let pulse = Pulse::begin(KEEP_ALIVE);
        pulse.heard();
        assert_eq!(goes_on(&pulse).await, (HEAD, Verdict::Late));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_asked_may_be_idle_for_long_but_not_begin_and_not_end() {
        let pulse = Pulse::begin(KEEP_ALIVE);
        let asked = pulse.ask();
        advance(Duration::from_mins(10)).await;
        assert!(matches!(pulse.judge(), Verdict::GoesOn(_)), "an answer takes as long as it takes");
        drop(asked);
        assert_eq!(goes_on(&pulse).await, (KEEP_ALIVE, Verdict::Leave));

        let pulse = Pulse::begin(KEEP_ALIVE);
        drop(pulse.ask());
        pulse.heard();
        let (after, end) = goes_on(&pulse).await;
        assert!(after >= HEAD && after <= HEAD + SLACK && end == Verdict::Leave, "{after:?}");
    }
}
