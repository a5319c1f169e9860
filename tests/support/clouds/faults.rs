//! What goes wrong, said beforehand: for which requests, how often, and what.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use regex::Regex;
use serde::Deserialize;

use super::line::Harm;

/// A fault for the requests whose path and query match.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    #[serde(deserialize_with = "regex")]
    pub at: Regex,
    /// So many matching requests go well first.
    #[serde(default)]
    pub skip: u32,
    /// So many go wrong.
    #[serde(default = "once")]
    pub times: u32,
    pub what: Trouble,
}

fn once() -> u32 {
    1
}

fn good() -> u16 {
    200
}

fn regex<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Regex, D::Error> {
    let text = String::deserialize(text)?;
    Regex::new(&text).map_err(serde::de::Error::custom)
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// 429 (Google: 403), in the vendor's words.
    Throttle {
        retry_after: Option<u64>,
    },
    /// Any status of the vendor's, with the body that goes with it.
    Status {
        status: u16,
    },
    /// Google: 403 as for what an administrator must not see.
    NotAuthorized,
    /// The presented access token is no longer good.
    ExpiredToken,
    /// 410, with where to begin again.
    Gone,
    /// 400 `syncStateNotFound`.
    LostState,
    ResetInHead,
    ResetInBody,
    CloseInBody,
    /// The length is right, and half of the JSON is missing.
    HalfJson,
    Slow {
        bytes: usize,
        pause_ms: u64,
    },
    /// Nothing for so long.
    Delay {
        ms: u64,
    },
    WrongContentType,
    /// A page of HTML, as from a proxy that wants a login (200), or does not know the way.
    Html {
        #[serde(default = "good")]
        status: u16,
    },
    /// 200 with a JSON object that says nothing.
    Nothing,
    /// Okta: no links with the list, as behind a proxy that leaves out headers.
    NoLinks,
    /// So much filler in the JSON.
    Enormous {
        bytes: usize,
    },
    /// A page without anything that goes on where this one would have begun.
    EmptyPage,
    /// The objects of the page before come once more.
    Replay,
    /// Each object comes twice.
    Duplicate,
    /// The page in the opposite order.
    Backwards,
    /// The next page is said to be on another host.
    ForeignNext {
        origin: String,
    },
    /// The next page is this one.
    Loop,
    /// Objects have their type and id, and nothing else.
    Limited,
    /// The list ends here, and says that it is complete.
    Truncated,
}

impl Trouble {
    /// What it does to bytes; a body has `length` of them.
    pub fn harm(&self, length: usize) -> Option<Harm> {
        match self {
            Self::ResetInHead => Some(Harm::ResetInHead(20)),
            Self::ResetInBody => Some(Harm::ResetInBody(length / 2)),
            Self::CloseInBody => Some(Harm::CloseInBody(length / 2)),
            Self::Slow { bytes, pause_ms } => {
                Some(Harm::Slow(*bytes, Duration::from_millis(*pause_ms)))
            }
            _ => None,
        }
    }
}

#[derive(Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What goes wrong with this request. Asking counts.
    pub fn take(&self, path_and_query: &str) -> Vec<Trouble> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut troubles = Vec::new();
        for fault in faults.iter_mut().filter(|fault| fault.at.is_match(path_and_query)) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fault.times > 0 {
                fault.times -= 1;
                troubles.push(fault.what.clone());
            }
        }
        faults.retain(|fault| fault.times > 0);
        troubles
    }
}
