//! Sessions that applications begin themselves: of people who come to them with a password, or whom they
//! vouch for alone. They have no cookie of the gateway's.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{LiveToken, Sessions, Token};
use crate::{
    directory::{Issuer, PersonId},
    secrets::{Hash, random, sha256},
    store::{Equal, EqualSession, NewSession, SessionId, StoreError, StoredSession},
};

/// A session that an application begins.
#[derive(Clone, Debug)]
pub struct ApplicationsLogin<'a> {
    /// Whose.
    pub person: PersonId,
    /// The application.
    pub application: &'a str,
    /// Whether the person's password was right; otherwise the application vouches for them alone.
    pub with_password: bool,
    /// Where it has to be used from; empty for everywhere.
    pub address: String,
    /// How long it may last, if that is to be shorter than others.
    pub duration: Option<Duration>,
}

impl ApplicationsLogin<'_> {
    /// What administrators see that it was begun by.
    fn method(&self) -> &'static str {
        if self.with_password { "crowd-password" } else { "crowd-no-password" }
    }

    fn equal(&self) -> Equal {
        Equal {
            person: self.person,
            issuer: Issuer::application(self.application).0,
            method: self.method(),
            application: self.application.to_owned(),
            address: self.address.clone(),
        }
    }
}

/// Which of a person's sessions an application may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those that it has begun itself.
    Own,
    /// All of them.
    All,
}

impl Sessions {
    /// Begins a session for an application, or gives it an equal one once more: clients that send a
    /// password with every request have one session all the same.
    pub async fn begin_for_application(
        &self,
        login: &ApplicationsLogin<'_>,
    ) -> Result<Token, StoreError> {
        let now = self.clock.now();
        let asked = login.duration.and_then(|asked| TimeDelta::from_std(asked).ok());
        let lasts = asked.map_or(self.times.absolute, |asked| asked.min(self.times.absolute));
        // One that is about to end is worth little.
        let ends = now + lasts / 2..=now + lasts;
        let seen_after = now - self.times.idle;
        let equal = self.store.find_equal_session(&login.equal(), seen_after, &ends).await?;
        let (secret_hash, session) = match equal {
            Some(EqualSession { secret_hash, session }) => (secret_hash, session),
            None => self.insert_applications_session(login, *ends.end()).await?,
        };
        let session = (session.id, session.created_at);
        self.store_token(&secret_hash, session, login.application, &login.address).await
    }

    async fn insert_applications_session(
        &self,
        login: &ApplicationsLogin<'_>,
        expires_at: DateTime<Utc>,
    ) -> Result<(Hash, StoredSession), StoreError> {
        // The session has no cookie: nobody ever learns what would be in it.
        let secret: [u8; 32] = random();
        let secret_hash = sha256(&secret);
        let session = NewSession {
            secret_hash,
            person: login.person,
            issuer: Issuer::application(login.application),
            method: login.method(),
            name_id: None,
            name_id_format: None,
            session_index: None,
            expires_at,
            replaces: None,
        };
        let session = self.store.insert_session(session, self.clock.now()).await?;
        Ok((secret_hash, session))
    }

    /// Ends sessions of a person for an application: all, or those that it has begun; but for one that is
    /// to go on.
    pub async fn end_for_application(
        &self,
        person: PersonId,
        application: &str,
        reach: Reach,
        kept: Option<SessionId>,
    ) -> Result<usize, StoreError> {
        let issuer = (reach == Reach::Own).then(|| Issuer::application(application).0);
        let now = self.clock.now();
        let ended = self.store.delete_sessions_but(person, issuer, kept, now).await?;
        if !ended.is_empty() {
            self.forget_unless(|session, _| !ended.contains(&session));
        }
        Ok(ended.len())
    }

    /// Counts that a session was used that an application has begun. The gateway's own are seen with the
    /// requests that it passes on: an application that asks for them is no sign of their people.
    pub fn count_use(&self, live: &LiveToken) {
        if live.is_applications_own {
            live.seen.touch(self.clock.now());
        }
    }
}
