//! Token buckets: how often something may happen, for each of many.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

/// Who is counted: an address, an account, a browser on its way.
pub(super) type Key = [u8; 16];

/// So many are remembered, twice over. Beyond, those that were not seen for longest are forgotten, and
/// begin anew.
const REMEMBERED: usize = 50_000;

/// A bucket for each of many: full at first, a token out for each time, and filled again by and by.
///
/// Of each bucket one time is kept: when it will be full again.
#[derive(Debug)]
pub(super) struct Buckets {
    /// How long it takes until there is another token.
    per_token: TimeDelta,
    /// How long it takes until an empty bucket is full.
    in_all: TimeDelta,
    /// Seen lately, and before: when the first are many, they become the second.
    young: HashMap<Key, DateTime<Utc>>,
    old: HashMap<Key, DateTime<Utc>>,
}

impl Buckets {
    /// Buckets of that size, which are full again after so many seconds.
    pub(super) fn new(size: i32, seconds: i64) -> Self {
        let per_token = TimeDelta::seconds(seconds) / size;
        let (young, old) = (HashMap::new(), HashMap::new());
        Self { per_token, in_all: per_token * size, young, old }
    }

    /// Takes a token; of an empty bucket, how many seconds there will be none.
    pub(super) fn take(&mut self, key: Key, now: DateTime<Utc>) -> Result<(), u32> {
        self.look(key, now)?;
        let full = self.full(&key, now) + self.per_token;
        self.put(key, full);
        Ok(())
    }

    /// Whether there is a token, without taking it.
    pub(super) fn look(&self, key: Key, now: DateTime<Utc>) -> Result<(), u32> {
        let missing = self.full(&key, now) + self.per_token - now - self.in_all;
        if missing <= TimeDelta::zero() {
            return Ok(());
        }
        let seconds = (missing + TimeDelta::milliseconds(999)).num_seconds();
        Err(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// Puts a token back.
    pub(super) fn give_back(&mut self, key: Key, now: DateTime<Utc>) {
        let full = self.full(&key, now) - self.per_token;
        self.put(key, full);
    }

    fn full(&self, key: &Key, now: DateTime<Utc>) -> DateTime<Utc> {
        let kept = self.young.get(key).or_else(|| self.old.get(key));
        kept.copied().map_or(now, |full| full.max(now))
    }

    fn put(&mut self, key: Key, full: DateTime<Utc>) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Key {
        u128::from(number).to_be_bytes()
    }

    #[test]
    fn a_bucket_is_emptied_and_filled_again_by_and_by() {
        let mut buckets = Buckets::new(3, 30);
        let start = DateTime::UNIX_EPOCH;
        for _ in 0..3 {
            assert_eq!(buckets.take(key(1), start), Ok(()));
        }
        assert_eq!(buckets.take(key(1), start), Err(10));
        assert_eq!(buckets.look(key(1), start + TimeDelta::seconds(4)), Err(6));
        assert_eq!(buckets.take(key(2), start), Ok(()), "somebody else's");
        let later = start + TimeDelta::seconds(10);
        assert_eq!(buckets.take(key(1), later), Ok(()));
        assert_eq!(buckets.take(key(1), later), Err(10));
        buckets.give_back(key(1), later);
        assert_eq!(buckets.take(key(1), later), Ok(()));
        assert!(buckets.take(key(1), start).is_err(), "a clock that goes back gives nothing");
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut buckets = Buckets::new(1, 3600);
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(buckets.take(key(0), now), Ok(()));
        for number in 1..300_000 {
            let _ = buckets.take(key(number), now);
        }
        assert!(buckets.young.len() + buckets.old.len() <= 2 * REMEMBERED);
        assert_eq!(buckets.take(key(0), now), Ok(()), "forgotten");
        assert!(buckets.take(key(299_999), now).is_err(), "remembered");
    }
}
