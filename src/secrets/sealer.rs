//! Seals what leaves the gateway and has to come back unread and unchanged.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Tagger, random, sha256};

/// Fewer bytes could be guessed.
const MIN_MASTER_KEY_BYTES: usize = 32;

/// How many bytes of a sealed text say which key sealed it.
const KEY_ID_LENGTH: usize = 4;

/// Seals with the first master key, and opens with all of them, so that keys can be rotated.
///
/// A sealed text is key id (4 bytes), nonce (12), AES-256-GCM ciphertext and tag. Every purpose has
/// a name, so that what was sealed for one cannot be used for another.
#[derive(Debug)]
pub struct Sealer {
    keys: Vec<SealingKey>,
    tag_secret: [u8; 32],
}

#[derive(Debug)]
struct SealingKey {
    id: [u8; KEY_ID_LENGTH],
    key: LessSafeKey,
}

/// Why a text cannot serve as a master key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// It is too short to be safe.
    #[error(
        "has {0} bytes, and needs at least {MIN_MASTER_KEY_BYTES}: make one with `openssl rand -hex 32`"
    )]
    TooShort(usize),
    /// The cryptographic library refused it.
    #[error("cannot be used as a key")]
    Unusable,
}

/// A text that the gateway did not seal, or that is not what it was.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sealed by this gateway, or changed since")]
pub struct OpenError;

impl Sealer {
    /// From the master key, and those that were it before.
    pub fn new(master: &SecretString, previous: &[SecretString]) -> Result<Self, MasterKeyError> {
        let keys: Result<Vec<_>, _> =
            std::iter::once(master).chain(previous).map(SealingKey::derive).collect();
        Ok(Self { keys: keys?, tag_secret: derive(master, b"gatehouse tag v1")? })
    }

    /// Seals bytes for a purpose.
    ///
    /// # Panics
    ///
    /// If AES-GCM refuses, which it does only beyond 64 GiB.
    #[must_use]
    #[expect(clippy::expect_used, reason = "AES-GCM refuses only texts beyond 64 GiB")]
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let SealingKey { id, key } = &self.keys[0];
        let nonce: [u8; NONCE_LEN] = random();
        let mut text = plain.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose.as_bytes()),
            &mut text,
        )
        .expect("AES-GCM seals");
        [id.as_slice(), &nonce, &text].concat()
    }

    /// Opens what was sealed for the purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (id, rest) = sealed.split_at_checked(KEY_ID_LENGTH).ok_or(OpenError)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(OpenError)?;
        let SealingKey { key, .. } = self.keys.iter().find(|key| key.id == id).ok_or(OpenError)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError)?;
        let mut text = text.to_vec();
        let plain = key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text);
        plain.map(|plain| plain.to_vec()).map_err(|_| OpenError)
    }

    /// Makes and checks tags for a purpose.
    #[must_use]
    pub fn tagger(&self, purpose: &str) -> Tagger {
        Tagger::new(&sha256(&[self.tag_secret.as_slice(), purpose.as_bytes()].concat()))
    }
}

impl SealingKey {
    fn derive(master: &SecretString) -> Result<Self, MasterKeyError> {
        let secret: [u8; 32] = derive(master, b"gatehouse seal v1")?;
        let key = UnboundKey::new(&AES_256_GCM, &secret).map_err(|_| MasterKeyError::Unusable)?;
        let mut id = [0; KEY_ID_LENGTH];
        id.copy_from_slice(&sha256(&secret)[..KEY_ID_LENGTH]);
        Ok(Self { id, key: LessSafeKey::new(key) })
    }
}

/// HKDF-SHA-256 (RFC 5869): one key per use from one master key.
fn derive(master: &SecretString, info: &[u8]) -> Result<[u8; 32], MasterKeyError> {
    let master = master.expose_secret().as_bytes();
    if master.len() < MIN_MASTER_KEY_BYTES {
        return Err(MasterKeyError::TooShort(master.len()));
    }
    let info = [info];
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"gatehouse")
        .extract(master)
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| MasterKeyError::Unusable)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: char) -> SecretString {
        byte.to_string().repeat(32).into()
    }

    #[test]
    fn opens_only_what_it_sealed_for_the_same_purpose() {
        let sealer = Sealer::new(&key('a'), &[]).unwrap();
        let text = sealer.seal("flow", b"hello");
        assert_eq!(sealer.open("flow", &text).unwrap(), b"hello");
        assert_eq!(sealer.open("post", &text), Err(OpenError));
        for index in 0..text.len() {
            let mut changed = text.clone();
            changed[index] ^= 1;
            assert_eq!(sealer.open("flow", &changed), Err(OpenError), "byte {index}");
            assert_eq!(sealer.open("flow", &text[..index]), Err(OpenError));
        }
    }

    #[test]
    fn a_previous_key_still_opens_and_no_longer_seals() {
        let old = Sealer::new(&key('a'), &[]).unwrap();
        let rotated = Sealer::new(&key('b'), &[key('a')]).unwrap();
        assert_eq!(rotated.open("flow", &old.seal("flow", b"x")).unwrap(), b"x");
        assert_eq!(old.open("flow", &rotated.seal("flow", b"x")), Err(OpenError));
    }

    #[test]
    fn tags_depend_on_value_and_purpose() {
        let sealer = Sealer::new(&key('a'), &[]).unwrap();
        let tag = sealer.tagger("cookie").tag(b"id");
        assert!(sealer.tagger("cookie").is_tag_of(&tag, b"id"));
        assert!(!sealer.tagger("cookie").is_tag_of(&tag, b"di"));
        assert!(!sealer.tagger("other").is_tag_of(&tag, b"id"));
    }

    #[test]
    fn a_short_master_key_is_refused() {
        let refused = Sealer::new(&"short".to_owned().into(), &[]).unwrap_err();
        assert_eq!(refused, MasterKeyError::TooShort(5));
    }
}
