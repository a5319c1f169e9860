//! Tries that take a while to be judged.

use std::net::IpAddr;

use tokio::sync::OwnedSemaphorePermit;

use super::open;
use crate::{http::Error, login::Login, passwords::network};

/// A try that is being judged.
#[derive(Debug)]
pub(in crate::login) enum Attempt {
    /// It counts as a failure of its network already, until it turns out to be none.
    Counted,
    /// Its network has failed too often: it has a place in the slow lane until it is over.
    Slow { _place: OwnedSemaphorePermit },
}

impl Login {
    /// Begins a try. It counts before it is judged: of many at once, no more go by than may fail.
    pub(in crate::login) async fn begin_attempt(&self, client: IpAddr) -> Result<Attempt, Error> {
        let taken = open(&self.limits.failures).take(network(client), self.clock.now());
        match taken {
            Ok(()) => Ok(Attempt::Counted),
            Err(seconds) => Ok(Attempt::Slow { _place: self.take_slow_lane(seconds).await? }),
        }
    }

    /// A try was no failure.
    pub(in crate::login) fn forgive(&self, client: IpAddr, attempt: &Attempt) {
        if matches!(attempt, Attempt::Counted) {
            open(&self.limits.failures).give_back(network(client), self.clock.now());
        }
    }

    /// A try has failed: what somebody is told of it, or that there were too many.
    pub(in crate::login) fn failed_attempt(
        &self,
        client: IpAddr,
        attempt: &Attempt,
        error: Error,
    ) -> Error {
        match attempt {
            Attempt::Counted => error,
            Attempt::Slow { .. } => self.failed(client, error),
        }
    }
}
