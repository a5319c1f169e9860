//! Keeps answers in the order in which they came, while the next are waited for.

use tokio::{sync::mpsc, task::JoinHandle};

use super::reading::{Answer, Packing};
use crate::{
    clock::Clock,
    cloud::Task,
    store::{Lease, RunId, StagedPart, Store, StoreError},
};

/// Answers that wait to be stored.
const AHEAD: usize = 8;

/// What is stored with a page, and the page as soon as it is packed.
struct Part {
    packing: Packing,
    staged: StagedPart,
}

impl Part {
    async fn packed(self) -> Result<StagedPart, StoreError> {
        let mut staged = self.staged;
        staged.page.1 = self.packing.await.map_err(|_| StoreError::NotWritten)??;
        Ok(staged)
    }
}

/// Writes answers into the store, some in one transaction.
pub(super) struct Staging {
    parts: mpsc::Sender<Part>,
    writing: JoinHandle<Result<(), StoreError>>,
}

/// Gives answers and tasks their places.
pub(super) struct Stager {
    parts: mpsc::Sender<Part>,
    next_page: i64,
    next_task: i64,
}

impl Staging {
    pub(super) fn begin(store: &Store, clock: &Clock, lease: Lease, run: RunId) -> Self {
        let (parts, mut taken) = mpsc::channel(AHEAD);
        let (store, clock) = (store.clone(), clock.clone());
        let writing = tokio::spawn(async move {
            let mut some: Vec<Part> = Vec::new();
            while taken.recv_many(&mut some, AHEAD).await > 0 {
                let mut parts = Vec::with_capacity(some.len());
                for part in some.drain(..) {
                    parts.push(part.packed().await?);
                }
                store.stage(lease, run, parts, clock.now()).await?;
            }
            Ok(())
        });
        Self { parts, writing }
    }

    /// Who gives the next page and the next task these numbers.
    pub(super) fn stager(&self, [next_page, next_task]: [i64; 2]) -> Stager {
        Stager { parts: self.parts.clone(), next_page, next_task }
    }

    /// Waits until all of it is stored.
    pub(super) async fn end(self) -> Result<(), StoreError> {
        drop(self.parts);
        self.writing.await.map_err(|_| StoreError::NotWritten)?
    }
}

impl Stager {
    /// Hands an answer on, and gives the tasks that are left of it with their places.
    pub(super) async fn stage(&mut self, answer: Answer) -> Result<Vec<(i64, Task)>, StoreError> {
        let Answer { place, next, items, about, packing, .. } = answer;
        let unreadable = |error: serde_json::Error| StoreError::Unreadable {
            what: "a task",
            value: error.to_string(),
        };
        let texts: Result<Vec<_>, _> = next.iter().map(serde_json::to_string).collect();
        let staged = StagedPart {
            page: (self.next_page, Vec::new(), about),
            items: i64::try_from(items).unwrap_or(i64::MAX),
            task: place,
            next: (self.next_task, texts.map_err(unreadable)?),
        };
        let places = self.next_task..;
        self.next_page += 1;
        self.next_task += i64::try_from(next.len()).unwrap_or_default();
        // If nobody takes it any more, the end of the staging says why.
        let _ = self.parts.send(Part { packing, staged }).await;
        Ok(places.zip(next).collect())
    }
}
