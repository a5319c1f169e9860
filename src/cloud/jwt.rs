//! Signed tokens (JWT, RFC 7519) by which the gateway proves to a cloud who it is.

mod jwk;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING as P256, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaEncoding,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};

/// How a token is signed (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSA with the padding of PKCS #1 v1.5.
    Rs256,
    /// RSA with PSS.
    Ps256,
    /// ECDSA on P-256.
    Es256,
}

/// A private key that signs tokens. Nothing shows it: not the log, not `{:?}`.
pub(super) struct JwtKey {
    pair: Pair,
    id: Option<String>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// Why a key cannot be used, or not in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JwtError {
    /// It is neither PEM nor a JWK.
    #[error("is no private key: neither PEM (PKCS#8 or PKCS#1) nor a JWK")]
    NoKey,
    /// It is a key that nothing here can sign with.
    #[error("is a key that cannot be used: it must be RSA with 2048 bits or more, or EC on P-256")]
    Unsuitable,
    /// The key is of another sort than the algorithm.
    #[error("is a key that cannot sign with {0:?}")]
    Algorithm(Algorithm),
    /// The cryptographic library refuses.
    #[error("does not sign")]
    Refused,
}

impl JwtKey {
    /// A key as administrators are given it: PEM, or a JWK, which has an id.
    pub(super) fn read(text: &str) -> Result<Self, JwtError> {
        let text = text.trim();
        if text.starts_with('{') { jwk::read(text) } else { Self::from_pem(text) }
    }

    fn from_pem(text: &str) -> Result<Self, JwtError> {
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| JwtError::NoKey)?;
        let pair = match &key {
            PrivateKeyDer::Pkcs1(der) => {
                RsaKeyPair::from_der(der.secret_pkcs1_der()).map(Pair::Rsa)
            }
            PrivateKeyDer::Sec1(der) => {
                EcdsaKeyPair::from_private_key_der(&P256, der.secret_sec1_der()).map(Pair::Ec)
            }
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                let ec = || EcdsaKeyPair::from_pkcs8(&P256, der).map(Pair::Ec);
                RsaKeyPair::from_pkcs8(der).map(Pair::Rsa).or_else(|_| ec())
            }
            _ => return Err(JwtError::NoKey),
        };
        Ok(Self { pair: pair.map_err(|_| JwtError::Unsuitable)?, id: None })
    }

    /// A new one for ES256.
    pub(super) fn generate() -> Result<Self, JwtError> {
        let pair = EcdsaKeyPair::generate(&P256).map_err(|_| JwtError::Refused)?;
        Ok(Self { pair: Pair::Ec(pair), id: None })
    }

    /// The id that a JWK has.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What this sort of key signs with, if nobody asks for something else.
    pub(super) fn usual_algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Rsa(_) => Algorithm::Rs256,
            Pair::Ec(_) => Algorithm::Es256,
        }
    }

    /// The public half as a JWK (RFC 7517), with nothing in it but the key.
    pub(super) fn public_jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let number = |bytes: &[u8]| BASE64.encode(bytes);
                let modulus = number(public.modulus().big_endian_without_leading_zero());
                let exponent = number(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": modulus, "e": exponent })
            }
            Pair::Ec(pair) => {
                // A 4, then both coordinates (SEC 1 section 2.3.3).
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": "P-256", "x": BASE64.encode(x), "y": BASE64.encode(y) })
            }
        }
    }

    /// Claims as a token in the compact form of RFC 7515 section 7.1. The header gets `alg`, and keeps what else it has.
    pub(super) fn sign(
        &self,
        algorithm: Algorithm,
        mut header: Value,
        claims: &Value,
    ) -> Result<String, JwtError> {
        header["alg"] = json!(algorithm.name());
        let part = |value: &Value| BASE64.encode(value.to_string());
        let mut token = format!("{}.{}", part(&header), part(claims));
        let signature = self.signature(algorithm, token.as_bytes())?;
        token.push('.');
        BASE64.encode_string(signature, &mut token);
        Ok(token)
    }

    fn signature(&self, algorithm: Algorithm, bytes: &[u8]) -> Result<Vec<u8>, JwtError> {
        let random = SystemRandom::new();
        let padding: &'static dyn RsaEncoding = match (&self.pair, algorithm) {
            (Pair::Ec(pair), Algorithm::Es256) => {
                let signature = pair.sign(&random, bytes).map_err(|_| JwtError::Refused)?;
                return Ok(signature.as_ref().to_vec());
            }
            (Pair::Rsa(_), Algorithm::Rs256) => &RSA_PKCS1_SHA256,
            (Pair::Rsa(_), Algorithm::Ps256) => &RSA_PSS_SHA256,
            _ => return Err(JwtError::Algorithm(algorithm)),
        };
        let Pair::Rsa(pair) = &self.pair else { return Err(JwtError::Algorithm(algorithm)) };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &random, bytes, &mut signature).map_err(|_| JwtError::Refused)?;
        Ok(signature)
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
        }
    }
}

impl std::fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.pair {
            Pair::Rsa(_) => "RSA",
            Pair::Ec(_) => "EC",
        };
        write!(f, "JwtKey({kind})")
    }
}

#[cfg(test)]
mod tests;
