//! Proofs that whoever shows a token has the key that it is bound to: `DPoP`, RFC 9449. A token that was stolen from a log or
//! a proxy is worth nothing without the key, which never leaves this process.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::{
    cloud::jwt::{Algorithm, JwtError, JwtKey},
    secrets::{random, sha256},
};

/// A key that tokens are bound to.
#[derive(Debug)]
pub(super) struct Prover {
    key: JwtKey,
    header: Value,
}

/// A request that a proof is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act<'a> {
    pub method: &'a str,
    pub url: &'a Url,
    /// The token that goes with it, unless it asks for one.
    pub token: Option<&'a str>,
    /// What the server wants to find in the proof, if it has said so.
    pub nonce: Option<&'a str>,
}

impl Prover {
    /// With a new key.
    pub(super) fn new() -> Result<Self, JwtError> {
        let key = JwtKey::generate()?;
        let header = json!({ "typ": "dpop+jwt", "jwk": key.public_jwk() });
        Ok(Self { key, header })
    }

    /// A proof, which is good for one request (RFC 9449 section 4.2).
    pub(super) fn prove(&self, act: Act<'_>, now: DateTime<Utc>) -> Result<String, JwtError> {
        let mut url = act.url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let mut claims = json!({
            "jti": BASE64.encode(random::<16>()),
            "htm": act.method,
            "htu": url.as_str(),
            "iat": now.timestamp(),
        });
        if let Some(token) = act.token {
            claims["ath"] = json!(BASE64.encode(sha256(token.as_bytes())));
        }
        if let Some(nonce) = act.nonce {
            claims["nonce"] = json!(nonce);
        }
        self.key.sign(Algorithm::Es256, self.header.clone(), &claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(token: &str) -> (Value, Value) {
        let parts: Vec<_> = token.split('.').collect();
        let part = |text| serde_json::from_slice(&BASE64.decode(text).unwrap()).unwrap();
        (part(parts[0]), part(parts[1]))
    }

    #[test]
    fn a_proof_names_the_request_the_token_and_the_key() {
        let prover = Prover::new().unwrap();
        let url = "https://example.okta.com/api/v1/users?limit=2#x".parse().unwrap();
        let act = Act {
            method: "GET",
            url: &url,
            token: Some("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
            nonce: Some("n"),
        };
        let (header, claims) = parts(&prover.prove(act, DateTime::UNIX_EPOCH).unwrap());
        assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        assert_eq!(header["jwk"].as_object().unwrap().len(), 4, "{header}: nothing private");
        assert_eq!(claims["htm"], "GET");
        assert_eq!(claims["htu"], "https://example.okta.com/api/v1/users");
        // The token of RFC 9449 section 4.3 and its hash.
        assert_eq!(claims["ath"], "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
        assert_eq!((&claims["nonce"], &claims["iat"]), (&json!("n"), &json!(0)));
    }

    #[test]
    fn no_two_proofs_are_the_same_and_what_is_not_known_is_not_in_them() {
        let prover = Prover::new().unwrap();
        let url = "https://example.okta.com/oauth2/v1/token".parse().unwrap();
        let act = Act { method: "POST", url: &url, token: None, nonce: None };
        let prove = || parts(&prover.prove(act, DateTime::UNIX_EPOCH).unwrap()).1;
        assert_ne!(prove()["jti"], prove()["jti"]);
        assert!(prove().get("ath").is_none() && prove().get("nonce").is_none());
    }
}
