//! Proofs of possession of a key: RFC 9449, as Okta demands them.

use axum::http::Method;
use serde_json::json;

use super::error;
use crate::support::clouds::{
    asked::{Answer, Asked, Body},
    cloud::{Cloud, NonceRefusal},
    jose::{Jws, hash, key_of, thumbprint},
};

const ALGORITHMS: [&str; 2] = ["RS256", "ES256"];

/// The value that proofs must carry now. It changes every day, and the one before is good for a day more.
pub fn nonces(cloud: &Cloud) -> [String; 2] {
    let day = cloud.now().timestamp() / 86_400;
    let seed = &cloud.credentials.okta.key.id;
    [hash(&format!("{seed} {day}")), hash(&format!("{seed} {}", day - 1))]
}

/// Why a proof is refused.
enum Refusal {
    Proof(&'static str),
    Nonce,
}

/// The thumbprint of the key that signed a good proof of this request.
fn check(
    cloud: &Cloud,
    asked: &Asked,
    token: Option<&str>,
    nonce: bool,
) -> Result<String, Refusal> {
    let proofs = asked.headers.get_all("dpop").iter().count();
    let Some(proof) = asked.header("dpop").filter(|_| proofs == 1) else {
        return Err(Refusal::Proof("The DPoP proof JWT header is missing."));
    };
    let jws = Jws::parse(proof).ok_or(Refusal::Proof("The DPoP proof JWT is malformed."))?;
    let jwk = &jws.header["jwk"];
    if jws.header["typ"] != "dpop+jwt" || ["d", "k", "p"].iter().any(|name| !jwk[*name].is_null()) {
        return Err(Refusal::Proof("The DPoP proof JWT has an invalid header."));
    }
    let key = key_of(jwk).ok_or(Refusal::Proof("The DPoP proof JWT has no usable key."))?;
    if !jws.is_signed_by(&key, &ALGORITHMS) {
        return Err(Refusal::Proof("The DPoP proof JWT signature is invalid."));
    }
    let address = format!("{}{}", asked.origin, asked.path);
    if jws.claim("htm") != Some(asked.method.as_str()) || jws.claim("htu") != Some(&address) {
        return Err(Refusal::Proof("The DPoP proof JWT is for another request."));
    }
    let age = cloud.now().timestamp() - jws.time("iat").unwrap_or_default();
    if !(-300..=300).contains(&age) {
        return Err(Refusal::Proof("The DPoP proof JWT has expired or is from the future."));
    }
    if token.is_some_and(|token| jws.claim("ath") != Some(&hash(token))) {
        return Err(Refusal::Proof("The DPoP proof JWT is for another access token."));
    }
    let is_current =
        jws.claim("nonce").is_some_and(|it| nonces(cloud).iter().any(|good| good == it));
    if (nonce || jws.claim("nonce").is_some()) && !is_current {
        return Err(Refusal::Nonce);
    }
    let id = jws.claim("jti").ok_or(Refusal::Proof("The DPoP proof JWT has no jti."))?;
    if !cloud.once.is_new(&format!("dpop {id}")) {
        return Err(Refusal::Proof("The DPoP proof JWT was used before."));
    }
    thumbprint(jwk).ok_or(Refusal::Proof("The DPoP proof JWT has no usable key."))
}

/// The key that a new token will be bound to.
pub fn check_issue(cloud: &Cloud, asked: &Asked) -> Result<String, Answer> {
    debug_assert_eq!(asked.method, Method::POST);
    check(cloud, asked, None, true).map_err(|refusal| {
        let (code, text) = match refusal {
            Refusal::Proof(text) => ("invalid_dpop_proof", text),
            Refusal::Nonce => {
                ("use_dpop_nonce", "Authorization server requires nonce in DPoP proof.")
            }
        };
        let answer = Answer::new(400, json!({ "error": code, "error_description": text }));
        answer.with("dpop-nonce", nonces(cloud)[0].clone())
    })
}

/// A request with a bound token.
pub fn check_use(cloud: &Cloud, asked: &Asked, token: &str, bound: &str) -> Result<(), Answer> {
    let refuse = |code: &str, text: &str| {
        let challenge =
            format!("DPoP algs=\"RS256 ES256\", error=\"{code}\", error_description=\"{text}\"");
        error::token().with("www-authenticate", challenge)
    };
    match check(cloud, asked, Some(token), cloud.manners().dpop_nonce) {
        Ok(key) if key == bound => Ok(()),
        Ok(_) => Err(refuse("invalid_dpop_proof", "The token is bound to another key.")),
        Err(Refusal::Proof(text)) => Err(refuse("invalid_dpop_proof", text)),
        Err(Refusal::Nonce) => {
            let (code, text) = ("use_dpop_nonce", "Resource server requires nonce in DPoP proof.");
            let body = json!({ "error": code, "error_description": text });
            let answer = match cloud.manners().nonce_refusal {
                NonceRefusal::ChallengeAndBody => {
                    Answer { body: Body::Json(body), ..refuse(code, text) }
                }
                NonceRefusal::Challenge => refuse(code, text),
                NonceRefusal::BadRequest => Answer::new(400, body),
            };
            Err(answer.with("dpop-nonce", nonces(cloud)[0].clone()))
        }
    }
}
