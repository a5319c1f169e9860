//! Writes down what was heard before anybody is thanked for it: what comes at the same time, at once.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, oneshot};

use crate::{
    clock::Clock,
    lifecycle::Background,
    store::{ConnectorId, HeardHints, Store, StoreError},
};

/// So many messages wait; whoever comes then comes again later.
const ROOM: usize = 256;

/// What it is called when it fails.
const WORK: &str = "write down hints";

/// What was heard, and who waits until it is written down.
type Letter = (ConnectorId, HeardHints, oneshot::Sender<bool>);

/// Where heard hints go.
#[derive(Clone, Debug)]
pub struct Inbox(mpsc::Sender<Letter>);

impl Inbox {
    /// One that is emptied until the gateway stops.
    #[must_use]
    pub fn open(store: Store, clock: Clock, background: &Background) -> Self {
        let (sender, mut letters) = mpsc::channel(ROOM);
        let (stopping, guard) = (background.stopping(), background.clone());
        background.spawn(WORK, async move {
            let mut waiting = Vec::new();
            while let Some(1..) =
                stopping.run_until_cancelled(letters.recv_many(&mut waiting, ROOM)).await
            {
                // Whoever waits hears that nothing is written down, and comes again.
                let letters = std::mem::take(&mut waiting);
                let _ = guard.attempt(WORK, keep(&store, &clock, letters)).await;
            }
        });
        Self(sender)
    }

    /// Whether it is written down. If there is no room, it is not.
    pub(super) async fn put(&self, connector: ConnectorId, heard: HeardHints) -> bool {
        let (sender, kept) = oneshot::channel();
        self.0.try_send((connector, heard, sender)).is_ok() && kept.await.unwrap_or(false)
    }
}

async fn keep(store: &Store, clock: &Clock, letters: Vec<Letter>) {
    let mut heard: BTreeMap<ConnectorId, HeardHints> = BTreeMap::new();
    let mut waiting = Vec::new();
    for (connector, hints, sender) in letters {
        let all = heard.entry(connector).or_default();
        all.users.extend(hints.users);
        (all.run, all.urgent) = (all.run || hints.run, all.urgent || hints.urgent);
        waiting.push((connector, sender));
    }
    let mut kept = BTreeMap::new();
    for (connector, hints) in heard {
        let noted = store.note_hints(connector, hints, clock.now()).await;
        kept.insert(connector, noted.inspect_err(tell).is_ok());
    }
    for (connector, sender) in waiting {
        // Whoever sent it may have gone.
        let _ = sender.send(kept.get(&connector).copied().unwrap_or(false));
    }
}

fn tell(error: &StoreError) {
    tracing::error!(%error, "hints cannot be written down");
}
