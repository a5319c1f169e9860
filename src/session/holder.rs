//! Whom a token stands for, and what an application is answered about them.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::accounts::{AGAIN, FRESH};
use crate::store::SeenUser;

/// One for each format in which an application asks, and each address that it asks at.
const MOST_ANSWERS: usize = 8;

/// The account that an application knows a token's person by. It lives for as long as the account stays as
/// it is, and with it what was answered about it.
#[derive(Debug)]
pub struct Holder {
    /// The account.
    pub seen: SeenUser,
    answers: RwLock<Vec<(String, Bytes)>>,
}

impl Holder {
    fn new(seen: SeenUser) -> Self {
        Self { seen, answers: RwLock::default() }
    }

    /// An answer that was made before under the same name, or a new one.
    pub fn answer(&self, name: &str, make: impl FnOnce() -> Bytes) -> Bytes {
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = answers.iter().find(|(known, _)| known == name) {
            return answer.clone();
        }
        drop(answers);
        let answer = make();
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() < MOST_ANSWERS {
            answers.push((name.to_owned(), answer.clone()));
        }
        answer
    }
}

/// What was read of an account, and when.
#[derive(Debug)]
pub(super) struct ReadHolder {
    pub(super) holder: Option<Arc<Holder>>,
    /// When the store has said so.
    read_at: DateTime<Utc>,
    /// When it is to be asked again.
    good_until: DateTime<Utc>,
}

impl ReadHolder {
    /// An account that was read now. Answers about it last for as long as nothing has changed.
    pub(super) fn new(seen: Option<SeenUser>, before: Option<&Self>, now: DateTime<Utc>) -> Self {
        let before = before.and_then(|before| before.holder.clone());
        let same = before.filter(|before| Some(&before.seen) == seen.as_ref());
        let holder = same.or_else(|| seen.map(|seen| Arc::new(Holder::new(seen))));
        Self { holder, read_at: now, good_until: now + FRESH }
    }

    /// The same, to be read again a little later.
    pub(super) fn postponed(&self, now: DateTime<Utc>) -> Self {
        Self { holder: self.holder.clone(), read_at: self.read_at, good_until: now + AGAIN }
    }

    pub(super) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.good_until > now
    }

    /// Whether it goes on while the store is away, which it may for so long.
    pub(super) fn is_believed(&self, now: DateTime<Utc>, outage: TimeDelta) -> bool {
        self.read_at + outage > now
    }
}
