//! Signed tokens, verified for real: what a client signs with the wrong key, or for somebody else, is refused.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{
    bn::BigNum,
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Public},
    rsa::{Padding, Rsa},
    sha::sha256,
    sign::{RsaPssSaltlen, Verifier},
};
use serde_json::Value;

use super::time::Moment;

/// A token that was taken apart, and not yet believed.
pub struct Jws {
    pub header: Value,
    pub claims: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    pub fn parse(token: &str) -> Option<Self> {
        Self::read(token, |part| URL_SAFE_NO_PAD.decode(part).ok())
    }

    /// With padding, which there must not be (RFC 7515, 2): Microsoft's libraries write it, so Entra ID reads it.
    pub fn parse_padded(token: &str) -> Option<Self> {
        Self::read(token, |part| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok())
    }

    fn read(token: &str, decode: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let json = |part| serde_json::from_slice::<Value>(&decode(part)?).ok();
        let (header, claims) = (json(header)?, json(claims)?);
        Some(Self { header, claims, signed: signed.to_owned(), signature: decode(signature)? })
    }

    /// Whether this key signed it, in one of the ways allowed.
    pub fn is_signed_by(&self, key: &PKey<Public>, algorithms: &[&str]) -> bool {
        let algorithm = self.header["alg"].as_str().unwrap_or_default();
        algorithms.contains(&algorithm) && self.verify(key, algorithm).unwrap_or(false)
    }

    fn verify(
        &self,
        key: &PKey<Public>,
        algorithm: &str,
    ) -> Result<bool, openssl::error::ErrorStack> {
        if algorithm == "ES256" {
            let (Ok(key), 64) = (key.ec_key(), self.signature.len()) else { return Ok(false) };
            let (r, s) = self.signature.split_at(32);
            let signature =
                EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
            return signature.verify(&sha256(self.signed.as_bytes()), &key);
        }
        if key.rsa().is_err() {
            return Ok(false);
        }
        let mut verifier = Verifier::new(MessageDigest::sha256(), key)?;
        match algorithm {
            "RS256" => {}
            "PS256" => {
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
            }
            _ => return Ok(false),
        }
        verifier.verify_oneshot(&self.signature, self.signed.as_bytes())
    }

    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims[name].as_str()
    }

    /// A time claim.
    pub fn time(&self, name: &str) -> Option<i64> {
        self.claims[name].as_i64()
    }

    /// Whether the token is good now: with five minutes for clocks that differ, and not for longer than `longest` seconds.
    pub fn is_current(&self, now: Moment, longest: i64) -> bool {
        let now = now.timestamp();
        let begins = self.time("nbf").or(self.time("iat")).unwrap_or(now);
        self.time("exp").is_some_and(|ends| {
            ends > now && begins <= now + 300 && ends - begins <= longest && ends <= now + longest
        })
    }

    pub fn is_for(&self, audience: &str) -> bool {
        match &self.claims["aud"] {
            Value::Array(all) => all.iter().any(|one| one == audience),
            one => one == audience,
        }
    }
}

/// A public key in a JSON Web Key.
pub fn key_of(jwk: &Value) -> Option<PKey<Public>> {
    let number = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok()?;
        BigNum::from_slice(&bytes).ok()
    };
    match jwk["kty"].as_str()? {
        "RSA" => {
            let key = Rsa::from_public_components(number("n")?, number("e")?).ok()?;
            PKey::from_rsa(key).ok()
        }
        "EC" if jwk["crv"] == "P-256" => {
            let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).ok()?;
            let (x, y) = (number("x")?, number("y")?);
            PKey::from_ec_key(EcKey::from_public_key_affine_coordinates(&group, &x, &y).ok()?).ok()
        }
        _ => None,
    }
}

/// The thumbprint of a key (RFC 7638).
pub fn thumbprint(jwk: &Value) -> Option<String> {
    let names: &[&str] = match jwk["kty"].as_str()? {
        "RSA" => &["e", "kty", "n"],
        _ => &["crv", "kty", "x", "y"],
    };
    let member = |name: &&str| Some(format!("\"{name}\":\"{}\"", jwk[*name].as_str()?));
    let members: Option<Vec<_>> = names.iter().map(member).collect();
    Some(hash(&format!("{{{}}}", members?.join(","))))
}

/// The SHA-256 of a text, as tokens write it.
pub fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
}

/// Identifiers that are good once.
#[derive(Default)]
pub struct Once(Mutex<HashSet<String>>);

impl Once {
    /// Whether this is the first time.
    pub fn is_new(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned())
    }
}
