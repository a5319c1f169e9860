//! Bytes that nobody can guess.

use aws_lc_rs::rand;

/// Draws random bytes from the operating system's generator.
///
/// # Panics
///
/// If the operating system has no randomness: nothing the gateway could do then would be safe.
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness nothing is safe")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the operating system has no randomness");
    bytes
}
