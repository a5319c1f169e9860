//! How many passwords are checked at a time: each one takes memory and a thread.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// For so long somebody waits for a place.
const WAIT: Duration = Duration::from_secs(3);

/// A place, for as long as a try takes.
pub(super) type Place = OwnedSemaphorePermit;

/// Places for everybody, and one that is kept for emergencies: a flood of wrong passwords must not keep out
/// whoever comes to end it.
#[derive(Debug)]
pub(super) struct Places {
    everybodys: Arc<Semaphore>,
    reserved: Arc<Semaphore>,
    /// For whoever sets a new one: an administrator, or an application that may. One after the other.
    setting: Arc<Semaphore>,
}

impl Places {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            everybodys: Arc::new(Semaphore::new(threads)),
            reserved: Arc::new(Semaphore::new(1)),
            setting: Arc::new(Semaphore::new(1)),
        }
    }

    /// A place for a new password, however long it takes; `None` only if there are none any more.
    pub(super) async fn take_for_setting(&self) -> Option<Place> {
        self.setting.clone().acquire_owned().await.ok()
    }

    /// A place; `None` if there was none for too long.
    pub(super) async fn take(&self, reserved: bool) -> Option<Place> {
        if !reserved {
            return wait(&self.everybodys).await;
        }
        match self.everybodys.clone().try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => wait(&self.reserved).await,
        }
    }
}

async fn wait(places: &Arc<Semaphore>) -> Option<Place> {
    let waited = timeout(WAIT, places.clone().acquire_owned()).await;
    waited.ok().and_then(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_leaves_one_place_for_emergencies() {
        let places = Places::new(2);
        let flood = (places.take(false).await, places.take(true).await);
        assert!(flood.0.is_some() && flood.1.is_some());
        assert!(places.take(false).await.is_none());
        let kept = places.take(true).await;
        assert!(kept.is_some());
        assert!(places.take(true).await.is_none());
        drop(flood);
        assert!(places.take(false).await.is_some());
    }
}
