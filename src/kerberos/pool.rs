//! Threads that check tokens, and the queue before them.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use super::{Accepted, NegotiateError, Token};

/// Checks one token; each thread has its own.
pub(super) type Check = Box<dyn FnMut(&Token) -> Result<Accepted, NegotiateError> + Send>;

/// A check takes 0.1 ms; who waits longer than this is better served by another way to log in.
const PATIENCE: Duration = Duration::from_secs(5);

struct Job {
    token: Token,
    answer: oneshot::Sender<Result<Accepted, NegotiateError>>,
}

/// The threads end when the pool is dropped.
#[derive(Debug)]
pub(super) struct Pool {
    queue: SyncSender<Job>,
}

impl Pool {
    /// Starts a thread for each check.
    pub(super) fn start(checks: Vec<Check>, queue_length: usize) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(queue_length);
        let jobs = Arc::new(Mutex::new(jobs));
        for check in checks {
            let jobs = Arc::clone(&jobs);
            let thread = thread::Builder::new().name("kerberos".to_owned());
            thread.spawn(move || work(&jobs, check))?;
        }
        Ok(Self { queue })
    }

    /// Waits for the answer of one of the threads.
    pub(super) async fn check(&self, token: Token) -> Result<Accepted, NegotiateError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Job { token, answer }).map_err(|error| match error {
            TrySendError::Full(_) => NegotiateError::Busy,
            TrySendError::Disconnected(_) => NegotiateError::Crashed,
        })?;
        match timeout(PATIENCE, answered).await {
            Ok(answer) => answer.unwrap_or(Err(NegotiateError::Crashed)),
            Err(_) => Err(NegotiateError::TimedOut),
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>, mut check: Check) {
    // The lock is let go before the work begins: the guard lives for this statement only.
    while let Ok(job) = { jobs.lock().unwrap_or_else(PoisonError::into_inner).recv() } {
        if job.answer.is_closed() {
            continue;
        }
        // One token that panics must not take the thread from all others.
        let result = catch_unwind(AssertUnwindSafe(|| check(&job.token)));
        let answer = result.unwrap_or_else(|_| {
            tracing::error!(ticket = %job.token.ticket(), "the check of a Kerberos token panicked");
            Err(NegotiateError::Crashed)
        });
        // Nobody waits any more if the browser went away.
        let _ = job.answer.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::kerberos::token::sample;

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_thread() {
        let mut calls = 0;
        let check: Check = Box::new(move |_| {
            calls += 1;
            assert!(calls > 1, "the first one");
            Err(NegotiateError::Replay)
        });
        let pool = Pool::start(vec![check], 1).unwrap();
        assert_eq!(pool.check(sample()).await.unwrap_err(), NegotiateError::Crashed);
        assert_eq!(pool.check(sample()).await.unwrap_err(), NegotiateError::Replay);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_busy_and_a_stuck_check_times_out() {
        let (release, stuck) = mpsc::channel::<()>();
        let check: Check = Box::new(move |_| {
            let _ = stuck.recv();
            Err(NegotiateError::Replay)
        });
        let pool = Pool::start(vec![check], 1).unwrap();
        // At most one is taken by the thread and one waits.
        let (a, b, c) =
            tokio::join!(pool.check(sample()), pool.check(sample()), pool.check(sample()));
        let errors = [a, b, c].map(Result::unwrap_err);
        assert!(errors.contains(&NegotiateError::Busy), "{errors:?}");
        assert!(errors.contains(&NegotiateError::TimedOut), "{errors:?}");
        drop(release);
    }
}
