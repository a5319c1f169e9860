//! Connections that wait for the next request.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Target, UpstreamError, connection::Sender};

/// Which connections are made, and which are kept.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// How long an address may take to accept one.
    pub connect_patience: Duration,
    /// So many are kept that nobody uses.
    pub max_idle: usize,
    /// How long they are kept: less than the application keeps them. Asking first whether one is still good would cost a
    /// round trip.
    pub idle: Duration,
}

/// The idle connections to one address, the last used on top: those below grow old and go.
#[derive(Debug)]
pub(super) struct Pool {
    target: Target,
    limits: PoolLimits,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    pub(super) fn new(target: Target, limits: PoolLimits) -> Self {
        Self { target, limits, idle: Mutex::default() }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) async fn connect(&self) -> Result<Sender, UpstreamError> {
        self.target.connect(self.limits.connect_patience).await
    }

    /// A connection that can be written to, as far as anybody knows.
    pub(super) fn take(&self) -> Option<Sender> {
        let mut idle = self.idle();
        while let Some(Idle { sender, since }) = idle.pop() {
            if since.elapsed() >= self.limits.idle {
                // All below are older.
                idle.clear();
                return None;
            }
            if sender.is_ready() {
                return Some(sender);
            }
        }
        None
    }

    /// Takes a connection back whose answer was read to the end. Its request may still be being sent.
    pub(super) fn give_back(self: &Arc<Self>, mut sender: Sender) {
        if sender.is_ready() {
            self.put(sender);
        } else if !sender.is_closed() {
            let pool = self.clone();
            tokio::spawn(async move {
                if sender.ready().await.is_ok() {
                    pool.put(sender);
                }
            });
        }
    }

    fn put(&self, sender: Sender) {
        let (mut idle, since) = (self.idle(), Instant::now());
        // What is used seldom grows old at the bottom, where `take` does not come as long as there is something on top.
        let is_old = |idle: &Idle| since - idle.since >= self.limits.idle;
        if idle.first().is_some_and(is_old) {
            let old = idle.iter().take_while(|idle| is_old(idle)).count();
            idle.drain(..old);
        }
        if idle.len() < self.limits.max_idle {
            idle.push(Idle { sender, since });
        }
    }

    /// Closes a connection that nobody uses, to make room for one of another kind.
    pub(super) fn close_one(&self) {
        self.idle().pop();
    }

    /// So many connections nobody uses.
    pub(super) fn idle_count(&self) -> usize {
        self.idle().len()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
