//! What long work tells whoever waits for it.

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::formats::RowError;

/// What long work is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Rows are read and sorted.
    Reading,
    /// They are compared with the directory.
    Comparing,
    /// The plan is applied, part by part.
    Applying,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is at.
    pub phase: Phase,
    /// How many rows or parts are done.
    pub done: u64,
    /// Of how many, where that is known.
    pub total: Option<u64>,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// How far it is.
    Progress(Progress),
    /// A row that is left out.
    Rejected(RowError),
}

/// Where it is told. Nobody has to listen.
#[derive(Clone, Debug, Default)]
pub struct Events(Option<mpsc::Sender<Event>>);

impl Events {
    /// Tells it to whoever has the other end.
    #[must_use]
    pub fn to(sender: mpsc::Sender<Event>) -> Self {
        Self(Some(sender))
    }

    /// Says how far it is. Work does not wait for a listener that is slow.
    pub(super) fn progress(&self, phase: Phase, done: u64, total: Option<u64>) {
        if let Some(sender) = &self.0 {
            let _ = sender.try_send(Event::Progress(Progress { phase, done, total }));
        }
    }

    /// Names a row that is left out, and waits until that is heard: such a row must not be lost. To be
    /// called where blocking is allowed.
    pub(super) fn reject_blocking(&self, row: RowError) {
        if let Some(sender) = &self.0 {
            let _ = sender.blocking_send(Event::Rejected(row));
        }
    }

    /// The same where it is not.
    pub(super) async fn reject(&self, row: RowError) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(Event::Rejected(row)).await;
        }
    }
}
