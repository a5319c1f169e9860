//! Whether a signature holds: the one thing that `samael` is asked.

use std::panic::{AssertUnwindSafe, catch_unwind};

use samael::crypto::{CertificateDer, Crypto, CryptoProvider as _, ReduceMode};

use super::{ResponseError, algorithms::ALLOWED, quiet};

/// The very bytes that were signed, in canonical form.
///
/// All signatures of the document have to hold. If both response and assertion are signed, the
/// response's bytes are returned. `text` has passed the gate.
pub(super) fn signed_bytes(
    text: &str,
    certificates: &[CertificateDer],
    allow_sha1: bool,
) -> Result<String, ResponseError> {
    quiet::be_quiet();
    let allowed = (!allow_sha1).then_some(&ALLOWED[..]);
    let reduce = |certificates: &[CertificateDer]| {
        // The library has panicked before, and a panic here must not take a thread of the pool.
        let reduced = catch_unwind(AssertUnwindSafe(|| {
            Crypto::reduce_xml_to_signed_with_allowed_algorithms(
                text,
                certificates,
                ReduceMode::PreDigest,
                allowed,
            )
        }));
        reduced.ok().and_then(Result::ok)
    };
    // One at a time: a certificate for another kind of key ends the library's search with an error.
    certificates
        .iter()
        .find_map(|certificate| reduce(std::slice::from_ref(certificate)))
        .or_else(|| reduce(certificates))
        .ok_or(ResponseError::Signature)
}
