//! Beginning, finding and ending sessions.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    LiveSession,
    cache::Cache,
    cookie::Cookie,
    token::{TokenBytes, TokenMaker},
    tokens::LiveToken,
};
use crate::{
    clock::Clock,
    directory::{Issuer, PersonId},
    secrets::{Hash, Sealer, Tagger, random, sha256},
    store::{NewHandover, NewSession, SessionEnding, SessionId, Store, StoreError, StoredSession},
};

/// A browser follows a redirect at once.
const HANDOVER_LIFE: TimeDelta = TimeDelta::seconds(30);

/// No session is shorter; the configuration allows none that is.
const SHORTEST: TimeDelta = TimeDelta::minutes(1);

/// How many endings are read again at every look, since on PostgreSQL a lower number can become
/// visible after a higher one.
const ENDINGS_WINDOW: i64 = 1000;

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionTimes {
    /// After the last request.
    pub idle: TimeDelta,
    /// After the login.
    pub absolute: TimeDelta,
    /// After the store could last be asked what has ended: until then, what is in memory is believed without it.
    pub outage: TimeDelta,
}

/// A login that succeeded.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who logged in.
    pub person: PersonId,
    /// Who vouched.
    pub issuer: Issuer,
    /// How: `saml`, `kerberos` or `password`.
    pub method: &'static str,
    /// The assertion's `NameID`, for a later logout.
    pub name_id: Option<String>,
    /// Its format.
    pub name_id_format: Option<String>,
    /// The identity provider's name for its own session.
    pub session_index: Option<String>,
    /// When the identity provider wants the session to end, if it said so.
    pub not_on_or_after: Option<DateTime<Utc>>,
    /// The session that the browser had.
    pub replaces: Option<SessionId>,
}

/// All sessions. Those of requests are in memory; the store has the last word.
#[derive(Debug)]
pub struct Sessions {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) times: SessionTimes,
    parents: Tagger,
    children: Tagger,
    pub(super) markers: Tagger,
    pub(super) token_maker: TokenMaker,
    cache: Cache<Cookie, LiveSession>,
    pub(super) tokens: Cache<TokenBytes, LiveToken>,
    endings: Mutex<BTreeSet<i64>>,
    /// Counts how often sessions were forgotten.
    pub(super) forgotten: AtomicU64,
    /// When the store was asked last what has ended, and answered; in microseconds since 1970.
    looked_at: AtomicI64,
}

impl Sessions {
    /// Over a store, with an empty memory. Endings of before concern nobody here.
    pub async fn new(
        store: Store,
        clock: Clock,
        sealer: &Sealer,
        times: SessionTimes,
    ) -> Result<Self, StoreError> {
        let looked_at = AtomicI64::new(clock.now().timestamp_micros());
        let head = store.head_of_session_endings().await?;
        let before = store.list_session_endings(head - ENDINGS_WINDOW).await?;
        Ok(Self {
            store,
            clock,
            times,
            parents: sealer.tagger("parent session"),
            children: sealer.tagger("child session"),
            markers: sealer.tagger("marker of an application's cookies"),
            token_maker: TokenMaker::new(sealer),
            cache: Cache::new(),
            tokens: Cache::new(),
            endings: Mutex::new(before.iter().map(|ending| ending.seq).collect()),
            forgotten: AtomicU64::new(0),
            looked_at,
        })
    }

    /// Begins a session, and gives the value of the login host's cookie. It is a new one at every
    /// login, so that nobody can plant theirs before.
    pub async fn begin(&self, login: Login) -> Result<(StoredSession, String), StoreError> {
        let now = self.clock.now();
        // An identity provider whose clock is behind may say an end that is past: a session that is over
        // before it begins would send the browser round in circles.
        let (soonest, latest) = (now + SHORTEST, now + self.times.absolute);
        let cookie = Cookie::random(&self.parents);
        let session = NewSession {
            secret_hash: cookie.hash(),
            person: login.person,
            issuer: login.issuer,
            method: login.method,
            name_id: login.name_id,
            name_id_format: login.name_id_format,
            session_index: login.session_index,
            expires_at: login.not_on_or_after.map_or(latest, |end| end.clamp(soonest, latest)),
            replaces: login.replaces,
        };
        if let Some(replaced) = session.replaces {
            self.forget_unless(|session, _| session != replaced);
        }
        Ok((self.store.insert_session(session, now).await?, cookie.value()))
    }

    /// The parent session of the login host's cookie.
    pub async fn find_parent(&self, value: &str) -> Result<Option<StoredSession>, StoreError> {
        let Some(cookie) = Cookie::parse(value).filter(|cookie| cookie.is_ours(&self.parents))
        else {
            return Ok(None);
        };
        let now = self.clock.now();
        let found = self.store.find_session(&cookie.hash(), now).await?;
        // What was seen on this replica in the last minute may not be written down yet.
        let found = found.filter(|session| session.seen_at + self.times.idle > now);
        Ok(found)
    }

    /// Begins a child on a host, and gives the value of the host's cookie; `None` if the parent has
    /// ended meanwhile.
    pub async fn begin_child(
        &self,
        parent: SessionId,
        host: &str,
    ) -> Result<Option<String>, StoreError> {
        let cookie = Cookie::random(&self.children);
        let now = self.clock.now();
        let begun = self.store.insert_child_session(cookie.hash(), parent, host, now).await?;
        Ok(begun.then(|| cookie.value()))
    }

    /// A one-time code that begins a child on a host, for the browser that asked there.
    pub async fn hand_over(
        &self,
        session: SessionId,
        host: &str,
        browser_hash: Hash,
    ) -> Result<String, StoreError> {
        let code: [u8; 32] = random();
        let handover = NewHandover {
            code_hash: sha256(&code),
            session,
            host: host.to_owned(),
            browser_hash,
            expires_at: self.clock.now() + HANDOVER_LIFE,
        };
        self.store.insert_handover(handover).await?;
        Ok(BASE64.encode(code))
    }

    /// Begins the child that a code stands for, if this host and this browser may have it. The code is
    /// used up in any case.
    pub async fn redeem(
        &self,
        code: &str,
        host: &str,
        browser_hash: &Hash,
    ) -> Result<Option<String>, StoreError> {
        let Ok(code) = BASE64.decode(code) else {
            return Ok(None);
        };
        let taken = self.store.take_handover(sha256(&code), self.clock.now()).await?;
        match taken {
            Some(handover) if handover.host == host && handover.browser_hash == browser_hash => {
                self.begin_child(handover.session, host).await
            }
            _ => Ok(None),
        }
    }

    /// The session of a request to `host` with that cookie. Usually a look-up in memory.
    ///
    /// While the store is away, sessions in memory go on for a while ([`Sessions::forget_unchecked`]); others cannot be found.
    pub async fn find(
        &self,
        value: &str,
        host: &str,
    ) -> Result<Option<Arc<LiveSession>>, StoreError> {
        let Some(cookie) = Cookie::parse(value) else {
            return Ok(None);
        };
        let now = self.clock.now();
        if let Some(live) = self.cache.find(&cookie)
            && live.expires_at > now
            && live.seen.at() > (now - self.times.idle).timestamp_micros()
        {
            live.seen.touch(now);
            return Ok(Some(live).filter(|live| live.host == host));
        }
        if !cookie.is_ours(&self.children) {
            return Ok(None);
        }
        Box::pin(self.load(cookie, host, now)).await
    }

    /// Keeps in memory only what is to be kept, by session and person.
    pub(super) fn forget_unless(&self, keep: impl Fn(SessionId, PersonId) -> bool) {
        // First counted, then forgotten: see `load`.
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.cache.retain(|live| keep(live.parent, live.person));
        self.tokens.retain(|live| keep(live.session, live.person));
    }

    async fn load(
        &self,
        cookie: Cookie,
        host: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<LiveSession>>, StoreError> {
        let forgotten = self.forgotten.load(Ordering::SeqCst);
        let found = self.store.find_child_session(&cookie.hash(), now).await?;
        let Some(child) = found.filter(|child| child.parent.seen_at + self.times.idle > now) else {
            self.cache.remove(&cookie);
            return Ok(None);
        };
        let live = LiveSession::new(child, cookie.hash());
        let live = self.cache.insert(cookie, Arc::new(live));
        live.seen.touch(now);
        // It may have ended after it was read, and been looked for in memory before it was there: what
        // was read beside an ending is read again the next time.
        if self.forgotten.load(Ordering::SeqCst) != forgotten {
            self.cache.remove(&cookie);
        }
        Ok(Some(live).filter(|live| live.host == host))
    }

    /// Ends a session with all its children.
    pub async fn end(&self, session: SessionId) -> Result<bool, StoreError> {
        self.forget_unless(|other, _| other != session);
        let ended = self.store.delete_session(session, self.clock.now()).await?;
        // A request in between may have loaded it once more.
        self.forget_unless(|other, _| other != session);
        Ok(ended)
    }

    /// Ends every session of a person.
    pub async fn end_all_of(&self, person: PersonId) -> Result<u64, StoreError> {
        let ended = self.store.delete_sessions_of(person, self.clock.now()).await;
        // If the store cannot be told, they have at least to be asked of it again.
        self.forget_unless(|_, other| other != person);
        ended
    }

    /// Forgets what has ended elsewhere: on another replica, or by the command line. To be called
    /// twice a second, so that an ending reaches every replica within one.
    pub async fn forget_ended(&self) -> Result<(), StoreError> {
        let began = self.clock.now().timestamp_micros();
        let read = self.endings().last().copied().unwrap_or_default();
        let mut endings = self.store.list_session_endings(read - ENDINGS_WINDOW).await?;
        self.looked_at.store(began, Ordering::Relaxed);
        // An ending counts once: who has logged in again since must not be forgotten for it.
        endings.retain(|ending| self.endings().insert(ending.seq));
        if endings.is_empty() {
            return Ok(());
        }
        let window = self.endings().last().copied().unwrap_or_default() - 2 * ENDINGS_WINDOW;
        self.endings().retain(|seq| *seq > window);
        self.forget_unless(|session, person| {
            let is_it = |ending: &SessionEnding| {
                ending.session == Some(session) || ending.person == Some(person)
            };
            !endings.iter().any(is_it)
        });
        Ok(())
    }

    /// Forgets all, if it could not be learned for too long what has ended elsewhere; says whether it was so. Whoever comes
    /// then is asked of the store, and nobody is let in without it. To be called when [`Sessions::forget_ended`] fails.
    pub fn forget_unchecked(&self) -> bool {
        let since = self.clock.now().timestamp_micros() - self.looked_at.load(Ordering::Relaxed);
        // A clock that was put back must not lengthen it.
        let is_too_long = TimeDelta::microseconds(since).abs() >= self.times.outage;
        if is_too_long {
            self.forget_unless(|_, _| false);
        }
        is_too_long
    }

    /// The numbers of the endings that were heeded, as far back as they are read again.
    fn endings(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.endings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down who was seen, and forgets who was not for long. To be called once a minute and at
    /// the end.
    pub async fn write_seen(&self) -> Result<(), StoreError> {
        let of_session = |live: &LiveSession| Some((live.parent, live.seen.take_unwritten()?));
        let of_token = |live: &LiveToken| Some((live.session, live.seen.take_unwritten()?));
        let mut seen = self.cache.collect(of_session);
        seen.extend(self.tokens.collect(of_token));
        if !seen.is_empty() {
            self.store.touch_sessions(seen).await?;
        }
        let now = self.clock.now();
        let idle_since = (now - self.times.idle).timestamp_micros();
        self.cache.retain(|live| live.seen.at() > idle_since && live.expires_at > now);
        self.tokens.retain(|live| live.seen.at() > idle_since && live.expires_at > now);
        Ok(())
    }

    /// How many sessions are in memory.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.cache.len()
    }
}
