//! Does not ask who has not answered for a while.

use std::time::Duration;

use tokio::time::Instant;

/// After so many failures in a row nobody asks for a while. More than one request's tries, so that one that is
/// answered badly for reasons of its own does not keep all others from asking.
const FAILURES: u32 = 10;

/// So long; twice as long each time that trying once showed no better.
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(5);

/// What is known of a host's health.
#[derive(Debug)]
pub(super) struct Breaker {
    failures: u32,
    open: Option<Instant>,
    next: Duration,
    /// Whether somebody is trying whether it is there again.
    trying: bool,
}

/// Whether to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// As usual.
    Good,
    /// Try whether it is there again.
    Try,
    /// Not before this.
    Down(Instant),
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 0, open: None, next: FIRST, trying: false }
    }
}

impl Breaker {
    pub(super) fn health(&self, now: Instant) -> Health {
        match self.open {
            None => Health::Good,
            Some(until) if now < until => Health::Down(until),
            Some(_) if self.trying => Health::Down(now + Duration::from_secs(1)),
            Some(_) => Health::Try,
        }
    }

    pub(super) fn tries(&mut self, trying: bool) {
        self.trying = trying;
    }

    pub(super) fn good(&mut self) {
        *self = Self::default();
    }

    /// Whether the host counts as down from now on.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.failures += 1;
        self.trying = false;
        if self.failures < FAILURES || self.open.is_some_and(|until| now < until) {
            return false;
        }
        self.open = Some(now + self.next);
        self.next = (self.next * 2).min(LONGEST);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asks_for_a_while_and_then_one_does() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURES {
            assert!(!breaker.failed(now));
        }
        assert_eq!(breaker.health(now), Health::Good);
        assert!(breaker.failed(now));
        assert_eq!(breaker.health(now), Health::Down(now + FIRST));
        let later = now + FIRST;
        assert_eq!(breaker.health(later), Health::Try);
        breaker.tries(true);
        assert!(matches!(breaker.health(later), Health::Down(_)), "one is enough");
        breaker.failed(later);
        assert_eq!(breaker.health(later), Health::Down(later + FIRST * 2));
        breaker.good();
        assert_eq!(breaker.health(later), Health::Good);
        assert!(!breaker.failed(later), "it is counted from the beginning");
    }
}
