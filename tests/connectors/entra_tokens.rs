//! What the gateway proves itself with, what becomes of it, and that nobody sees it.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gatehouse::cloud::{ConnectorError, Source};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use super::{
    entra::assert_read,
    heard::{Log, assert_hidden},
    reading::Reading,
    tenant::Tenant,
};
use crate::support::clouds::ids::Sort;

/// Certificate and key, as they are configured.
fn certificate(tenant: &Tenant) -> String {
    let certificate = tenant.file("certificate.pem", tenant.credential("certificate"));
    let key = tenant.file("key.pem", tenant.credential("private_key"));
    format!(
        "certificate = {{ certificate = \"{}\", key = {{ file = \"{}\" }} }}",
        certificate.display(),
        key.display()
    )
}

/// A token of the issuer that the application trusts, with some claims changed.
fn federated(tenant: &Tenant, change: &Value) -> String {
    let now = tenant.clouds.time.now().timestamp();
    let mut claims = json!({
        "iss": tenant.credential("issuer"), "sub": tenant.credential("subject"),
        "aud": "api://AzureADTokenExchange", "iat": now, "nbf": now, "exp": now + 3_600,
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": tenant.credential("issuer_kid") });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let key = PKey::private_key_from_pem(tenant.credential("issuer_key").as_bytes()).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn federated_file(tenant: &Tenant, change: &Value) -> String {
    let path = tenant.file("token", &federated(tenant, change));
    format!("federated_token = \"{}\"", path.display())
}

async fn first(source: &dyn Source) -> Result<(), ConnectorError> {
    source.fetch(&source.begin(None).tasks[0]).await.map(drop)
}

#[tokio::test]
async fn there_are_three_ways_to_get_a_token() {
    let tenant = Tenant::start().await;
    for proof in [tenant.secret(), certificate(&tenant), federated_file(&tenant, &json!({}))] {
        let mut reading = Reading::default();
        reading.round(&*Tenant::open(&tenant.toml(&proof)).unwrap()).await.unwrap();
        assert_read(&reading, &tenant);
        let seen = tenant.seen();
        let tokens = seen.iter().filter(|seen| seen.uri.ends_with("/oauth2/v2.0/token"));
        assert_eq!(tokens.count(), 1, "one token is enough");
    }
}

#[tokio::test]
async fn a_federated_token_is_read_anew_each_time() {
    let tenant = Tenant::start().await;
    let source =
        Tenant::open(&tenant.toml(&federated_file(&tenant, &json!({ "exp": 5 })))).unwrap();
    let error = first(&*source).await.unwrap_err();
    assert!(error.to_string().contains("AADSTS700024"), "{error}");
    // The cluster has put a new one there.
    federated_file(&tenant, &json!({}));
    first(&*source).await.unwrap();
}

#[tokio::test]
async fn a_new_secret_in_the_file_is_used_without_a_restart() {
    let tenant = Tenant::start().await;
    let proof = tenant.secret();
    tenant.file("secret", "old");
    let source = Tenant::open(&tenant.toml(&proof)).unwrap();
    assert!(first(&*source).await.is_err());
    tenant.secret();
    first(&*source).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_not_taken_any_more_is_replaced_once() {
    let tenant = Tenant::start().await;
    let source = tenant.source();
    let user = tenant.id(Sort::User, 3);
    source.find_user(&user).await.unwrap();
    tenant.clouds.time.advance(3_700);
    tenant.seen();
    source.find_user(&user).await.unwrap();
    let seen: Vec<_> = tenant.seen().into_iter().map(|seen| seen.status).collect();
    assert_eq!(seen, [401, 200, 200], "refused, a new token, and again");
    tenant.fault("/users", 0, 5, &json!({ "kind": "status", "status": 401 }));
    let error = source.find_user(&user).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Credential { .. }), "{error}");
    assert_eq!(tenant.seen().len(), 3, "it is not tried over and over");
}

#[tokio::test]
async fn what_is_wrong_with_a_credential_is_said_with_what_to_do() {
    let tenant = Tenant::start().await;
    let secret = |name: &str, secret: &str| {
        let path = tenant.file(name, secret);
        format!("secret = {{ file = \"{}\" }}", path.display())
    };
    let mut other = certificate(&tenant);
    let key = tenant.file("issuer.pem", tenant.credential("issuer_key"));
    let own = tenant.file("key.pem", tenant.credential("private_key"));
    other = other.replace(own.to_str().unwrap(), key.to_str().unwrap());
    let good = tenant.secret();
    let toml = |proof: &str| tenant.toml(proof);
    let cases = [
        (toml(&secret("wrong", "wrong")), "AADSTS7000215", "the secret's value, not its id"),
        (
            toml(&secret("expired", tenant.credential("expired_secret"))),
            "AADSTS7000222",
            "has expired",
        ),
        (
            toml(&good).replace(tenant.credential("client_id"), "another-application"),
            "AADSTS700016",
            "entra.client_id",
        ),
        (
            toml(&good).replace(tenant.credential("tenant"), "contoso.com"),
            "AADSTS90002",
            "entra.tenant",
        ),
        (toml(&other), "AADSTS700027", "is not registered"),
    ];
    for (toml, code, remedy) in cases {
        let source = Tenant::open(&toml).unwrap();
        let error = first(&*source).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, ConnectorError::Credential { .. }), "{text}");
        assert!(text.contains(code) && text.contains(remedy), "{text}");
        assert!(!error.is_passing(), "trying again does not help");
    }
    for (claim, code) in [
        (json!({ "iss": "https://other.example.com" }), "AADSTS700211"),
        (json!({ "aud": "other" }), "AADSTS700212"),
        (json!({ "sub": "system:serviceaccount:other:other" }), "AADSTS700213"),
    ] {
        let source = Tenant::open(&tenant.toml(&federated_file(&tenant, &claim))).unwrap();
        let text = first(&*source).await.unwrap_err().to_string();
        assert!(
            text.contains(code) && text.contains("federated credential")
                || text.contains("audience"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_said_before_anybody_is_asked() {
    let tenant = Tenant::start().await;
    let empty = tenant.file("empty", "");
    let key = tenant.file("key.pem", tenant.credential("private_key"));
    let (empty, key) = (empty.display(), key.display());
    let wrong = |certificate: &dyn std::fmt::Display, key: &dyn std::fmt::Display| {
        format!("certificate = {{ certificate = \"{certificate}\", key = {{ file = \"{key}\" }} }}")
    };
    for (proof, key) in [
        (
            "secret = { file = \"/nonexistent\" }".to_owned(),
            "entra.secret: cannot read /nonexistent",
        ),
        ("federated_token = \"/nonexistent\"".to_owned(), "entra.federated_token: cannot read"),
        (format!("federated_token = \"{empty}\""), "holds no token"),
        (wrong(&key, &key), "entra.certificate.certificate: "),
        (wrong(&empty, &key), "has no certificate"),
    ] {
        let error = Tenant::open(&tenant.toml(&proof)).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
    let certificate = tenant.file("certificate.pem", tenant.credential("certificate"));
    let error = Tenant::open(&tenant.toml(&wrong(&certificate.display(), &empty))).unwrap_err();
    assert!(error.to_string().contains("entra.certificate.key: is no private key"), "{error}");
    let ca = tenant.toml(&tenant.secret()).replace("[entra]", "ca = \"/nonexistent\"\n[entra]");
    let error = Tenant::open(&ca).unwrap_err().to_string();
    assert!(error.contains("ca: cannot read /nonexistent"), "{error}");
    assert!(tenant.seen().is_empty());
}

#[tokio::test]
async fn a_trusted_certificate_and_nothing_else_makes_tls_possible() {
    use crate::support::clouds::{Settings, tenant::Plan};
    let plan = Plan { users: 20, groups: 8, ..Plan::default() };
    let tenant = Tenant::start_with(Settings { plan, tls: true, ..Settings::default() }).await;
    let toml = tenant.toml(&tenant.secret());
    let error = first(&*Tenant::open(&toml).unwrap()).await.unwrap_err();
    assert!(matches!(error, ConnectorError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    let ca = tenant.file("ca.pem", tenant.clouds.certificate.as_ref().unwrap());
    let toml = toml.replace("[entra]", &format!("ca = \"{}\"\n[entra]", ca.display()));
    let mut reading = Reading::default();
    reading.round(&*Tenant::open(&toml).unwrap()).await.unwrap();
    assert_read(&reading, &tenant);
}

#[tokio::test]
async fn a_proxy_is_asked_for_everything() {
    let tenant = Tenant::start().await;
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = proxy.local_addr().unwrap();
    let toml = tenant.toml(&tenant.secret());
    let toml = toml.replace("[entra]", &format!("proxy = \"http://{address}\"\n[entra]"));
    let source = Tenant::open(&toml).unwrap();
    let asked = async {
        let (mut stream, _) = proxy.accept().await.unwrap();
        let mut line = vec![0; 4_096];
        let read = stream.read(&mut line).await.unwrap();
        String::from_utf8_lossy(&line[..read]).into_owned()
    };
    let asked = tokio::select! {
        asked = asked => asked,
        read = first(&*source) => panic!("nobody has answered: {read:?}"),
    };
    let login = tenant.host("login");
    assert!(asked.starts_with(&format!("POST {login}/")), "{asked}");
    assert!(tenant.seen().is_empty(), "nobody goes past it");
}

#[tokio::test]
async fn no_credential_is_ever_seen_in_the_log_or_in_an_error() {
    let (log, _guard) = Log::hear();
    let tenant = Tenant::start().await;
    let (mut said, user) = (String::new(), tenant.id(Sort::User, 3));
    let assertion = federated(&tenant, &json!({}));
    for proof in [tenant.secret(), certificate(&tenant), federated_file(&tenant, &json!({}))] {
        for (at, what) in [
            ("/token", json!({ "kind": "status", "status": 400 })),
            ("/token", json!({ "kind": "half_json" })),
            ("/token", json!({ "kind": "reset_in_body" })),
            ("/users", json!({ "kind": "status", "status": 401 })),
            ("/users", json!({ "kind": "half_json" })),
            ("/users", json!({ "kind": "status", "status": 503 })),
            ("/users", json!({ "kind": "reset_in_head" })),
        ] {
            tenant.fault(at, 0, 8, &what);
            let source = Tenant::open(&tenant.toml(&proof)).unwrap();
            let outcome = source.find_user(&user).await;
            writeln!(said, "{source:?} {outcome:?}").unwrap();
            if let Err(error) = outcome {
                writeln!(said, "{error}").unwrap();
            }
            tenant.graph().faults.clear();
        }
    }
    said.push_str(&log.text());
    assert!(said.contains("trying again"), "the log is heard");
    let secret = tenant.credential("client_secret");
    let signature = assertion.rsplit('.').next().unwrap();
    let key = tenant.credential("private_key").lines().nth(1).unwrap();
    assert_hidden(
        &said,
        &[secret, &secret[..12], signature, key, "client_assertion=", "Bearer ey"],
    );
}
