//! Whose an application's own cookies are.
//!
//! An application has sessions of its own, in its own cookies. So that nobody inherits somebody else's, a
//! cookie of the gateway's beside them says whose they are: the *marker*. Nothing is stored for it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};

use super::{LiveSession, Sessions};
use crate::{
    directory::PersonId,
    secrets::{TAG_LENGTH, Tagger},
};

/// What is marked by a session that began longer ago is nobody's any more.
const LIFE: TimeDelta = TimeDelta::days(30);

/// The session's number, when it began, and the tag.
const LENGTH: usize = 16 + TAG_LENGTH;

/// Whose an application's cookies are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This very session's.
    ThisSession,
    /// The same person's, from a session before, which they have not signed out of.
    SamePerson,
    /// Somebody else's, or nobody knows.
    SomebodyElse,
}

/// A session, as a marker names it.
#[derive(Clone, Copy)]
struct Named {
    session: i64,
    begun_at: i64,
}

impl Named {
    fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.session.to_be_bytes());
        bytes[8..].copy_from_slice(&self.begun_at.to_be_bytes());
        bytes
    }

    fn tag(self, person: PersonId, tagger: &Tagger) -> [u8; TAG_LENGTH] {
        tagger.tag(&[self.bytes().as_slice(), &person.0.to_be_bytes()].concat())
    }

    fn marker(self, person: PersonId, tagger: &Tagger) -> String {
        BASE64.encode([self.bytes().as_slice(), &self.tag(person, tagger)].concat())
    }

    /// When the session began that a person's marker names.
    fn beginning(marker: &str, person: PersonId, tagger: &Tagger) -> Option<DateTime<Utc>> {
        let bytes: [u8; LENGTH] = BASE64.decode(marker).ok()?.try_into().ok()?;
        let number = |bytes: &[u8]| bytes.try_into().ok().map(i64::from_be_bytes);
        let named = Self { session: number(&bytes[..8])?, begun_at: number(&bytes[8..16])? };
        let signed = [named.bytes().as_slice(), &person.0.to_be_bytes()].concat();
        let is_theirs = tagger.is_tag_of(&bytes[16..], &signed);
        DateTime::from_timestamp_micros(named.begun_at).filter(|_| is_theirs)
    }
}

impl Sessions {
    /// What marks an application's cookies as a session's.
    pub fn marker<'a>(&self, live: &'a LiveSession) -> &'a str {
        live.marker.get_or_init(|| {
            let begun_at = live.begun_at.timestamp_micros();
            Named { session: live.parent.0, begun_at }.marker(live.person, &self.markers)
        })
    }

    /// Whose the cookies are that come with a marker, or without one, for a session. Usually a comparison;
    /// for the first request of a session, the store knows whether its person has signed out since.
    pub async fn owner(&self, marker: Option<&str>, live: &LiveSession) -> Owner {
        let Some(marker) = marker else {
            return Owner::SomebodyElse;
        };
        if marker == self.marker(live) {
            return Owner::ThisSession;
        }
        let began = Named::beginning(marker, live.person, &self.markers);
        let Some(began) = began.filter(|began| *began + LIFE > self.clock.now()) else {
            return Owner::SomebodyElse;
        };
        match Box::pin(self.store.find_sign_out(live.person)).await {
            Ok(Some(at)) if at >= began => Owner::SomebodyElse,
            Ok(_) => Owner::SamePerson,
            Err(error) => {
                tracing::warn!(%error, "an application's cookies are dropped: whose they are is not known");
                Owner::SomebodyElse
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Sealer;

    #[test]
    fn a_marker_says_whose_session_it_was_and_nothing_else_does() {
        let sealer = Sealer::new(&"k".repeat(32).into(), &[]).unwrap();
        let tagger = sealer.tagger("marker");
        let (alice, bob) = (PersonId(1), PersonId(2));
        let named = Named { session: 7, begun_at: 1_700_000_000_000_000 };
        let marker = named.marker(alice, &tagger);
        let began = |marker: &str, person| Named::beginning(marker, person, &tagger);
        assert_eq!(began(&marker, alice).unwrap().timestamp_micros(), named.begun_at);
        assert_eq!(began(&marker, bob), None);
        let later = Named { begun_at: named.begun_at + 1, ..named }.marker(alice, &tagger);
        let mixed = format!("{}{}", &later[..22], &marker[22..]);
        for made_up in ["", "x", &marker[1..], &format!("{marker}A"), mixed.as_str()] {
            assert_eq!(began(made_up, alice), None, "{made_up}");
        }
    }
}
