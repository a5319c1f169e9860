//! Keys, most of them derived from the master key, and what is done with them: sealing, tagging, signing, drawing lots.

mod hash;
mod random;
mod sealer;
mod signing_key;
mod tag;

pub use self::{
    hash::{Hash, is_equal, sha256},
    random::random,
    sealer::{MasterKeyError, OpenError, Sealer},
    signing_key::{PublicKey, SigningKey, SigningKeyError},
    tag::{TAG_LENGTH, Tagger},
};
