//! Room for messages that are read: few at a time, and of no network so many that others find none.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::passwords::network;

/// So many messages are read at the same time; each may have a megabyte.
const AT_ONCE: usize = 64;

/// So many of one network: whoever sends slowly from everywhere has to be in many places. Clouds that find no room come again.
const OF_A_NETWORK: usize = 4;

/// A place is left by whoever drops it.
#[derive(Debug)]
pub(super) struct Places {
    free: Semaphore,
    /// How many each network has. Those that have none are not here.
    taken: Mutex<HashMap<[u8; 16], usize>>,
}

/// A place, as long as it is there.
#[derive(Debug)]
pub(super) struct Place<'a> {
    places: &'a Places,
    network: [u8; 16],
    _permit: SemaphorePermit<'a>,
}

impl Default for Places {
    fn default() -> Self {
        Self { free: Semaphore::new(AT_ONCE), taken: Mutex::default() }
    }
}

impl Places {
    /// A place for a message from an address, if there is one. Networks from which much came without a proof have one place:
    /// they are heard, one message after the other, for a cloud's own addresses may have been made to send what is not meant.
    pub(super) fn take(&self, client: IpAddr, is_stranger: bool) -> Option<Place<'_>> {
        let network = network(client);
        let most = if is_stranger { 1 } else { OF_A_NETWORK };
        let mut taken = self.taken();
        if taken.get(&network).is_some_and(|count| *count >= most) {
            return None;
        }
        let permit = self.free.try_acquire().ok()?;
        *taken.entry(network).or_default() += 1;
        Some(Place { places: self, network, _permit: permit })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<[u8; 16], usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
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

    fn address(number: usize) -> IpAddr {
        format!("192.0.2.{number}").parse().unwrap()
    }

    #[test]
    fn one_network_leaves_room_for_others_and_a_stranger_for_itself() {
        let places = Places::default();
        let held: Vec<_> = (0..10).filter_map(|_| places.take(address(1), false)).collect();
        assert_eq!(held.len(), OF_A_NETWORK);
        assert!(places.take(address(2), false).is_some());
        let stranger = places.take(address(3), true);
        assert!(stranger.is_some() && places.take(address(3), true).is_none());
        drop(stranger);
        assert!(places.take(address(3), true).is_some(), "it is heard again");
        drop(held);
        assert!(places.take(address(1), false).is_some());
        assert!(places.taken().is_empty(), "nobody is remembered");
    }

    #[test]
    fn all_of_them_together_are_few() {
        let places = Places::default();
        let held: Vec<_> = (0..200).filter_map(|one| places.take(address(one), false)).collect();
        assert_eq!(held.len(), AT_ONCE);
        drop(held);
        assert!(places.take(address(201), false).is_some());
    }
}
