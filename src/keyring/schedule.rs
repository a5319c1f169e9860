//! Which key signs when: pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::StoredSigningKey;

/// A key is published so long before it signs.
pub(super) const ANNOUNCED: TimeDelta = TimeDelta::days(1);

/// And so long after it no longer does: longer than what it has signed is good for.
pub(super) const KEPT: TimeDelta = TimeDelta::days(1);

/// What a key does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It will sign; applications hear of it already.
    Announced,
    /// It signs.
    Signs,
    /// It has signed: what it signed can still be verified.
    Kept,
}

/// A key as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// What applications know it by.
    pub id: String,
    /// What it does.
    pub state: KeyState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it began to sign, or will.
    pub signs_from: DateTime<Utc>,
}

/// The key that signs: the newest whose time has come. Of one that another gateway has made just now, by a
/// clock that is ahead, the time has come as well.
pub(super) fn signer<'a>(
    keys: &[&'a StoredSigningKey],
    now: DateTime<Utc>,
) -> Option<&'a StoredSigningKey> {
    let due = keys.iter().rev().find(|key| key.signs_from <= now);
    due.or(keys.first()).copied()
}

/// Whether the newest key has signed for so long that another one is to follow.
pub(super) fn is_due(
    keys: &[StoredSigningKey],
    rotate_after: TimeDelta,
    now: DateTime<Utc>,
) -> bool {
    keys.last().is_some_and(|newest| newest.signs_from + rotate_after <= now)
}

/// The keys whose successors have signed for long enough.
pub(super) fn outlived(
    keys: &[StoredSigningKey],
    now: DateTime<Utc>,
) -> impl Iterator<Item = &StoredSigningKey> {
    let last = keys.iter().rev().find(|key| key.signs_from + KEPT <= now);
    let last = last.map_or(i64::MIN, |key| key.number);
    keys.iter().take_while(move |key| key.number < last)
}

/// Every key with what it does.
pub(super) fn listed(keys: &[StoredSigningKey], now: DateTime<Utc>) -> Vec<ListedKey> {
    let signs = signer(&keys.iter().collect::<Vec<_>>(), now).map(|key| key.number);
    let state = |key: &StoredSigningKey| match signs {
        Some(number) if key.number == number => KeyState::Signs,
        Some(number) if key.number > number => KeyState::Announced,
        _ => KeyState::Kept,
    };
    let list = |key: &StoredSigningKey| ListedKey {
        id: key.id.clone(),
        state: state(key),
        created_at: key.created_at,
        signs_from: key.signs_from,
    };
    keys.iter().map(list).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn key(number: i64, signs_from: i64) -> StoredSigningKey {
        StoredSigningKey {
            number,
            id: number.to_string(),
            point: Vec::new(),
            sealed: Vec::new(),
            created_at: at(0),
            signs_from: at(signs_from),
        }
    }

    fn signs(keys: &[StoredSigningKey], hour: i64) -> Option<i64> {
        signer(&keys.iter().collect::<Vec<_>>(), at(hour)).map(|key| key.number)
    }

    #[test]
    fn an_announced_key_waits_until_its_time_and_one_of_now_overtakes_it() {
        let mut keys = vec![key(1, 0), key(2, 24)];
        assert_eq!([signs(&keys, 23), signs(&keys, 24)], [Some(1), Some(2)]);
        keys.push(key(3, 12));
        assert_eq!(
            [signs(&keys, 11), signs(&keys, 12), signs(&keys, 30)],
            [Some(1), Some(3), Some(3)]
        );
        assert_eq!(signs(&[key(1, 1)], 0), Some(1), "made by a clock that is ahead");
        assert_eq!(signs(&[], 0), None);
    }

    #[test]
    fn a_key_is_kept_for_a_day_after_its_successor_began() {
        let keys = [key(1, 0), key(2, 100), key(3, 200)];
        let outlived = |hour| outlived(&keys, at(hour)).map(|key| key.number).collect::<Vec<_>>();
        assert_eq!(outlived(123), [0; 0]);
        assert_eq!(outlived(124), [1]);
        assert_eq!(outlived(500), [1, 2]);
    }

    #[test]
    fn a_successor_is_due_once() {
        let days = TimeDelta::hours(90);
        assert!(!is_due(&[key(1, 0)], days, at(89)));
        assert!(is_due(&[key(1, 0)], days, at(90)));
        assert!(!is_due(&[key(1, 0), key(2, 114)], days, at(90)));
    }
}
