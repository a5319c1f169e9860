//! Passwords of accounts: who may try one, how often, and what comes of it. Knows no browser.
//!
//! The gateway's own passwords are stored as argon2id hashes. Whoever checks passwords is a
//! `PasswordBackend`; what is around it (how many are checked at a time, what is wrong too often, that nobody
//! learns which accounts there are) is the same for all of them.

mod backend;
mod hashing;
mod lock_out;
mod network;
mod own_hashes;
mod places;
mod requirements;
mod setting;

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tokio::time::Instant;

use self::{
    backend::{Answer, PasswordBackend},
    hashing::{Hashing, composed},
    own_hashes::OwnHashes,
    places::{Place, Places},
};
pub use self::{
    hashing::HashingError,
    lock_out::locked_until,
    network::network,
    requirements::{LONGEST_BYTES, PasswordProblem},
    setting::SetPasswordError,
};
use crate::{
    clock::Clock,
    config::{PasswordSignIn, PasswordsConfig},
    directory::{User, UserId},
    store::{PasswordFailures, Store, StoreError, StoredPassword},
    telemetry::Metrics,
};

/// A password that is right again within an hour is not written down once more.
const COALESCE: TimeDelta = TimeDelta::hours(1);

/// Whoever is refused hears of it at the next multiple of this: how long it took says nothing.
const REFUSALS_EVERY: Duration = Duration::from_millis(100);

/// What comes of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right, and the account may be used.
    Right,
    /// It is not right.
    Wrong,
    /// The account has none, or there is no such account.
    NoPassword,
    /// Too many were wrong in a row: none is tried before then, not even the right one.
    LockedUntil(DateTime<Utc>),
    /// It is right, and has to be changed before anybody gets in with it.
    Expired,
    /// It is right, and the account may not be used.
    Inactive,
    /// It was not looked at: so many are checked already.
    Busy,
}

/// Passwords of accounts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    hashing: Arc<Hashing>,
    backend: Box<dyn PasswordBackend>,
    places: Places,
    min_length: usize,
    sign_in: PasswordSignIn,
}

impl Passwords {
    /// As the configuration says.
    pub fn new(
        config: &PasswordsConfig,
        store: Store,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, HashingError> {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        let threads = config.threads.map_or_else(cores, |threads| threads as usize);
        let hashing = Arc::new(Hashing::new()?);
        Ok(Self(Arc::new(Inner {
            backend: Box::new(OwnHashes::new(store.clone(), hashing.clone())),
            hashing,
            store,
            clock,
            metrics,
            places: Places::new(threads),
            min_length: config.min_length as usize,
            sign_in: config.sign_in,
        })))
    }

    /// Whose passwords the gateway's own page takes.
    #[must_use]
    pub fn sign_in(&self) -> PasswordSignIn {
        self.0.sign_in
    }

    /// Whether a password is an account's, as somebody at an address says. Counts what is wrong.
    ///
    /// A wrong one takes as long as one of an account that has none, or is locked.
    pub async fn check(
        &self,
        user: &User,
        password: &str,
        from: Option<IpAddr>,
    ) -> Result<Verdict, StoreError> {
        self.try_one(Some(user.clone()), password, from).await
    }

    /// The same for a name that nobody has: never right, and takes as long.
    pub async fn check_nobody(&self, password: &str) -> Result<Verdict, StoreError> {
        self.try_one(None, password, None).await
    }

    async fn try_one(
        &self,
        user: Option<User>,
        password: &str,
        from: Option<IpAddr>,
    ) -> Result<Verdict, StoreError> {
        let begun = Instant::now();
        let (inner, password) = (self.0.clone(), composed(password));
        // Whoever hangs up before the answer has tried all the same.
        let trying = tokio::spawn(async move {
            match user {
                Some(user) => inner.judge(&user, &password, from).await,
                None => inner.judge_nobody(&password).await,
            }
        });
        let verdict = trying.await.unwrap_or(Ok(Verdict::Busy))?;
        if !matches!(verdict, Verdict::Right | Verdict::Busy) {
            wait_for_next(begun, REFUSALS_EVERY).await;
        }
        Ok(verdict)
    }
}

/// Waits until a multiple of `step` has gone by.
async fn wait_for_next(begun: Instant, step: Duration) {
    let steps = begun.elapsed().as_millis() / step.as_millis() + 1;
    let steps = u32::try_from(steps).unwrap_or(u32::MAX);
    tokio::time::sleep_until(begun + step.saturating_mul(steps)).await;
}

impl Inner {
    async fn judge(
        &self,
        user: &User,
        password: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<Verdict, StoreError> {
        let stored = self.store.find_password(user.id).await?;
        let break_glass = stored.as_ref().is_some_and(|stored| stored.break_glass);
        let counted = lock_out::counted_for(break_glass, from);
        // Who is locked out takes nobody's place who is not.
        let before = self.find_failures(user.id, &counted).await?;
        let reserved = break_glass && self.locked_until(before).is_none();
        let Some(place) = self.places.take(reserved).await else {
            return Ok(Verdict::Busy);
        };
        // Looked at in the place: of many tries at once, no more go by than there are places.
        let failures = self.find_failures(user.id, &counted).await?;
        if let Some(until) = self.locked_until(failures) {
            self.backend.judge(None, password).await?;
            return Ok(Verdict::LockedUntil(until));
        }
        let answer = self.backend.judge(Some(user), password).await?;
        match answer {
            Answer::Wrong => {
                self.store.note_wrong_password(user.id, counted, self.clock.now()).await?;
            }
            Answer::Right | Answer::Expired => {
                self.note_right(user, stored.as_ref(), failures.is_some(), counted).await?;
            }
            Answer::NoPassword => {}
        }
        drop(place);
        Ok(self.conclude(user, break_glass, answer, from))
    }

    /// What an answer means for an account.
    fn conclude(
        &self,
        user: &User,
        break_glass: bool,
        answer: Answer,
        from: Option<IpAddr>,
    ) -> Verdict {
        let verdict = match answer {
            Answer::Wrong => Verdict::Wrong,
            Answer::NoPassword => Verdict::NoPassword,
            Answer::Right | Answer::Expired if user.inactive.is_some() => Verdict::Inactive,
            Answer::Expired => Verdict::Expired,
            Answer::Right => Verdict::Right,
        };
        if break_glass {
            let (name, client) = (&user.profile.username, from.map(tracing::field::display));
            self.metrics.count_break_glass(verdict == Verdict::Right);
            if verdict == Verdict::Right {
                tracing::warn!(
                    user.name = name,
                    client,
                    "THE GLASS WAS BROKEN: somebody came in with the password of an account for emergencies"
                );
            } else {
                tracing::warn!(
                    user.name = name,
                    client,
                    ?verdict,
                    "somebody has tried the password of an account for emergencies"
                );
            }
        }
        verdict
    }

    async fn judge_nobody(&self, password: &SecretString) -> Result<Verdict, StoreError> {
        let place: Option<Place> = self.places.take(false).await;
        if place.is_none() {
            return Ok(Verdict::Busy);
        }
        // As much is asked of the store as of an account's.
        let (nobody, counted) = (UserId(0), Vec::new());
        self.store.find_password(nobody).await?;
        self.find_failures(nobody, &counted).await?;
        self.find_failures(nobody, &counted).await?;
        self.backend.judge(None, password).await?;
        Ok(Verdict::NoPassword)
    }

    async fn find_failures(
        &self,
        user: UserId,
        counted: &[u8],
    ) -> Result<Option<PasswordFailures>, StoreError> {
        self.store.find_password_failures(user, counted).await
    }

    fn locked_until(&self, failures: Option<PasswordFailures>) -> Option<DateTime<Utc>> {
        let until = failures.and_then(|failures| lock_out::locked_until(&failures));
        until.filter(|until| *until > self.clock.now())
    }

    async fn note_right(
        &self,
        user: &User,
        stored: Option<&StoredPassword>,
        failed: bool,
        counted: Vec<u8>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let used_at = stored.and_then(|stored| stored.used_at);
        if failed || used_at.is_none_or(|used_at| used_at <= now - COALESCE) {
            self.store.note_right_password(user.id, counted, now).await?;
        }
        Ok(())
    }
}
