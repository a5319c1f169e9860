//! Keys, most of them derived from the master key, and what is done with them: sealing, tagging, signing, drawing lots.

mod certificate;
mod hash;
mod random;
mod sealer;
mod signature;
mod signing_key;
mod tag;

pub use self::{
    certificate::{CertificateFacts, certificate_expiry, read_certificate},
    hash::{Hash, is_equal, sha256},
    random::random,
    sealer::{MasterKeyError, OpenError, Sealer},
    signature::hmac_sha256,
    signing_key::{PublicKey, SigningKey, SigningKeyError},
    tag::{TAG_LENGTH, Tagger},
};
