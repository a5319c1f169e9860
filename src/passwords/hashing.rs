//! Hashing of passwords: argon2id (RFC 9106), stored in PHC format.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;

use crate::secrets::random;

/// What OWASP's cheat sheet on storing passwords asks for: memory in KiB, rounds, lanes.
const PARAMETERS: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Hashes and compares, which takes tens of milliseconds and 19 MiB each time.
#[derive(Debug)]
pub(super) struct Hashing {
    argon2: Argon2<'static>,
    /// The hash of something that nobody knows, for accounts that have none.
    nobodys: String,
}

/// A password that could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("a password cannot be hashed: {0}")]
pub struct HashingError(String);

/// How a password compares with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Differs,
    Matches {
        /// Whether the hash was made with other parameters than are used now.
        outdated: bool,
    },
}

/// A password as it is hashed: the two ways of writing `é` are one (RFC 8265 section 4.2).
pub(super) fn composed(password: &str) -> SecretString {
    password.nfc().collect::<String>().into()
}

impl Hashing {
    pub(super) fn new() -> Result<Self, HashingError> {
        let (memory, rounds, lanes) = PARAMETERS;
        let params = Params::new(memory, rounds, lanes, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let unknown = BASE64.encode(random::<32>()).into();
        let hashing = Self { argon2, nobodys: String::new() };
        Ok(Self { nobodys: hashing.hash(&unknown)?, ..hashing })
    }

    /// A password's hash, with a salt of its own. Blocks.
    pub(super) fn hash(&self, password: &SecretString) -> Result<String, HashingError> {
        let password = password.expose_secret().as_bytes();
        let salt: [u8; 16] = random();
        let hash: PasswordHash =
            self.argon2.hash_password_with_salt(password, &salt).map_err(failed)?;
        Ok(hash.to_string())
    }

    /// Compares a password with a hash, or with nobody's. Blocks.
    pub(super) fn compare(&self, password: &SecretString, hash: Option<&str>) -> Comparison {
        let Ok(hash) = PasswordHash::new(hash.unwrap_or(&self.nobodys)) else {
            return Comparison::Differs;
        };
        match self.argon2.verify_password(password.expose_secret().as_bytes(), &hash) {
            Ok(()) => Comparison::Matches { outdated: self.is_outdated(&hash) },
            Err(_) => Comparison::Differs,
        }
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let is_argon2id = hash.algorithm == Algorithm::Argon2id.ident();
        let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        let made_with = Params::try_from(hash).map(|params| costs(&params));
        !is_argon2id || made_with.ok() != Some(costs(self.argon2.params()))
    }
}

fn failed(error: impl std::fmt::Display) -> HashingError {
    HashingError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_one_that_was_hashed() {
        let hashing = Hashing::new().unwrap();
        let hash = hashing.hash(&composed("Jos\u{e9} und das Meer")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let right = Comparison::Matches { outdated: false };
        assert_eq!(hashing.compare(&composed("Jose\u{301} und das Meer"), Some(&hash)), right);
        for wrong in ["", "José und das meer", "José und das Meer ", &hash] {
            assert_eq!(hashing.compare(&composed(wrong), Some(&hash)), Comparison::Differs);
            assert_eq!(hashing.compare(&composed(wrong), None), Comparison::Differs);
        }
        assert_eq!(hashing.compare(&composed("x"), Some("no hash")), Comparison::Differs);
        assert_ne!(hashing.hash(&composed("x")).unwrap(), hashing.hash(&composed("x")).unwrap());
    }

    #[test]
    fn a_hash_of_other_parameters_is_good_and_outdated() {
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let old: PasswordHash = weaker.hash_password_with_salt(b"secret", &[7; 16]).unwrap();
        let compared = Hashing::new().unwrap().compare(&composed("secret"), Some(&old.to_string()));
        assert_eq!(compared, Comparison::Matches { outdated: true });
    }
}
