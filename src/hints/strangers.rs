//! Who has not proved to be the cloud: a network that does so often is not listened to for a while.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{passwords::network, telemetry::Seldom};

/// So often a network may come without a proof in so long a time.
const OFTEN: u32 = 20;
const A_WHILE: Duration = Duration::from_mins(1);

/// So many networks are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 10_000;

/// How often the log says that somebody has no proof.
const TELL: Duration = Duration::from_mins(1);

/// Those who have not proved to be the cloud.
#[derive(Debug)]
pub(super) struct Strangers {
    seen: Mutex<HashMap<[u8; 16], (u32, Instant)>>,
    seldom: Seldom,
}

impl Default for Strangers {
    fn default() -> Self {
        Self { seen: Mutex::default(), seldom: Seldom::every(TELL) }
    }
}

impl Strangers {
    /// Whether a network has come too often without a proof.
    pub(super) fn is_known(&self, client: IpAddr) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = seen.get(&network(client));
        found.is_some_and(|(count, since)| *count >= OFTEN && since.elapsed() < A_WHILE)
    }

    /// Somebody has come without a proof.
    pub(super) fn note(&self, client: IpAddr, connector: &str) {
        self.count(client);
        if self.seldom.is_due() {
            tracing::warn!(connector, %client, "somebody sends hints who has not proved to be the cloud");
        }
    }

    fn count(&self, client: IpAddr) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        let (count, since) = seen.entry(network(client)).or_insert((0, Instant::now()));
        if since.elapsed() >= A_WHILE {
            (*count, *since) = (0, Instant::now());
        }
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_often_without_a_proof_is_not_listened_to_for_a_while() {
        let strangers = Strangers::default();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..OFTEN {
            assert!(!strangers.is_known(one));
            strangers.note(one, "corp");
        }
        assert!(strangers.is_known(one) && !strangers.is_known(other));
        tokio::time::advance(A_WHILE).await;
        assert!(!strangers.is_known(one));
        strangers.note(one, "corp");
        assert!(!strangers.is_known(one), "it is counted anew");
    }
}
