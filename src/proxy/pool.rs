//! Connections that wait for the next request.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Target, UpstreamError, connection::Sender};

/// Tomcat closes what has been idle for 20 seconds; asking first would cost a round trip.
const MAX_IDLE: Duration = Duration::from_secs(15);

/// More would only be memory.
const MAX_CONNECTIONS: usize = 256;

/// The idle connections to one application, the last used on top: those below grow old and go.
#[derive(Debug)]
pub(super) struct Pool {
    target: Target,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

impl Pool {
    pub(super) fn new(target: Target) -> Self {
        Self { target, idle: Mutex::default() }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) async fn connect(&self) -> Result<Sender, UpstreamError> {
        self.target.connect().await
    }

    /// A connection that can be written to, as far as anybody knows.
    pub(super) fn take(&self) -> Option<Sender> {
        let mut idle = self.idle();
        while let Some(Idle { sender, since }) = idle.pop() {
            if since.elapsed() >= MAX_IDLE {
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
    pub(super) fn give_back(self: Arc<Self>, mut sender: Sender) {
        if sender.is_ready() {
            self.put(sender);
        } else if !sender.is_closed() {
            tokio::spawn(async move {
                if sender.ready().await.is_ok() {
                    self.put(sender);
                }
            });
        }
    }

    fn put(&self, sender: Sender) {
        let mut idle = self.idle();
        if idle.len() < MAX_CONNECTIONS {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
