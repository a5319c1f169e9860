//! Starting background work, and stopping all of it.

mod orders;
mod service_manager;

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::FutureExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    orders::{Order, Orders, Reloaded},
    service_manager::ServiceManager,
};

/// Whatever has panicked begins again no sooner than this: what panics each time must not take a whole core.
const AFTER_A_PANIC: Duration = Duration::from_secs(10);

/// Hears the name of what has panicked.
type Hears = Arc<dyn Fn(&'static str) + Send + Sync>;

/// What runs besides requests. What panics is told and goes on at its next turn: nothing ends in silence.
#[derive(Clone, Default)]
pub struct Background {
    stop: CancellationToken,
    tasks: TaskTracker,
    hears: Option<Hears>,
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Background").field("tasks", &self.tasks.len()).finish_non_exhaustive()
    }
}

impl Background {
    /// With somebody who hears the name of whatever panics, beside the log.
    #[must_use]
    pub fn heard_by(self, hears: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        Self { hears: Some(Arc::new(hears)), ..self }
    }

    /// Runs `job` now and then every `interval`, until the gateway stops. `name` says what it does.
    ///
    /// A job that has started runs to its end; the next does not start before.
    pub fn every<F>(
        &self,
        name: &'static str,
        interval: Duration,
        mut job: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send,
    {
        let background = self.clone();
        self.tasks.spawn(async move {
            while !background.stop.is_cancelled() {
                let turn = async { job().await };
                let wait = match background.attempt(name, turn).await {
                    Some(()) => interval,
                    None => interval.max(AFTER_A_PANIC),
                };
                let _ = background.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            }
        });
    }

    /// Follows something for as long as the gateway runs: what `follow` begins has no end of its own, and is begun anew
    /// when it has panicked.
    pub fn follow<F>(&self, name: &'static str, mut follow: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        let background = self.clone();
        self.tasks.spawn(async move {
            let following = async {
                while background.attempt(name, async { follow().await }).await.is_none() {
                    tokio::time::sleep(AFTER_A_PANIC).await;
                }
            };
            let _ = background.stop.run_until_cancelled(following).await;
        });
    }

    /// Runs a task that ends by itself when [`Background::stopping`] says so.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let background = self.clone();
        self.tasks.spawn(async move {
            let _ = background.attempt(name, task).await;
        });
    }

    /// Does something to its end; nothing comes of it if it panics, which is told.
    pub async fn attempt<T>(&self, name: &'static str, work: impl Future<Output = T>) -> Option<T> {
        // What a panic leaves by half is what a killed gateway would leave too.
        let done = AssertUnwindSafe(work).catch_unwind().await;
        if done.is_err() {
            tracing::error!(work = name, "background work panicked: it goes on at its next turn");
            if let Some(hears) = &self.hears {
                hears(name);
            }
        }
        done.ok()
    }

    /// Cancelled when the gateway stops.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Work that can be asked to stop before the rest, with which it stops at the latest.
    #[must_use]
    pub fn part(&self) -> Self {
        Self { stop: self.stop.child_token(), ..self.clone() }
    }

    /// Asks everything to stop, without waiting for it.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Lets running work end, but waits no longer than `grace`.
    pub async fn shut_down(&self, grace: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "gave up waiting for background work");
        }
    }
}

/// How long to wait before something is tried again that has failed so many times: twice as long after each, up to the
/// longest.
#[must_use]
pub fn growing_pause(first: TimeDelta, failures: i64, longest: TimeDelta) -> TimeDelta {
    let times = u32::try_from(failures).ok().and_then(|failures| 2_i32.checked_pow(failures));
    let pause = times.and_then(|times| first.checked_mul(times));
    pause.map_or(longest, |pause| pause.min(longest))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn runs_at_once_and_then_by_interval_until_stopped() {
        let runs = Arc::new(AtomicU32::new(0));
        let background = Background::default();
        background.every("work", Duration::from_hours(1), {
            let runs = runs.clone();
            move || {
                runs.fetch_add(1, Ordering::Relaxed);
                std::future::ready(())
            }
        });

        tokio::time::sleep(Duration::from_mins(150)).await;
        background.shut_down(Duration::from_secs(1)).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }

    /// Counts its turns, and panics in each but every third.
    fn panicking(turns: &Arc<AtomicU32>) -> impl Future<Output = ()> + Send + use<> {
        let turns = turns.clone();
        async move {
            let turn = turns.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::task::yield_now().await;
            assert!(turn.is_multiple_of(3), "a panic of the test's");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_panics_is_heard_of_and_goes_on_at_its_next_turn_and_never_spins() {
        let (turns, heard) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let background = Background::default().heard_by({
            let heard = heard.clone();
            move |name| {
                assert_eq!(name, "work");
                heard.fetch_add(1, Ordering::Relaxed);
            }
        });
        background.every("work", Duration::from_millis(1), {
            let turns = turns.clone();
            move || panicking(&turns)
        });
        tokio::time::sleep(Duration::from_secs(59)).await;
        background.shut_down(Duration::from_secs(1)).await;
        let (turns, heard) = (turns.load(Ordering::Relaxed), heard.load(Ordering::Relaxed));
        assert!((8..=10).contains(&turns) && (5..=7).contains(&heard), "{turns} {heard}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_followed_is_followed_again_after_a_panic() {
        let turns = Arc::new(AtomicU32::new(0));
        let background = Background::default();
        background.follow("work", {
            let turns = turns.clone();
            move || panicking(&turns)
        });
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(turns.load(Ordering::Relaxed), 3, "the third came to its end");
        background.shut_down(Duration::from_secs(1)).await;
    }

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pause = |failures| {
            growing_pause(TimeDelta::seconds(2), failures, TimeDelta::hours(1)).num_seconds()
        };
        assert_eq!([0, 1, 3, 19, i64::MAX].map(pause), [2, 4, 16, 3600, 3600]);
    }
}
