//! Short proofs that the gateway itself made a value.

use aws_lc_rs::{constant_time, hmac};

/// The length of a tag in bytes: 128 bits cannot be guessed.
pub const TAG_LENGTH: usize = 16;

/// Makes and checks tags (HMAC-SHA-256, cut to 128 bits; RFC 2104).
#[derive(Clone, Debug)]
pub struct Tagger(hmac::Key);

impl Tagger {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The tag of a value.
    #[must_use]
    pub fn tag(&self, value: &[u8]) -> [u8; TAG_LENGTH] {
        let full = hmac::sign(&self.0, value);
        let mut tag = [0; TAG_LENGTH];
        tag.copy_from_slice(&full.as_ref()[..TAG_LENGTH]);
        tag
    }

    /// Whether the tag is the value's, in a time that does not depend on the tag.
    #[must_use]
    pub fn is_tag_of(&self, tag: &[u8], value: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(tag, &self.tag(value)).is_ok()
    }
}
