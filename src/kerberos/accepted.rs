//! A proven ticket, and what is left to ask.

use std::time::Duration;

use super::{NegotiateError, Principal};

/// How long a replay key has to be remembered.
///
/// An authenticator is good for `clockskew` before and after its time: 300 seconds, unless the
/// machine's `krb5.conf` says otherwise. This is enough for whatever somebody may have written there.
pub const REPLAY_WINDOW: Duration = Duration::from_hours(24);

/// A ticket that proves a user, in a token that may have been here before.
///
/// **Remember [`replay_key`](Self::replay_key) first**, in the store that all replicas share, in one
/// statement that also tells whether it was there; keep it for [`REPLAY_WINDOW`]. The library's own
/// replay cache is off: it is a file, so it knows one host only and needs a root that can be written.
/// Whoever overhears a token could use it again, so there is no way to the user around the question.
#[derive(Debug)]
#[must_use = "nobody is logged in before the replay is judged"]
pub struct Accepted {
    pub(super) authenticated: Authenticated,
    pub(super) replay_key: [u8; 32],
}

/// A user who proved who they are, just now and for the first time with this token.
#[derive(Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// Who it is.
    pub principal: Principal,
    /// Proves us to the client: for `WWW-Authenticate: Negotiate` of the answer, in base64.
    pub reply_token: Option<String>,
}

impl Accepted {
    /// What to remember; see [`super::Token::replay_key`].
    #[must_use]
    pub const fn replay_key(&self) -> [u8; 32] {
        self.replay_key
    }

    /// The user, unless [`replay_key`](Self::replay_key) was seen before.
    pub fn unless_replayed(self, seen_before: bool) -> Result<Authenticated, NegotiateError> {
        if seen_before { Err(NegotiateError::Replay) } else { Ok(self.authenticated) }
    }
}
