//! Private keys as JSON Web Keys (RFC 7517, RFC 7518 section 6).

use aws_lc_rs::{
    rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING as P256, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{JwtError, JwtKey, Pair};

/// The members that a private key has. Which of them are there depends on `kty`.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<SecretString>,
    p: Option<SecretString>,
    q: Option<SecretString>,
    dp: Option<SecretString>,
    dq: Option<SecretString>,
    qi: Option<SecretString>,
    x: Option<String>,
    y: Option<String>,
}

/// Reads a private key.
pub(super) fn read(text: &str) -> Result<JwtKey, JwtError> {
    let jwk: Jwk = serde_json::from_str(text).map_err(|_| JwtError::NoKey)?;
    let pair = match jwk.kty.as_str() {
        "RSA" => jwk.rsa(),
        "EC" => jwk.ec(),
        _ => return Err(JwtError::Unsuitable),
    };
    Ok(JwtKey { pair: pair.ok_or(JwtError::Unsuitable)?, id: jwk.kid })
}

impl Jwk {
    fn rsa(&self) -> Option<Pair> {
        let components = KeyPairComponents {
            public_key: PublicKeyComponents {
                n: number(self.n.as_deref())?,
                e: number(self.e.as_deref())?,
            },
            d: secret(self.d.as_ref())?,
            p: secret(self.p.as_ref())?,
            q: secret(self.q.as_ref())?,
            dP: secret(self.dp.as_ref())?,
            dQ: secret(self.dq.as_ref())?,
            qInv: secret(self.qi.as_ref())?,
        };
        RsaKeyPair::from_components(&components).ok().map(Pair::Rsa)
    }

    fn ec(&self) -> Option<Pair> {
        let (x, y) = (number(self.x.as_deref())?, number(self.y.as_deref())?);
        let (secret, point) = (secret(self.d.as_ref())?, [vec![4], x, y].concat());
        EcdsaKeyPair::from_private_key_and_public_key(&P256, &secret, &point).ok().map(Pair::Ec)
    }
}

fn number(text: Option<&str>) -> Option<Vec<u8>> {
    BASE64.decode(text?).ok()
}

fn secret(text: Option<&SecretString>) -> Option<Zeroizing<Vec<u8>>> {
    BASE64.decode(text?.expose_secret()).ok().map(Zeroizing::new)
}
