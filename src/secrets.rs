//! Keys derived from the master key, and what is done with them: sealing, tagging, drawing lots.

mod hash;
mod random;
mod sealer;
mod tag;

pub use self::{
    hash::{Hash, sha256},
    random::random,
    sealer::{MasterKeyError, OpenError, Sealer},
    tag::{TAG_LENGTH, Tagger},
};
