//! Keys that sign what others verify: ES256, ECDSA on P-256 with SHA-256 (RFC 7518 section 3.4).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING as ES256, EcdsaKeyPair,
        KeyPair as _, ParsedPublicKey,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::Serialize;
use zeroize::Zeroizing;

use super::sha256;

/// A point that is not compressed: a 4, then both coordinates (SEC 1 section 2.3.3).
const POINT_LENGTH: usize = 65;

/// A private key. Nothing shows it: not the log, not `{:?}`.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

/// A public key, as a JSON Web Key (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    x: String,
    y: String,
    alg: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
    kid: String,
}

/// What the cryptographic library refuses to use as a key, or to do with one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key cannot be used")]
pub struct SigningKeyError;

impl SigningKey {
    /// A new one.
    pub fn generate() -> Result<Self, SigningKeyError> {
        EcdsaKeyPair::generate(&ES256).map_err(|_| SigningKeyError).and_then(Self::of)
    }

    /// From what [`SigningKey::to_pkcs8`] gave.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, SigningKeyError> {
        EcdsaKeyPair::from_pkcs8(&ES256, bytes).map_err(|_| SigningKeyError).and_then(Self::of)
    }

    fn of(pair: EcdsaKeyPair) -> Result<Self, SigningKeyError> {
        let public = PublicKey::from_point(pair.public_key().as_ref()).ok_or(SigningKeyError)?;
        Ok(Self { pair, public })
    }

    /// The private key, to be sealed.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, SigningKeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| SigningKeyError)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The point that [`PublicKey::from_point`] takes.
    #[must_use]
    pub fn point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// What others know it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.public.kid
    }

    /// Claims as a signed JSON Web Token (RFC 7519), in the compact form of RFC 7515 section 7.1.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, SigningKeyError> {
        let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"JWT"}}"#, self.id());
        let claims = serde_json::to_vec(claims).map_err(|_| SigningKeyError)?;
        let mut token = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes());
        token.push('.');
        BASE64.encode_string(signature.map_err(|_| SigningKeyError)?, &mut token);
        Ok(token)
    }
}

impl PublicKey {
    /// From a point on the curve, as [`SigningKey::point`] gives it.
    #[must_use]
    pub fn from_point(point: &[u8]) -> Option<Self> {
        let point: &[u8; POINT_LENGTH] = point.try_into().ok()?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
        let (x, y) = point[1..].split_at(POINT_LENGTH / 2);
        let (x, y) = (BASE64.encode(x), BASE64.encode(y));
        // The thumbprint of RFC 7638: whoever has the key can tell its name.
        let kid = sha256(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes());
        let kid = BASE64.encode(kid);
        Some(Self { kty: "EC", crv: "P-256", x, y, alg: "ES256", purpose: "sig", kid })
    }

    /// What others know it by.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.kid
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_written_down_is_the_same_key() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        assert_eq!(again.id(), key.id());
        let token = again.sign(&serde_json::json!({ "sub": "alice" })).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64.decode(signature).unwrap();
        let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point()).unwrap();
        assert!(public.verify_sig(signed.as_bytes(), &signature).is_ok());
        assert!(public.verify_sig(b"something else", &signature).is_err());
    }

    #[test]
    fn its_name_is_the_thumbprint_of_its_public_half() {
        // The key of RFC 7515 appendix A.3.
        let decode = |text| BASE64.decode(text).unwrap();
        let x = decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        let y = decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let key = PublicKey::from_point(&[vec![4], x, y].concat()).unwrap();
        assert_eq!(key.id(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
        assert!(PublicKey::from_point(&[4; POINT_LENGTH]).is_none(), "not on the curve");
        assert!(PublicKey::from_point(&[]).is_none());
    }

    #[test]
    fn nothing_shows_the_private_half() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.id()));
    }
}
