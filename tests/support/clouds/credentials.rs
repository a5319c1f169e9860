//! What clients prove themselves with. It is made anew for every start, and none of it is good anywhere else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKey, Private, Public},
    rsa::Rsa,
    x509::{X509, X509NameBuilder},
};
use serde_json::{Value, json};

use super::tokens::random;

pub struct Key {
    private: PKey<Private>,
    pub public: PKey<Public>,
    pub id: String,
}

impl Key {
    fn new() -> Result<Self, ErrorStack> {
        let private = PKey::from_rsa(Rsa::generate(2048)?)?;
        let public = PKey::public_key_from_der(&private.public_key_to_der()?)?;
        Ok(Self { private, public, id: random() })
    }

    /// PKCS #8.
    pub fn pem(&self) -> String {
        let pem = self.private.private_key_to_pem_pkcs8().unwrap_or_default();
        String::from_utf8(pem).unwrap_or_default()
    }

    /// The private key as a JSON Web Key.
    fn jwk(&self) -> Result<Value, ErrorStack> {
        let rsa = self.private.rsa()?;
        let number = |number: &openssl::bn::BigNumRef| URL_SAFE_NO_PAD.encode(number.to_vec());
        let part = |part: Option<&openssl::bn::BigNumRef>| part.map(number);
        Ok(json!({
            "kty": "RSA", "kid": self.id, "use": "sig", "alg": "RS256",
            "n": number(rsa.n()), "e": number(rsa.e()), "d": number(rsa.d()),
            "p": part(rsa.p()), "q": part(rsa.q()),
            "dp": part(rsa.dmp1()), "dq": part(rsa.dmq1()), "qi": part(rsa.iqmp()),
        }))
    }

    fn certificate(&self) -> Result<X509, ErrorStack> {
        let mut name = X509NameBuilder::new()?;
        name.append_entry_by_text("CN", "Gatehouse connector")?;
        let name = name.build();
        let mut certificate = X509::builder()?;
        certificate.set_version(2)?;
        certificate.set_serial_number(BigNum::from_u32(1)?.to_asn1_integer()?.as_ref())?;
        certificate.set_subject_name(&name)?;
        certificate.set_issuer_name(&name)?;
        certificate.set_not_before(Asn1Time::days_from_now(0)?.as_ref())?;
        certificate.set_not_after(Asn1Time::days_from_now(365)?.as_ref())?;
        certificate.set_pubkey(&self.private)?;
        certificate.sign(&self.private, MessageDigest::sha256())?;
        Ok(certificate.build())
    }
}

/// An app registration of Entra ID.
pub struct Registration {
    pub tenant: String,
    pub domain: String,
    pub client: String,
    pub secret: String,
    pub expired_secret: String,
    pub key: Key,
    pub certificate: X509,
    /// Of another issuer whose tokens are good as well: a Kubernetes cluster, say.
    pub issuer: String,
    pub subject: String,
    pub issuer_key: Key,
}

impl Registration {
    /// The hash of the certificate, as `x5t#S256` has it.
    pub fn thumbprint(&self) -> String {
        let digest = self.certificate.digest(MessageDigest::sha256());
        digest.map(|digest| URL_SAFE_NO_PAD.encode(digest)).unwrap_or_default()
    }

    /// The older one, `x5t`.
    pub fn old_thumbprint(&self) -> String {
        let digest = self.certificate.digest(MessageDigest::sha1());
        digest.map(|digest| URL_SAFE_NO_PAD.encode(digest)).unwrap_or_default()
    }
}

/// A service application and an API token of Okta.
pub struct OktaClient {
    pub client: String,
    pub key: Key,
    pub api_token: String,
}

/// A service account of Google with domain-wide delegation.
pub struct ServiceAccount {
    pub email: String,
    pub client: String,
    pub key: Key,
}

pub struct Credentials {
    pub graph: Registration,
    pub okta: OktaClient,
    pub google: ServiceAccount,
}

impl Credentials {
    pub fn new(domain: &str) -> Result<Self, ErrorStack> {
        let key = Key::new()?;
        let graph = Registration {
            tenant: "6d5bb1f6-5f3b-4a1b-9d3c-0a2f1c7b9e11".to_owned(),
            domain: domain.to_owned(),
            client: "b1f0b0a5-3c67-4b0d-8a53-8f3a8e6c2d42".to_owned(),
            secret: format!("Qx~{}", random()),
            expired_secret: format!("Old~{}", random()),
            certificate: key.certificate()?,
            key,
            issuer: "https://kubernetes.example.com".to_owned(),
            subject: "system:serviceaccount:sso:gatehouse".to_owned(),
            issuer_key: Key::new()?,
        };
        let api_token = format!("00{}", &random()[..40]);
        let okta =
            OktaClient { client: "0oa1gatehouse5x7".to_owned(), key: Key::new()?, api_token };
        let google = ServiceAccount {
            email: "gatehouse@gatehouse-sync.iam.gserviceaccount.com".to_owned(),
            client: "104857600000000000001".to_owned(),
            key: Key::new()?,
        };
        Ok(Self { graph, okta, google })
    }

    /// What clients are given, in the forms that vendors hand out.
    pub fn json(&self, google_token_uri: &str, google_admin: &str) -> Value {
        let (graph, okta, google) = (&self.graph, &self.okta, &self.google);
        let certificate = graph.certificate.to_pem().unwrap_or_default();
        json!({
            "graph": {
                "tenant": graph.tenant, "client_id": graph.client, "client_secret": graph.secret,
                "expired_secret": graph.expired_secret, "private_key": graph.key.pem(),
                "certificate": String::from_utf8(certificate).unwrap_or_default(),
                "issuer": graph.issuer, "subject": graph.subject,
                "issuer_key": graph.issuer_key.pem(), "issuer_kid": graph.issuer_key.id,
            },
            "okta": {
                "client_id": okta.client, "private_key": okta.key.pem(),
                "jwk": okta.key.jwk().unwrap_or_default(), "kid": okta.key.id,
                "api_token": okta.api_token,
            },
            "google": {
                "admin": google_admin,
                "key": {
                    "type": "service_account", "project_id": "gatehouse-sync",
                    "private_key_id": google.key.id, "private_key": google.key.pem(),
                    "client_email": google.email, "client_id": google.client,
                    "token_uri": google_token_uri,
                },
            },
        })
    }
}
