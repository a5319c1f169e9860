//! How often somebody may fail, begin, or go round in circles.
//!
//! Each replica counts for itself, in memory. What succeeds is never counted: a company behind one address
//! can log in as often as it likes.

mod attempt;
mod buckets;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

pub(super) use self::attempt::Attempt;
use self::buckets::{Buckets, Key};
use super::Login;
use crate::{
    directory::NameKey, http::Error, passwords::network, provisioning::Claims, secrets::sha256,
};

/// Failures of one network, and in how many seconds they are forgiven.
const FAILURES: (i32, i64) = (60, 120);

/// Refusals of one account.
const REFUSALS: (i32, i64) = (10, 300);

/// Logins of one network that wait for an identity provider's answer. On Monday at nine there are many.
const BEGUN: (i32, i64) = (600, 600);

/// Logins of one browser to the same page. Browsers themselves give up after 20 redirects, which are six.
const ROUNDS: (i32, i64) = (5, 60);

/// So many at a time are tried of those whose network has failed too often.
const SLOW_LANE: usize = 2;

/// For so long somebody waits for a place there.
const WAIT: Duration = Duration::from_secs(2);

/// No more logins are written down: a row has about 1 KiB.
const MAX_BEGUN_IN_ALL: i64 = 200_000;

/// How long a count of them is believed.
const COUNTED: TimeDelta = TimeDelta::seconds(10);

/// What is counted.
#[derive(Debug)]
pub struct Limits {
    failures: Mutex<Buckets>,
    refusals: Mutex<Buckets>,
    begun: Mutex<Buckets>,
    rounds: Mutex<Buckets>,
    slow_lane: Arc<Semaphore>,
    /// How many logins are written down, and when that was read.
    written: Mutex<(i64, DateTime<Utc>)>,
}

impl Default for Limits {
    fn default() -> Self {
        let buckets = |(size, seconds)| Mutex::new(Buckets::new(size, seconds));
        Self {
            failures: buckets(FAILURES),
            refusals: buckets(REFUSALS),
            begun: buckets(BEGUN),
            rounds: buckets(ROUNDS),
            slow_lane: Arc::new(Semaphore::new(SLOW_LANE)),
            written: Mutex::new((0, DateTime::UNIX_EPOCH)),
        }
    }
}

fn open<T>(counted: &Mutex<T>) -> MutexGuard<'_, T> {
    counted.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(parts: &[&[u8]]) -> Key {
    let mut key = [0; 16];
    key.copy_from_slice(&sha256(&parts.join(&0))[..16]);
    key
}

/// An account, however its name is written.
fn account(claims: &Claims) -> Key {
    let username = NameKey::of(&claims.profile.username);
    key(&[claims.identity.issuer.0.as_bytes(), username.as_str().as_bytes()])
}

/// A place in the slow lane, for as long as a try takes; none for those who need none.
pub(super) type Admission = Option<OwnedSemaphorePermit>;

impl Login {
    /// Lets somebody try. A network that has failed too often goes by the slow lane, so that those in it
    /// who do nothing wrong get in as well.
    pub(super) async fn admit(&self, client: IpAddr) -> Result<Admission, Error> {
        let key = network(client);
        let looked = open(&self.limits.failures).look(key, self.clock.now());
        match looked {
            Ok(()) => Ok(None),
            Err(seconds) => self.take_slow_lane(seconds).await.map(Some),
        }
    }

    /// A place in the slow lane, for a network that has failed too often for so many seconds more.
    async fn take_slow_lane(&self, seconds: u32) -> Result<OwnedSemaphorePermit, Error> {
        let waited = timeout(WAIT, self.limits.slow_lane.clone().acquire_owned()).await;
        waited.ok().and_then(Result::ok).ok_or_else(|| self.too_many("failures", seconds))
    }

    /// Counts a failure: what somebody is told of it, or that there were too many.
    pub(super) fn failed(&self, client: IpAddr, error: Error) -> Error {
        let taken = open(&self.limits.failures).take(network(client), self.clock.now());
        match taken {
            Ok(()) => error,
            Err(seconds) => self.too_many("failures", seconds).caused_by(error.code()),
        }
    }

    /// Refuses somebody who was refused too often, before it costs anything.
    pub(super) fn admit_account(&self, claims: &Claims) -> Result<(), Error> {
        let looked = open(&self.limits.refusals).look(account(claims), self.clock.now());
        looked.map_err(|seconds| self.too_many("account", seconds))
    }

    /// Counts that somebody was refused who has proven who they are.
    pub(super) fn count_refusal(&self, claims: &Claims) {
        let _ = open(&self.limits.refusals).take(account(claims), self.clock.now());
    }

    /// Counts a login that is written down until an identity provider answers.
    pub(super) async fn count_begun(&self, client: IpAddr) -> Result<(), Error> {
        if self.count_written().await? >= MAX_BEGUN_IN_ALL {
            self.metrics.count_limited("begun");
            let cause = format!("{MAX_BEGUN_IN_ALL} logins are under way");
            return Err(Error::unavailable(cause).with_retry_after(60));
        }
        let taken = open(&self.limits.begun).take(network(client), self.clock.now());
        taken.map_err(|seconds| self.too_many("begun", seconds))?;
        open(&self.limits.written).0 += 1;
        Ok(())
    }

    /// A login that was finished counts no more.
    pub(super) fn forget_begun(&self, client: IpAddr) {
        open(&self.limits.begun).give_back(network(client), self.clock.now());
    }

    async fn count_written(&self) -> Result<i64, Error> {
        let now = self.clock.now();
        let (count, read_at) = *open(&self.limits.written);
        if now - read_at < COUNTED {
            return Ok(count);
        }
        let count = self.store.count_login_states().await.map_err(Error::unavailable)?;
        *open(&self.limits.written) = (count, now);
        Ok(count)
    }

    /// Counts a round of a browser to a page; `false` if it was there too often.
    pub(super) fn count_round(&self, browser: &[u8], app: &str, target: &str) -> bool {
        let key = key(&[browser, app.as_bytes(), target.as_bytes()]);
        open(&self.limits.rounds).take(key, self.clock.now()).is_ok()
    }

    fn too_many(&self, limit: &'static str, seconds: u32) -> Error {
        self.metrics.count_limited(limit);
        let whose = if limit == "account" { "your account" } else { "your network" };
        let what = if limit == "begun" { "were begun and not finished" } else { "have failed" };
        let sentence =
            format!("Too many sign-ins of {whose} {what}. Try again in {seconds} seconds.");
        Error::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", sentence)
            .with_retry_after(seconds)
            .caused_by(limit)
    }
}
