//! What clouds say by themselves has happened: event hooks of Okta, notifications of Graph, channels of Google.
//!
//! Anybody can send such a message, so it is only ever read for two things: a secret, and whom to look at. What became of
//! them is asked of the cloud, with the connector's own credential.

use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{entra, google, okta};
use crate::{
    config::CloudConfig,
    secrets::{Hash, sha256},
};

/// No cloud has longer ids.
const LONGEST_ID: usize = 64;

/// No cloud's challenge is longer.
const LONGEST_CHALLENGE: usize = 1024;

/// What a cloud says has happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hint {
    /// Something has become of a user, by id.
    User(String),
    /// Something has become of something else, such as a group.
    Others,
    /// Not everything has been said that has happened.
    Missed,
    /// The cloud wants to hear that it is still to say what happens.
    Renew,
    /// The cloud says nothing any more, before the time.
    Over,
}

/// A hint, by the word of whoever knows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The digest of the secret, of clouds that have it beside each hint.
    pub proof: Option<Hash>,
    /// What is said.
    pub hint: Hint,
}

/// A message that is not what the cloud's documentation says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HintError(pub(super) &'static str);

/// How a cloud says what has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintFormat {
    /// Change notifications of Microsoft Graph (`learn.microsoft.com/graph/change-notifications-delivery-webhooks`).
    Entra,
    /// Event hooks (`developer.okta.com/docs/concepts/event-hooks`).
    Okta,
    /// Push notifications (`developers.google.com/workspace/admin/directory/v1/guides/push`).
    Google,
}

/// What a cloud wants to hear before it sends anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo {
    /// Its media type.
    pub media_type: &'static str,
    /// It.
    pub body: String,
}

impl HintFormat {
    /// That of a cloud.
    #[must_use]
    pub fn of(cloud: CloudConfig<'_>) -> Self {
        match cloud {
            CloudConfig::Entra(_) => Self::Entra,
            CloudConfig::Okta(_) => Self::Okta,
            CloudConfig::Google(_) => Self::Google,
        }
    }

    /// The header with the secret. Graph has it in the body, beside each hint.
    #[must_use]
    pub fn proof_header(self) -> Option<&'static str> {
        match self {
            Self::Entra => None,
            Self::Okta => Some("authorization"),
            Self::Google => Some("x-goog-channel-token"),
        }
    }

    /// The digest of the secret that the headers have.
    #[must_use]
    pub fn proof(self, headers: &HeaderMap) -> Option<Hash> {
        let value = headers.get(self.proof_header()?)?;
        Some(sha256(value.as_bytes()))
    }

    /// What is to be answered to a message that only wants to know whether somebody is there who understands it. Whatever
    /// anybody has repeated here is plain text, or a text in JSON, and nothing that a browser would run.
    #[must_use]
    pub fn echo(self, token: Option<&str>, headers: &HeaderMap) -> Option<Echo> {
        let challenge =
            headers.get("x-okta-verification-challenge").and_then(|it| it.to_str().ok());
        let asked = match self {
            Self::Entra => token,
            Self::Okta => challenge,
            Self::Google => None,
        };
        let asked = asked.filter(|text| is_plain(text))?;
        Some(match self {
            Self::Okta => Echo {
                media_type: "application/json",
                body: json!({ "verification": asked }).to_string(),
            },
            _ => Echo { media_type: "text/plain", body: asked.to_owned() },
        })
    }

    /// What a message says. Of clouds that prove themselves by a header, words have no proof of their own.
    pub fn read(self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Word>, HintError> {
        let mut words = match self {
            Self::Entra => entra::words(body)?,
            Self::Okta => okta::words(body)?,
            Self::Google => google::words(headers, body)?,
        };
        words.retain(|word| !matches!(&word.hint, Hint::User(id) if !is_id(id)));
        Ok(words)
    }

    /// How a cloud is told that it was heard.
    #[must_use]
    pub fn thanks(self) -> StatusCode {
        match self {
            Self::Entra => StatusCode::ACCEPTED,
            Self::Okta | Self::Google => StatusCode::NO_CONTENT,
        }
    }
}

/// Whether it could be an id: nothing that means something else in an address.
fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_plain(text: &str) -> bool {
    (1..=LONGEST_CHALLENGE).contains(&text.len())
        && text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"<>\"'&\\".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn hints(format: HintFormat, all: &[(&'static str, &str)], body: &str) -> Vec<Hint> {
        let words = format.read(&headers(all), body.as_bytes()).unwrap();
        words.into_iter().map(|word| word.hint).collect()
    }

    fn user(id: &str) -> Hint {
        Hint::User(id.to_owned())
    }

    #[test]
    fn graph_says_of_whom_it_speaks_and_proves_each_word() {
        let body = r##"{ "value": [
            { "clientState": "one", "changeType": "updated", "resource": "Users/u-1",
              "resourceData": { "@odata.type": "#Microsoft.Graph.User", "id": "u-1" } },
            { "clientState": "two", "changeType": "updated", "resource": "Groups/g-1",
              "resourceData": { "@odata.type": "#Microsoft.Graph.Group", "id": "g-1",
                                "members@delta": [{ "id": "u-2" }] } },
            { "clientState": "one", "lifecycleEvent": "missed", "resourceData": null },
            { "clientState": "one", "lifecycleEvent": "subscriptionRemoved" },
            { "clientState": "one", "lifecycleEvent": "reauthorizationRequired" },
            { "clientState": "one", "lifecycleEvent": "something new" },
            { "resource": "Users/u-3", "resourceData": { "id": "u-3" } },
            { "clientState": "one", "resource": "Users/../x", "resourceData": { "id": "../x" } }
        ] }"##;
        let words = HintFormat::Entra.read(&HeaderMap::new(), body.as_bytes()).unwrap();
        let proofs: Vec<_> = words.iter().map(|word| word.proof).collect();
        let (one, two) = (Some(sha256(b"one")), Some(sha256(b"two")));
        assert_eq!(proofs, [one, two, one, one, one, None]);
        let said: Vec<_> = words.into_iter().map(|word| word.hint).collect();
        let others = [Hint::Others, Hint::Missed, Hint::Over, Hint::Renew];
        assert_eq!(said[0], user("u-1"));
        assert_eq!(said[1..5], others);
        assert_eq!(said[5], user("u-3"));
    }

    #[test]
    fn okta_says_whom_events_are_about() {
        let body = r#"{ "eventType": "com.okta.event_hook", "eventId": "e", "data": { "events": [
            { "eventType": "user.lifecycle.suspend", "actor": { "id": "00uadmin", "type": "User" },
              "target": [{ "id": "00u1", "type": "User", "alternateId": "ada@example.com" }] },
            { "eventType": "group.user_membership.add",
              "target": [{ "id": "00u2", "type": "User" }, { "id": "00g1", "type": "UserGroup" }] },
            { "eventType": "group.lifecycle.delete", "target": [{ "id": "00g2", "type": "UserGroup" }] },
            { "eventType": "application.user_membership.remove",
              "target": [{ "id": "0ua1", "type": "AppUser" }, { "id": "00u1", "type": "User" }] },
            { "eventType": "policy.lifecycle.update", "target": null }
        ] } }"#;
        let said = hints(HintFormat::Okta, &[], body);
        assert_eq!(said, [user("00u1"), user("00u2"), Hint::Others, user("00u1")]);
        let proof = HintFormat::Okta.proof(&headers(&[("authorization", "a secret")]));
        assert_eq!(proof, Some(sha256(b"a secret")));
        assert_eq!(HintFormat::Okta.proof(&HeaderMap::new()), None);
    }

    #[test]
    fn google_says_who_it_is_or_that_a_channel_begins() {
        let body = r#"{ "kind": "admin#directory#user", "id": "1234", "primaryEmail": "a@b" }"#;
        let state = |state| [("x-goog-resource-state", state)];
        assert_eq!(hints(HintFormat::Google, &state("update"), body), [user("1234")]);
        assert_eq!(hints(HintFormat::Google, &state("sync"), ""), []);
        assert_eq!(hints(HintFormat::Google, &state("delete"), ""), [Hint::Others]);
        assert!(HintFormat::Google.read(&HeaderMap::new(), body.as_bytes()).is_err());
    }

    #[test]
    fn no_bytes_are_too_odd_to_be_refused() {
        let deep = "[".repeat(100_000);
        for format in [HintFormat::Entra, HintFormat::Okta] {
            for body in ["", "null", "[]", "{}", "\u{0}", "{\"value\":3}", deep.as_str()] {
                let read = format.read(&HeaderMap::new(), body.as_bytes());
                assert!(read.is_err(), "{format:?}: {read:?}");
            }
        }
        let all = [("x-goog-resource-state", "update")];
        assert_eq!(hints(HintFormat::Google, &all, &deep), [Hint::Others]);
    }

    #[test]
    fn what_is_repeated_is_harmless() {
        let graph = |token| HintFormat::Entra.echo(Some(token), &HeaderMap::new());
        let token =
            "Validation: Testing client application reachability for subscription Request-Id: 1-2";
        assert_eq!(graph(token).unwrap().body, token);
        assert_eq!(graph(token).unwrap().media_type, "text/plain");
        for odd in ["<script>", "a\nb", "ä", "", &"x".repeat(1025)] {
            assert_eq!(graph(odd), None, "{odd}");
        }
        let okta = headers(&[("x-okta-verification-challenge", "aB-3")]);
        let echo = HintFormat::Okta.echo(Some("not this"), &okta).unwrap();
        assert_eq!(echo.body, r#"{"verification":"aB-3"}"#);
        assert_eq!(HintFormat::Okta.echo(Some(token), &HeaderMap::new()), None);
        assert_eq!(HintFormat::Google.echo(Some(token), &okta), None);
    }
}
