//! Connections that wait for the next request.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Target, UpstreamError, http1::Connection};

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
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(super) fn new(target: Target, limits: PoolLimits) -> Self {
        Self { target, limits, idle: Mutex::default() }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) async fn connect(&self) -> Result<Connection, UpstreamError> {
        self.target.connect(self.limits.connect_patience).await
    }

    /// A connection that can be written to, as far as anybody knows.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle();
        while let Some(Idle { mut connection, since }) = idle.pop() {
            if since.elapsed() >= self.limits.idle {
                // All below are older.
                idle.clear();
                return None;
            }
            if connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back whose answer was read to the end.
    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < self.limits.max_idle {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    /// Closes what has been idle for too long, and what the application has closed. What is used seldom grows old at the
    /// bottom, where [`Self::take`] does not come as long as there is something on top.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let is_good = |idle: &mut Idle| {
            now.duration_since(idle.since) < self.limits.idle && idle.connection.is_open()
        };
        self.idle().retain_mut(is_good);
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
