//! SHA-256, by which the store knows secrets it must not hold.

use aws_lc_rs::{constant_time, digest};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The SHA-256 digest of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Hash {
    let digest = digest::digest(&digest::SHA256, bytes);
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// Whether two digests are equal, in a time that does not depend on them.
#[must_use]
pub fn is_equal(one: &Hash, other: &Hash) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}
