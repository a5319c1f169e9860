//! Tokens: what applications that sign people in by Crowd's cookie know sessions by.
//!
//! The gateway puts a token into every request that it passes on for a session, and applications ask it
//! whose it is.

use std::sync::{Arc, PoisonError, RwLock, atomic::Ordering};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderValue;

use super::{
    LiveSession, Sessions, Token,
    accounts::patiently,
    cache::Seen,
    holder::{Holder, ReadHolder},
    token::TokenBytes,
};
use crate::{
    directory::{DirectoryId, PersonId},
    secrets::Hash,
    store::{NewCrowdToken, SessionId, StoreError, StoredCrowdToken},
};

/// The tokens of a session, each with its application: a session's host has few of them.
#[derive(Debug, Default)]
pub(super) struct TokensOfSession(RwLock<Vec<(String, Token)>>);

impl TokensOfSession {
    fn find(&self, application: &str) -> Option<Token> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.iter().find(|(whose, _)| whose == application).map(|(_, token)| token.clone())
    }

    fn insert(&self, application: &str, token: &Token) {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|(whose, _)| whose != application);
        tokens.push((application.to_owned(), token.clone()));
    }
}

/// A token as an application's questions see it.
#[derive(Debug)]
pub struct LiveToken {
    /// Whose session it stands for.
    pub person: PersonId,
    /// The session, which it ends with.
    pub session: SessionId,
    /// When that began.
    pub begun_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Where it has to be used from, as the application said when it began it; empty for everywhere.
    pub address: String,
    /// Whether the application has begun the session itself. Nobody but it can tell when such a session is
    /// used.
    pub is_applications_own: bool,
    application: String,
    pub(super) seen: Seen,
    pub(super) holder: ArcSwapOption<ReadHolder>,
    /// What was right when it was said last of where the token is used from.
    right: ArcSwapOption<Said>,
}

/// What an application has said of where a token is used from, as it was sent. Applications say the same with each
/// request of a browser's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// How the body is to be read.
    pub content_type: Option<HeaderValue>,
    /// What it is.
    pub body: Bytes,
}

/// Longer ones are not kept.
const MOST_SAID_BYTES: usize = 1024;

impl LiveToken {
    fn new(stored: StoredCrowdToken, application: &str) -> Self {
        let StoredCrowdToken { session, address } = stored;
        Self {
            person: session.person,
            session: session.id,
            begun_at: session.created_at,
            expires_at: session.expires_at,
            address,
            is_applications_own: session.issuer.is_application(),
            application: application.to_owned(),
            seen: Seen::new(session.seen_at),
            holder: ArcSwapOption::empty(),
            right: ArcSwapOption::empty(),
        }
    }

    /// Whether that was right when it was said last: it is now, for a token is bound to one address for ever.
    #[must_use]
    pub fn was_right(&self, said: &Said) -> bool {
        self.right.load().as_deref().is_some_and(|right| right == said)
    }

    /// That was right.
    pub fn note_right(&self, said: &Said) {
        if said.body.len() <= MOST_SAID_BYTES {
            // A copy of its own: it is a part of all that was read from the connection.
            let body = Bytes::copy_from_slice(&said.body);
            self.right.store(Some(Arc::new(Said { body, ..said.clone() })));
        }
    }

    fn goes_on(&self, now: DateTime<Utc>, idle: TimeDelta) -> bool {
        self.expires_at > now && self.seen.at() > (now - idle).timestamp_micros()
    }
}

impl Sessions {
    /// What an application knows a session by. Usually a look-up in memory; the first time it is stored
    /// before anybody gets it.
    pub async fn token_for(
        &self,
        live: &LiveSession,
        application: &str,
    ) -> Result<Token, StoreError> {
        if let Some(token) = live.tokens.find(application) {
            return Ok(token);
        }
        let token = {
            let session = (live.parent, live.begun_at);
            Box::pin(self.store_token(&live.secret_hash, session, application, "")).await?
        };
        live.tokens.insert(application, &token);
        Ok(token)
    }

    pub(super) async fn store_token(
        &self,
        secret_hash: &Hash,
        (session, begun_at): (SessionId, DateTime<Utc>),
        application: &str,
        address: &str,
    ) -> Result<Token, StoreError> {
        let bytes = self.token_maker.derive(secret_hash, application);
        let (token_hash, now) = (bytes.hash(), self.clock.now());
        // After a restart it is there already, and nothing is to be written.
        if self.store.find_crowd_token(&token_hash, application, now).await?.is_none() {
            let (application, address) = (application.to_owned(), address.to_owned());
            let token = NewCrowdToken { token_hash, session, begun_at, application, address };
            self.store.insert_crowd_token(token, now).await?;
        }
        Ok(bytes.token())
    }

    /// What a token stands for that an application asks with, if it is the application's and the session
    /// goes on. Usually a look-up in memory.
    ///
    /// While the store is away, tokens in memory go on as sessions do; others cannot be found.
    pub async fn find_token(
        &self,
        text: &str,
        application: &str,
    ) -> Result<Option<Arc<LiveToken>>, StoreError> {
        let Some(token) = TokenBytes::parse(text) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let known = self.tokens.find(&token).filter(|live| live.goes_on(now, self.times.idle));
        if let Some(live) = known {
            return Ok(Some(live).filter(|live| live.application == application));
        }
        if !self.token_maker.has_made(&token, application) {
            return Ok(None);
        }
        let before = self.tokens.find(&token);
        match self.load_token(token, application, now).await {
            // The gateway's own are seen with requests, which the store has been told of and this has not.
            Err(error) => {
                let goes_on = |live: &Arc<LiveToken>| {
                    !live.is_applications_own
                        && live.expires_at > now
                        && live.application == application
                };
                before.filter(goes_on).map(Some).ok_or(error)
            }
            found => found,
        }
    }

    async fn load_token(
        &self,
        token: TokenBytes,
        application: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<LiveToken>>, StoreError> {
        let forgotten = self.forgotten.load(Ordering::SeqCst);
        let stored = self.store.find_crowd_token(&token.hash(), application, now).await?;
        self.tokens.remove(&token);
        let Some(stored) = stored else {
            return Ok(None);
        };
        let live = LiveToken::new(stored, application);
        if !live.goes_on(now, self.times.idle) {
            return Ok(None);
        }
        let live = self.tokens.insert(token, Arc::new(live));
        // As with sessions: what was read beside an ending is read again the next time.
        if self.forgotten.load(Ordering::SeqCst) != forgotten {
            self.tokens.remove(&token);
        }
        Ok(Some(live))
    }

    /// The account of a token's person that an application sees, as it was half a minute ago at most.
    ///
    /// While the store is away, what was read last goes on, but no longer than sessions do.
    pub async fn find_holder(
        &self,
        live: &LiveToken,
        directories: &[DirectoryId],
    ) -> Result<Option<Arc<Holder>>, StoreError> {
        let now = self.clock.now();
        let known = live.holder.load_full();
        if let Some(known) = known.as_ref().filter(|known| known.is_fresh(now)) {
            return Ok(known.holder.clone());
        }
        let believed = known.as_ref().filter(|known| known.is_believed(now, self.times.outage));
        let is_believed = believed.is_some();
        if let Some(known) = believed {
            live.holder.store(Some(Arc::new(known.postponed(now))));
        }
        let read = self.store.find_seen_user_of(directories, live.person);
        match (patiently(read, is_believed).await, known) {
            (Ok(seen), known) => {
                let read = ReadHolder::new(seen, known.as_deref(), now);
                let holder = read.holder.clone();
                live.holder.store(Some(Arc::new(read)));
                Ok(holder)
            }
            (Err(error), Some(known)) if is_believed => {
                tracing::warn!(%error, "an account is as it was read last");
                Ok(known.holder.clone())
            }
            (Err(error), _) => Err(error),
        }
    }
}
