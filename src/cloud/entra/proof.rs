//! What the gateway proves itself with to Entra ID (`learn.microsoft.com/entra/identity-platform`: *client credentials
//! flow*, *certificate credentials*; *workload identity federation*).

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use secrecy::ExposeSecret as _;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    cloud::{
        ConnectorError,
        jwt::{Algorithm, JwtKey},
    },
    config::{EntraCertificate, EntraConfig},
    secrets::sha256,
};

/// So long a signed token of the gateway's own is good, before and after it is made.
const ASSERTION_LIFE: TimeDelta = TimeDelta::minutes(5);

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Fields of a request for a token.
pub(super) type Fields = Vec<(&'static str, Zeroizing<String>)>;

/// The fields that prove who asks. Files are read each time, so that a new secret, certificate or token in them is used
/// without anybody doing anything more.
pub(super) fn fields(
    config: &EntraConfig,
    audience: &str,
    clock: &Clock,
) -> Result<Fields, ConnectorError> {
    if let Some(secret) = &config.secret {
        let secret = secret.read().map_err(|error| refused("secret", &error))?;
        return Ok(vec![("client_secret", Zeroizing::new(secret.expose_secret().to_owned()))]);
    }
    let assertion = match (&config.certificate, &config.federated_token) {
        (Some(certificate), _) => signed(certificate, &config.client_id, audience, clock)?,
        (None, Some(path)) => federated(path)?,
        (None, None) => return Err(refused("secret", &"is missing")),
    };
    let kind = Zeroizing::new(JWT_BEARER.to_owned());
    Ok(vec![("client_assertion_type", kind), ("client_assertion", Zeroizing::new(assertion))])
}

fn refused(key: &str, problem: &dyn std::fmt::Display) -> ConnectorError {
    ConnectorError::Key { key: format!("entra.{key}"), problem: problem.to_string() }
}

/// A token that only who has the certificate's key can have made.
fn signed(
    certificate: &EntraCertificate,
    client_id: &str,
    audience: &str,
    clock: &Clock,
) -> Result<String, ConnectorError> {
    let thumbprint = thumbprint(&certificate.certificate)?;
    let pem = certificate.key.read().map_err(|error| refused("certificate.key", &error))?;
    let key = JwtKey::read(pem.expose_secret());
    let key = key.map_err(|error| refused("certificate.key", &error))?;
    let now = clock.now();
    let claims = json!({
        "aud": audience,
        "iss": client_id,
        "sub": client_id,
        "jti": Uuid::new_v4().to_string(),
        "iat": now.timestamp(),
        // Who is a little behind must not take it for one that is not good yet.
        "nbf": (now - ASSERTION_LIFE).timestamp(),
        "exp": (now + ASSERTION_LIFE).timestamp(),
    });
    let header = json!({ "typ": "JWT", "x5t#S256": thumbprint });
    let token = key.sign(Algorithm::Ps256, header, &claims);
    token.map_err(|error| refused("certificate.key", &error))
}

/// The hash by which Entra ID knows a certificate.
fn thumbprint(path: &Path) -> Result<String, ConnectorError> {
    let shown = path.display();
    let refused = |problem: String| refused("certificate.certificate", &problem);
    let pem = fs::read(path).map_err(|error| refused(format!("cannot read {shown}: {error}")))?;
    let der = CertificateDer::from_pem_slice(&pem);
    let der = der.map_err(|_| refused(format!("{shown} has no certificate (PEM)")))?;
    Ok(BASE64.encode(sha256(&der)))
}

/// A token that somebody else has made, such as a Kubernetes cluster for one of its service accounts.
fn federated(path: &Path) -> Result<String, ConnectorError> {
    let shown = path.display();
    let refused = |problem: String| refused("federated_token", &problem);
    let token = fs::read_to_string(path);
    let token = token.map_err(|error| refused(format!("cannot read {shown}: {error}")))?;
    let token = token.trim();
    let is_jwt = token.split('.').filter(|part| !part.is_empty()).count() == 3;
    if is_jwt {
        Ok(token.to_owned())
    } else {
        Err(refused(format!("{shown} holds no token (JWT)")))
    }
}
