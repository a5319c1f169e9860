//! Where a client is in a feed: it carries this itself, and cannot make one up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::support::clouds::{jose::hash, time::Moment};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The first round: everything there is.
    Everything,
    /// A later one: what happened between two points of the history.
    Changes,
    /// Between two rounds.
    Done,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub stream: String,
    pub phase: Phase,
    pub from: usize,
    pub to: usize,
    /// How many users there were in the beginning.
    pub users: u32,
    pub place: u64,
    pub page: usize,
    pub select: Option<Vec<String>>,
    pub ids: Option<Vec<String>>,
    pub minimal: bool,
    pub born: i64,
    pub generation: u32,
}

impl State {
    pub fn write(&self, seed: u64) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let seal = hash(&format!("{seed} {text}"));
        format!("{}.{}", URL_SAFE_NO_PAD.encode(text), &seal[..16])
    }

    pub fn read(token: &str, seed: u64) -> Option<Self> {
        let (text, seal) = token.split_once('.')?;
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let good = hash(&format!("{seed} {text}")).get(..16) == Some(seal);
        good.then(|| serde_json::from_str(&text).ok())?
    }

    pub fn done(&self) -> Self {
        Self { phase: Phase::Done, place: 0, page: 0, ..self.clone() }
    }

    /// The round after this one.
    pub fn next_round(&self, to: usize, minimal: bool, now: Moment) -> Self {
        let phase = Phase::Changes;
        let to = to.max(self.to);
        Self { phase, from: self.to, to, minimal, born: now.timestamp(), ..self.clone() }
    }
}
