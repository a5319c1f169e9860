//! Starting background work, and stopping all of it.

mod orders;
mod service_manager;

use std::{future::Future, time::Duration};

use chrono::TimeDelta;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::{
    orders::{Order, Orders, Reloaded},
    service_manager::ServiceManager,
};

/// What runs besides requests.
#[derive(Clone, Debug, Default)]
pub struct Background {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Background {
    /// Runs `job` now and then every `interval`, until the gateway stops.
    ///
    /// A job that has started runs to its end; the next does not start before.
    pub fn every<F>(&self, interval: Duration, mut job: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            while !stop.is_cancelled() {
                job().await;
                tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    () = stop.cancelled() => {}
                }
            }
        });
    }

    /// Runs a task that ends by itself when [`Background::stopping`] says so.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Cancelled when the gateway stops.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Work that can be asked to stop before the rest, with which it stops at the latest.
    #[must_use]
    pub fn part(&self) -> Self {
        Self { stop: self.stop.child_token(), tasks: self.tasks.clone() }
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
        background.every(Duration::from_hours(1), {
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

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pause = |failures| {
            growing_pause(TimeDelta::seconds(2), failures, TimeDelta::hours(1)).num_seconds()
        };
        assert_eq!([0, 1, 3, 19, i64::MAX].map(pause), [2, 4, 16, 3600, 3600]);
    }
}
