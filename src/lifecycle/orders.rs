//! What a running gateway is told to do.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// So many may wait: a gateway that reloads takes a moment.
const ROOM: usize = 8;

/// Something that a running gateway is told.
#[derive(Debug)]
pub enum Order {
    /// To read its configuration again, and to whom to say what came of it.
    Reload(Option<oneshot::Sender<Result<Reloaded, String>>>),
    /// To stop, after load balancers have had time to turn away.
    Drain,
    /// To stop at once, as soon as requests have ended.
    Stop,
}

/// What came of reading the configuration again. Keys are as in the file, such as `server.drain_seconds` or `app`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is different from now on.
    pub changed: Vec<String>,
    /// What will be different when the gateway starts again.
    pub needs_restart: Vec<String>,
}

/// The way to tell a gateway something. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Orders(mpsc::Sender<Order>);

impl Orders {
    /// The way, and its end.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Order>) {
        let (sender, receiver) = mpsc::channel(ROOM);
        (Self(sender), receiver)
    }

    /// Tells it something. A gateway that has stopped does not hear it.
    pub async fn give(&self, order: Order) {
        let _ = self.0.send(order).await;
    }

    /// Has it read its configuration again, and says what came of it.
    pub async fn reload(&self) -> Result<Reloaded, String> {
        let (sender, answer) = oneshot::channel();
        self.give(Order::Reload(Some(sender))).await;
        answer.await.unwrap_or_else(|_| Err("the gateway is stopping".to_owned()))
    }
}
