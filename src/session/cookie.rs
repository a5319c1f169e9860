//! What a session's cookie holds.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use crate::secrets::{Hash, TAG_LENGTH, Tagger, random, sha256};

const SECRET_LENGTH: usize = 32;
const LENGTH: usize = SECRET_LENGTH + TAG_LENGTH;

/// 256 random bits, and a tag that says that the gateway drew them: a cookie that somebody made up
/// costs a hash and never reaches the database.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cookie([u8; LENGTH]);

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookie")
    }
}

impl Cookie {
    pub(super) fn random(tagger: &Tagger) -> Self {
        let secret: [u8; SECRET_LENGTH] = random();
        let mut bytes = [0; LENGTH];
        bytes[..SECRET_LENGTH].copy_from_slice(&secret);
        bytes[SECRET_LENGTH..].copy_from_slice(&tagger.tag(&secret));
        Self(bytes)
    }

    /// The bytes in a cookie's value, whoever made them.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        let length = BASE64.decode_slice(value, &mut bytes).ok()?;
        (length == LENGTH).then_some(Self(bytes))
    }

    pub(super) fn value(&self) -> String {
        BASE64.encode(self.0)
    }

    /// Whether the gateway made it.
    pub(super) fn is_ours(&self, tagger: &Tagger) -> bool {
        let (secret, tag) = self.0.split_at(SECRET_LENGTH);
        tagger.is_tag_of(tag, secret)
    }

    /// What the store knows it by.
    pub(super) fn hash(&self) -> Hash {
        sha256(&self.0[..SECRET_LENGTH])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Sealer;

    #[test]
    fn only_what_the_gateway_made_is_a_cookie() {
        let sealer = Sealer::new(&"k".repeat(32).into(), &[]).unwrap();
        let tagger = sealer.tagger("session");
        let cookie = Cookie::random(&tagger);
        let parsed = Cookie::parse(&cookie.value()).unwrap();
        assert!(parsed == cookie && parsed.is_ours(&tagger));
        assert!(!parsed.is_ours(&sealer.tagger("other")));

        let mut changed = cookie;
        changed.0[0] ^= 1;
        assert!(!changed.is_ours(&tagger));
        for malformed in ["", "x", &cookie.value()[1..], &format!("{}A", cookie.value()), "%%%%"] {
            assert!(Cookie::parse(malformed).is_none(), "{malformed}");
        }
    }
}
