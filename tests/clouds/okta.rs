//! Okta, beside what its own library looks at.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey},
    ecdsa::EcdsaSig,
    nid::Nid,
    pkey::Private,
    sha::sha256,
};
use serde_json::{Value, json};

use super::peer::{Peer, Said, said, sign};

/// A key that proofs are signed with.
struct Prover(EcKey<Private>);

impl Prover {
    fn new() -> Self {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        Self(EcKey::generate(&group).unwrap())
    }

    fn jwk(&self) -> Value {
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        let mut context = BigNumContext::new().unwrap();
        let key = self.0.public_key();
        key.affine_coordinates(self.0.group(), &mut x, &mut y, &mut context).unwrap();
        let part = |number: &BigNum| URL_SAFE_NO_PAD.encode(number.to_vec_padded(32).unwrap());
        json!({ "kty": "EC", "crv": "P-256", "x": part(&x), "y": part(&y) })
    }

    fn prove(&self, claims: &Value) -> String {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&header), part(claims));
        let signature = EcdsaSig::sign(&sha256(text.as_bytes()), &self.0).unwrap();
        let (r, s) =
            (signature.r().to_vec_padded(32).unwrap(), signature.s().to_vec_padded(32).unwrap());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode([r, s].concat()))
    }
}

/// Asks for a token with scopes; the id is that of the assertion and of the proof.
async fn grant(peer: &Peer, id: &str, scope: &str, proof: Option<String>) -> Said {
    let (endpoint, now) =
        (format!("{}/oauth2/v1/token", peer.host("okta")), peer.clouds.time.now().timestamp());
    let client = peer.credential("okta", "client_id");
    let claims = json!({ "iss": client, "sub": client, "aud": endpoint, "iat": now, "exp": now + 300, "jti": id });
    let header = json!({ "alg": "RS256", "kid": peer.credential("okta", "kid") });
    let assertion = sign(&peer.credential("okta", "private_key"), &header, &claims);
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ("client_assertion_type", kind),
        ("client_assertion", &assertion),
    ];
    let request = peer.form(&endpoint, &form);
    said(match proof {
        Some(proof) => request.header("DPoP", proof),
        None => request,
    })
    .await
}

#[tokio::test]
async fn a_proof_is_good_once_for_one_request_one_token_and_one_key() {
    let peer = Peer::start().await;
    let (prover, endpoint) = (Prover::new(), format!("{}/oauth2/v1/token", peer.host("okta")));
    let now = peer.clouds.time.now().timestamp();
    let claims = |id: &str, nonce: &str| json!({ "htm": "POST", "htu": endpoint, "iat": now, "jti": id, "nonce": nonce });
    let scope = "okta.users.read";
    assert_eq!(grant(&peer, "1", scope, None).await.code(), "invalid_dpop_proof");
    let first = grant(&peer, "2", scope, Some(prover.prove(&claims("2", "old")))).await;
    assert_eq!((first.status, first.code()), (400, "use_dpop_nonce"));
    let nonce = first.header("dpop-nonce").to_owned();
    let again = grant(&peer, "2", scope, Some(prover.prove(&claims("3", &nonce)))).await;
    assert_eq!(again.code(), "invalid_client", "an assertion is good once");
    let issued = grant(&peer, "4", scope, Some(prover.prove(&claims("4", &nonce)))).await;
    assert_eq!(
        (issued.status, &issued.body["token_type"]),
        (200, &json!("DPoP")),
        "{}",
        issued.body
    );
    let token = issued.body["access_token"].as_str().unwrap();

    let url = format!("{}/api/v1/users", peer.host("okta"));
    let ath = URL_SAFE_NO_PAD.encode(sha256(token.as_bytes()));
    let good = |id: &str| json!({ "htm": "GET", "htu": url, "iat": now, "jti": id, "ath": ath, "nonce": nonce });
    let ask = async |proof: String| {
        let request = peer
            .http
            .get(format!("{url}?limit=3"))
            .header("authorization", format!("DPoP {token}"));
        said(request.header("DPoP", proof)).await
    };
    let once = prover.prove(&good("5"));
    assert_eq!(ask(once.clone()).await.status, 200);
    assert_eq!(ask(once).await.status, 401, "a proof is good once");
    for (name, value) in [
        ("htm", json!("POST")),
        ("htu", json!(endpoint)),
        ("ath", json!("x")),
        ("iat", json!(now - 600)),
        ("jti", Value::Null),
    ] {
        let mut claims = good(&format!("6 {name}"));
        claims[name] = value;
        let answer = ask(prover.prove(&claims)).await;
        assert_eq!((answer.status, answer.code()), (401, "E0000011"), "{name}");
    }
    assert_eq!(ask(Prover::new().prove(&good("7"))).await.status, 401, "another key");
    let mut stale = good("8");
    stale["nonce"] = json!("old");
    let answer = ask(prover.prove(&stale)).await;
    assert_eq!(
        (answer.status, answer.code(), answer.header("dpop-nonce")),
        (401, "use_dpop_nonce", nonce.as_str())
    );
    assert_eq!(
        said(peer.http.get(&url).bearer_auth(token)).await.status,
        401,
        "not without a proof"
    );
}

#[tokio::test]
async fn scopes_are_those_that_were_granted() {
    let peer = Peer::start().await;
    peer.tell("/okta/manners", json!({ "dpop": false })).await;
    let answer = grant(&peer, "1", "okta.users.manage", None).await;
    assert_eq!((answer.status, answer.code()), (400, "invalid_scope"));
    let issued = grant(&peer, "2", "okta.users.read", None).await;
    let token = issued.body["access_token"].as_str().unwrap();
    let ask = async |path: &str| {
        said(peer.http.get(format!("{}/api/v1/{path}", peer.host("okta"))).bearer_auth(token)).await
    };
    assert_eq!(ask("users?limit=1").await.status, 200);
    let answer = ask("groups").await;
    assert_eq!((answer.status, answer.code()), (403, "E0000006"));
}

#[tokio::test]
async fn who_was_deactivated_is_found_by_searching_only() {
    let peer = Peer::start().await;
    let listed = peer.okta("/users?limit=200").await;
    assert!(listed.body.as_array().unwrap().iter().all(|user| user["status"] != "DEPROVISIONED"));
    let found = peer.okta("/users?search=status eq \"DEPROVISIONED\"").await;
    assert_eq!(found.ids().len(), 2, "{}", found.body);
    let filtered = peer.okta("/users?filter=status eq \"DEPROVISIONED\"").await;
    assert_eq!(filtered.ids(), found.ids());
    let group = &peer.okta("/groups").await.ids()[0];
    let members = peer.okta(&format!("/groups/{group}/users?limit=1000")).await.ids();
    assert!(members.iter().all(|id| !found.ids().contains(id)));
}

#[tokio::test]
async fn conditions_are_what_the_documents_allow() {
    let peer = Peer::start().await;
    for (path, status) in [
        (
            "/users?search=profile.department eq \"Sales\" and (status lt \"STAGED\" or status gt \"STAGED\")",
            200,
        ),
        ("/users?search=profile.login sw \"sean\"&sortBy=lastUpdated&sortOrder=desc", 200),
        ("/users?search=profile.login ne \"x\"", 400),
        ("/users?filter=profile.department eq \"Sales\"", 400),
        ("/users?filter=profile.login gt \"a\"", 400),
        ("/users?filter=lastUpdated gt \"2020-01-01T00:00:00.000Z\"", 200),
        ("/users?search=id pr&filter=id pr", 400),
        ("/users?sortBy=lastUpdated", 400),
        ("/users?limit=201", 400),
        ("/users?after=made-up", 400),
        ("/groups?filter=profile.name eq \"x\"", 400),
        (
            "/groups?filter=type eq \"OKTA_GROUP\" and lastMembershipUpdated gt \"2020-01-01T00:00:00.000Z\"",
            200,
        ),
    ] {
        assert_eq!(peer.okta(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_search_is_behind_and_a_list_is_not() {
    let peer = Peer::start().await;
    peer.tell("/okta/manners", json!({ "lag_seconds": 300 })).await;
    peer.apply("okta", json!({ "do": "change_user", "no": 60, "set": { "display": "New" } })).await;
    let path = "/users?search=profile.displayName eq \"New\"";
    assert_eq!(peer.okta(path).await.ids().len(), 0);
    let all = peer.okta("/users?limit=200").await;
    assert!(
        all.body.as_array().unwrap().iter().any(|user| user["profile"]["displayName"] == "New")
    );
    peer.tell("/time", json!({ "seconds": 301 })).await;
    assert_eq!(peer.okta(path).await.ids().len(), 1);
}

#[tokio::test]
async fn every_answer_says_what_is_left_of_the_limit_and_when_it_begins_again() {
    let peer = Peer::start().await;
    peer.tell("/okta/manners", json!({ "limit": 2 })).await;
    let answer = peer.okta("/users?limit=1").await;
    assert_eq!(
        (answer.header("x-rate-limit-limit"), answer.header("x-rate-limit-remaining")),
        ("2", "1")
    );
    let links: Vec<_> =
        answer.headers.get_all("link").iter().map(|it| it.to_str().unwrap()).collect();
    assert!(
        links.len() == 2
            && links[0].ends_with("rel=\"self\"")
            && links[1].ends_with("rel=\"next\""),
        "{links:?}"
    );
    assert_eq!(peer.okta("/users?limit=1").await.status, 200);
    let answer = peer.okta("/users?limit=1").await;
    assert_eq!((answer.status, answer.code()), (429, "E0000047"));
    assert_eq!(answer.header("x-rate-limit-remaining"), "0");
    let reset: i64 = answer.header("x-rate-limit-reset").parse().unwrap();
    assert!(reset > peer.clouds.time.now().timestamp());
    assert_eq!(peer.okta("/groups").await.status, 200, "another kind of request has another limit");
    peer.tell("/time", json!({ "seconds": 61 })).await;
    assert_eq!(peer.okta("/users?limit=1").await.status, 200);
}
