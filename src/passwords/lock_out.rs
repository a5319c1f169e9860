//! How long nobody is let in to an account after too many wrong passwords.
//!
//! Four in a row are free. The fifth locks the account for half a minute, and each one after that for twice as
//! long as the one before, up to a quarter of an hour. So nobody has more than about a hundred guesses a day.
//!
//! Whoever knows a name can keep its owner out in this way. For accounts that are for emergencies, wrong
//! passwords therefore count for the network that they come from, and lock out nobody elsewhere; these
//! passwords have to be longer instead.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use super::network;
use crate::store::PasswordFailures;

/// So many in a row are free.
const FREE: i64 = 4;

/// For so long locks the one after them.
const FIRST: TimeDelta = TimeDelta::seconds(30);

/// No lock is longer.
const LONGEST: TimeDelta = TimeDelta::minutes(15);

/// After so many it is the longest.
const MOST_DOUBLINGS: i64 = 5;

/// Until when none is tried any more; `None` if too few were wrong.
#[must_use]
pub fn locked_until(failures: &PasswordFailures) -> Option<DateTime<Utc>> {
    if failures.count <= FREE {
        return None;
    }
    let doublings = failures.count - FREE - 1;
    let mut lock = FIRST;
    for _ in 0..doublings.min(MOST_DOUBLINGS) {
        lock = (lock * 2).min(LONGEST);
    }
    Some(failures.last_at + lock)
}

/// What wrong passwords of an account are counted for: all of them together, or those of a network.
pub(super) fn counted_for(break_glass: bool, from: Option<IpAddr>) -> Vec<u8> {
    let nowhere = [0; 16];
    if break_glass { from.map_or(nowhere, network).to_vec() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_grow_and_then_grow_no_more() {
        let last_at = DateTime::UNIX_EPOCH;
        let lock = |count| locked_until(&PasswordFailures { count, last_at });
        let seconds = |count| lock(count).map(|until| (until - last_at).num_seconds());
        assert_eq!(seconds(4), None);
        let locks: Vec<_> = (5..12).filter_map(seconds).collect();
        assert_eq!(locks, [30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(seconds(i64::MAX), Some(900));
    }

    #[test]
    fn only_for_emergencies_it_matters_where_somebody_is() {
        let from = |text: &str| Some(text.parse().unwrap());
        assert_eq!(counted_for(false, from("192.0.2.1")), counted_for(false, None));
        assert_ne!(counted_for(true, from("192.0.2.1")), counted_for(true, from("192.0.2.2")));
        assert_ne!(counted_for(true, None), counted_for(false, None));
    }
}
