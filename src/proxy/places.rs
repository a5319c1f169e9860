//! How many requests are at an address at a time, and how many wait for a place there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How many requests an address takes.
#[derive(Clone, Copy, Debug)]
pub struct PlaceLimits {
    /// So many at a time.
    pub places: usize,
    /// So many may wait.
    pub max_waiting: usize,
    /// How long they wait.
    pub patience: Duration,
}

/// The places at one address.
#[derive(Debug)]
pub(super) struct Places {
    limits: PlaceLimits,
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A place, until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// There is no place, and too many wait for one, or it took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoPlace;

/// Somebody who waits, until they do not any more, for whatever reason.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    pub(super) fn new(limits: PlaceLimits) -> Self {
        let free = Arc::new(Semaphore::new(limits.places));
        Self { limits, free, waiting: AtomicUsize::new(0) }
    }

    pub(super) fn is_full(&self) -> bool {
        self.free.available_permits() == 0
    }

    /// So many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place, as soon as there is one: whoever came first gets it first.
    pub(super) async fn take(&self) -> Result<Place, NoPlace> {
        if let Ok(place) = self.free.clone().try_acquire_owned() {
            return Ok(place);
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if waiting >= self.limits.max_waiting {
            return Err(NoPlace);
        }
        // Nobody ever closes the semaphore.
        let place = timeout(self.limits.patience, self.free.clone().acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(NoPlace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_wait_for_a_place_and_not_for_ever() {
        let patience = Duration::from_secs(10);
        let places = Arc::new(Places::new(PlaceLimits { places: 1, max_waiting: 1, patience }));
        let place = places.take().await.unwrap();
        assert!(places.is_full());
        let one = tokio::spawn({
            let places = places.clone();
            async move { places.take().await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!(places.waiting(), 1);
        assert_eq!(places.take().await.map(drop), Err(NoPlace), "too many wait");
        drop(place);
        assert_eq!(one.await.unwrap(), Ok(()));
        let _place = places.take().await.unwrap();
        let (began, late) = (tokio::time::Instant::now(), places.take().await);
        assert_eq!((late.map(drop), began.elapsed()), (Err(NoPlace), patience));
        assert_eq!(places.waiting(), 0);
    }
}
