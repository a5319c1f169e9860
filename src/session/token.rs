//! What an application knows a session by, where it signs people in by Crowd's cookie.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use crate::secrets::{Hash, Sealer, TAG_LENGTH, Tagger, sha256};

/// A secret, and a tag that says that the gateway made it for the application.
const LENGTH: usize = 2 * TAG_LENGTH;

/// A token as applications get it. Nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of no session, for questions about what an application would be sent.
    #[must_use]
    pub fn supposed() -> Self {
        Self("none".into())
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// The bytes of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenBytes([u8; LENGTH]);

impl std::fmt::Debug for TokenBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenBytes")
    }
}

impl TokenBytes {
    /// The bytes in a text, whoever made them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        let length = BASE64.decode_slice(text, &mut bytes).ok()?;
        (length == LENGTH).then_some(Self(bytes))
    }

    pub(super) fn token(&self) -> Token {
        Token(BASE64.encode(self.0).into())
    }

    /// What the store knows it by.
    pub(super) fn hash(&self) -> Hash {
        sha256(&self.0)
    }
}

/// Makes tokens, and tells them from what others have made up.
#[derive(Debug)]
pub(super) struct TokenMaker {
    secrets: Tagger,
    tags: Tagger,
}

impl TokenMaker {
    pub(super) fn new(sealer: &Sealer) -> Self {
        Self { secrets: sealer.tagger("crowd token"), tags: sealer.tagger("crowd token tag") }
    }

    /// The token of a session for an application: the same on every replica and after a restart, so that what
    /// the application has begun with it goes on.
    pub(super) fn derive(&self, session: &Hash, application: &str) -> TokenBytes {
        // The hash has always the same length: no two pairs are the same bytes.
        let secret = self.secrets.tag(&[session.as_slice(), application.as_bytes()].concat());
        let mut bytes = [0; LENGTH];
        bytes[..TAG_LENGTH].copy_from_slice(&secret);
        bytes[TAG_LENGTH..].copy_from_slice(&self.tag(&secret, application));
        TokenBytes(bytes)
    }

    /// Whether the gateway made it for the application: what it made for another one is worth as little as
    /// what somebody has made up, and neither reaches the database.
    pub(super) fn has_made(&self, token: &TokenBytes, application: &str) -> bool {
        let (secret, tag) = token.0.split_at(TAG_LENGTH);
        self.tags.is_tag_of(tag, &[secret, application.as_bytes()].concat())
    }

    fn tag(&self, secret: &[u8], application: &str) -> [u8; TAG_LENGTH] {
        self.tags.tag(&[secret, application.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(key: &str) -> TokenMaker {
        TokenMaker::new(&Sealer::new(&key.repeat(32).into(), &[]).unwrap())
    }

    #[test]
    fn a_token_is_the_same_again_and_another_for_everything_else() {
        let (session, application) = ([1; 32], "jira");
        let token = maker("k").derive(&session, application);
        assert!(token == maker("k").derive(&session, application));
        for other in [
            maker("l").derive(&session, application),
            maker("k").derive(&[2; 32], application),
            maker("k").derive(&session, "wiki"),
        ] {
            assert!(token != other);
            assert!(token.0[..TAG_LENGTH] != other.0[..TAG_LENGTH], "and not only its tag");
        }
    }

    #[test]
    fn only_what_the_gateway_made_for_the_application_is_a_token() {
        let maker = maker("k");
        let token = maker.derive(&[1; 32], "jira");
        let text = token.token();
        let parsed = TokenBytes::parse(text.as_str()).unwrap();
        assert!(parsed == token && maker.has_made(&parsed, "jira"));
        assert!(!maker.has_made(&parsed, "wiki"));
        for index in 0..LENGTH {
            let mut changed = token;
            changed.0[index] ^= 1;
            assert!(!maker.has_made(&changed, "jira"), "byte {index}");
        }
        let text = text.as_str();
        for malformed in ["", "x", &text[1..], &format!("{text}A"), "%%%%"] {
            assert!(TokenBytes::parse(malformed).is_none(), "{malformed}");
        }
        assert_eq!(format!("{:?}", token.token()), "Token");
    }
}
