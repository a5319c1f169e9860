use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
        UnparsedPublicKey, VerificationAlgorithm,
    },
};

use super::*;

/// Whether a token has these claims and a good signature.
fn is_signed(token: &str, algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> bool {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64.decode(signature).unwrap();
    UnparsedPublicKey::new(algorithm, key).verify(signed.as_bytes(), &signature).is_ok()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
}

/// The keys of RFC 7515 appendices A.2 and A.3, and what A.2 signs with one of them.
fn vector(name: &str) -> Value {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../tests/data/cloud/rfc7515.json")).unwrap();
    vectors[name].clone()
}

fn read(name: &str) -> JwtKey {
    JwtKey::read(&vector(name).to_string()).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[test]
fn signs_what_the_standard_signs() {
    let signed = vector("rsa_signed");
    let signature = read("rsa").signature(Algorithm::Rs256, signed.as_str().unwrap().as_bytes());
    assert_eq!(BASE64.encode(signature.unwrap()), vector("rsa_signature").as_str().unwrap());
}

#[test]
fn a_token_says_how_it_is_signed_and_whoever_has_the_public_half_can_tell() {
    let claims = json!({ "iss": "gatehouse", "exp": 1 });
    let rsa = read("rsa");
    let Pair::Rsa(pair) = &rsa.pair else { panic!("an RSA key") };
    let public = pair.public_key().as_ref();
    let header = json!({ "typ": "JWT", "kid": "one" });
    let pkcs1 = rsa.sign(Algorithm::Rs256, header.clone(), &claims).unwrap();
    assert!(is_signed(&pkcs1, &RSA_PKCS1_2048_8192_SHA256, public));
    let pss = rsa.sign(Algorithm::Ps256, header, &claims).unwrap();
    assert!(is_signed(&pss, &RSA_PSS_2048_8192_SHA256, public));
    assert_eq!(part(&pss, 0), json!({ "alg": "PS256", "typ": "JWT", "kid": "one" }));
    assert_eq!(part(&pss, 1), claims);
    let ec = read("ec");
    let Pair::Ec(pair) = &ec.pair else { panic!("an EC key") };
    let token = ec.sign(Algorithm::Es256, json!({}), &claims).unwrap();
    assert!(is_signed(&token, &ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()));
}

#[test]
fn a_key_is_read_in_every_form_that_clouds_hand_out() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'static> = rsa.as_der().unwrap();
    // Version, algorithm and the head of an octet string come first (RFC 5208 section 5).
    let pkcs1 = &pkcs8.as_ref()[26..];
    let ec = EcdsaKeyPair::generate(&P256).unwrap();
    for (label, der) in [
        ("PRIVATE KEY", pkcs8.as_ref()),
        ("RSA PRIVATE KEY", pkcs1),
        ("PRIVATE KEY", ec.to_pkcs8v1().unwrap().as_ref()),
    ] {
        let key = JwtKey::read(&pem(label, der)).unwrap();
        assert!(key.sign(key.usual_algorithm(), json!({}), &json!({})).is_ok(), "{label}");
        assert_eq!(key.id(), None);
    }
    assert_eq!(read("rsa").id(), Some("rfc7515-a2"));
}

#[test]
fn what_is_no_key_is_refused_and_so_is_a_key_of_another_sort() {
    assert_eq!(JwtKey::read("secret").unwrap_err(), JwtError::NoKey);
    assert_eq!(JwtKey::read("{}").unwrap_err(), JwtError::NoKey);
    assert_eq!(JwtKey::read(r#"{"kty":"oct","k":"AA"}"#).unwrap_err(), JwtError::Unsuitable);
    assert_eq!(JwtKey::read(&pem("PRIVATE KEY", b"x")).unwrap_err(), JwtError::Unsuitable);
    let mut other = vector("rsa");
    other["d"] = vector("rsa")["p"].clone();
    assert_eq!(JwtKey::read(&other.to_string()).unwrap_err(), JwtError::Unsuitable);
    let refused = read("rsa").sign(Algorithm::Es256, json!({}), &json!({}));
    assert_eq!(refused, Err(JwtError::Algorithm(Algorithm::Es256)));
    assert!(read("ec").sign(Algorithm::Ps256, json!({}), &json!({})).is_err());
}

#[test]
fn the_public_half_has_nothing_of_the_private_one() {
    let wanted = |name: &str, members: &[&str]| {
        let mut whole = vector(name);
        let all = whole.as_object_mut().unwrap();
        all.retain(|member, _| members.contains(&member.as_str()));
        whole
    };
    assert_eq!(read("rsa").public_jwk(), wanted("rsa", &["kty", "n", "e"]));
    assert_eq!(read("ec").public_jwk(), wanted("ec", &["kty", "crv", "x", "y"]));
    assert_eq!(format!("{:?}", read("rsa")), "JwtKey(RSA)");
    let made = JwtKey::generate().unwrap();
    assert_eq!(made.usual_algorithm(), Algorithm::Es256);
    assert_ne!(made.public_jwk(), JwtKey::generate().unwrap().public_jwk());
}
