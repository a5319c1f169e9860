//! How many connections there are, of everybody and of one client.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    passwords::network,
    telemetry::{ListeningMetrics, Metrics, Seldom},
};

/// How often the log says that there are too many.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// What a client's connections are counted for: an address, or the /64 of IPv6 that one customer has.
type Network = [u8; 16];

/// The places there are. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Arc<Semaphore>,
    most_per_client: usize,
    taken: Mutex<HashMap<Network, usize>>,
    metrics: Metrics,
    warning: [Seldom; 2],
}

/// A connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    metrics: ListeningMetrics,
}

/// A client's place.
#[derive(Debug)]
pub(super) struct ClientPlace {
    places: Places,
    network: Network,
}

impl Places {
    pub(super) fn new(most: usize, most_per_client: usize, metrics: Metrics) -> Self {
        let all = Arc::new(Semaphore::new(most));
        let warning = [(); 2].map(|()| Seldom::every(WARN_EVERY));
        let taken = Mutex::default();
        Self(Arc::new(Inner { all, most_per_client, taken, metrics, warning }))
    }

    /// A place for one more connection, as soon as there is one; nobody ever closes the semaphore.
    pub(super) async fn take(&self) -> Place {
        let Inner { all, metrics, warning, .. } = &*self.0;
        if all.available_permits() == 0 {
            metrics.count_refused("connections-full");
            if warning[0].is_due() {
                tracing::warn!("server.max_connections are open: others wait");
            }
        }
        let permit = all.clone().acquire_owned().await.ok();
        metrics.listening.connect();
        Place { _permit: permit, metrics: metrics.listening.clone() }
    }

    /// A place for one more of a client's connections, if it may have another.
    pub(super) fn take_for(&self, client: IpAddr) -> Option<ClientPlace> {
        let network = network(client);
        let mut taken = self.0.taken();
        let count = taken.entry(network).or_default();
        if *count < self.0.most_per_client {
            *count += 1;
            return Some(ClientPlace { places: self.clone(), network });
        }
        drop(taken);
        self.0.metrics.count_refused("connections-of-one-client");
        if self.0.warning[1].is_due() {
            tracing::warn!(%client, "server.max_connections_per_client are open: more are closed");
        }
        None
    }
}

impl Inner {
    fn taken(&self) -> MutexGuard<'_, HashMap<Network, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.disconnect();
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        let mut taken = self.places.0.taken();
        if let Some(count) = taken.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_places_and_no_more_whatever_others_have() {
        let places = Places::new(10, 2, Metrics::default());
        let of = |client: &str| places.take_for(client.parse().unwrap());
        let (first, second) = (of("2001:db8::1"), of("2001:db8::2"));
        assert!(first.is_some() && second.is_some());
        assert!(of("2001:db8::3").is_none(), "one network");
        assert!(of("2001:db8:0:1::1").is_some(), "another one");
        drop(first);
        assert!(of("2001:db8::3").is_some(), "free again");
        drop(second);
        assert!(places.0.taken().is_empty(), "nothing is kept of who is gone");
    }
}
