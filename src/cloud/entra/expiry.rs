//! When what the gateway proves itself with to Entra ID expires: a certificate says so itself, and of a secret Graph knows
//! (`learn.microsoft.com/graph/api/application-get`), if the application may read itself.

use std::{fs, path::Path};

use chrono::{DateTime, Utc};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::Entra;
use crate::{
    cloud::{ConnectorError, Expiry, http::Request},
    config::SecretSource,
    secrets::certificate_expiry,
};

/// So many of a secret's first characters Graph tells (`graph/api/resources/passwordcredential`, `hint`).
const HINT: usize = 3;

#[derive(Deserialize)]
struct Application {
    #[serde(default, rename = "passwordCredentials")]
    secrets: Vec<Secret>,
}

#[derive(Deserialize)]
struct Secret {
    hint: Option<String>,
    #[serde(rename = "endDateTime")]
    ends: Option<DateTime<Utc>>,
}

impl Entra {
    /// Nothing if nobody says so: the permission is worth having for this only.
    pub(super) async fn find_expiry(&self) -> Result<Option<Expiry>, ConnectorError> {
        if let Some(certificate) = &self.config.certificate {
            let at = expiry_of(&certificate.certificate).ok_or_else(|| ConnectorError::Key {
                key: "entra.certificate.certificate".to_owned(),
                problem: "cannot be read".to_owned(),
            })?;
            return Ok(Some(Expiry { what: "the certificate".to_owned(), at }));
        }
        let Some(secret) = &self.config.secret else { return Ok(None) };
        let application = match self.ask_for_application().await {
            Err(ConnectorError::Forbidden { .. } | ConnectorError::Gone(_)) => return Ok(None),
            application => application?,
        };
        let secret = secret_of(secret);
        let end = secret
            .and_then(|secret| application.end_of(&secret, self.graph.connection.clock.now()));
        Ok(end.map(|at| Expiry { what: "the client secret".to_owned(), at }))
    }

    async fn ask_for_application(&self) -> Result<Application, ConnectorError> {
        // Its form was checked with the configuration.
        let id = &self.config.client_id;
        let path = format!("applications(appId='{id}')?$select=passwordCredentials");
        let request = Request::get(self.graph.at(&path)?, "the application");
        self.graph.ask(&Self::of_somebody(request.needing("Application.Read.All"))).await
    }
}

impl Application {
    /// When a secret ends that is taken now. Of several that begin in the same way, it may be the one that ends first.
    fn end_of(&self, secret: &SecretString, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let begins: String = secret.expose_secret().chars().take(HINT).collect();
        let is_it = |hint: &Option<String>| hint.as_deref() == Some(begins.as_str());
        let ends = |of: &Secret| of.ends.filter(|end| *end > now);
        let hinted = self.secrets.iter().filter(|secret| is_it(&secret.hint)).filter_map(ends);
        // Old ones have no hint.
        let only = || match self.secrets.as_slice() {
            [only] if only.hint.is_none() => ends(only),
            _ => None,
        };
        hinted.min().or_else(only)
    }
}

fn secret_of(source: &SecretSource) -> Option<SecretString> {
    source.read().ok()
}

/// The first certificate of a file is the one that is sent.
fn expiry_of(path: &Path) -> Option<DateTime<Utc>> {
    let pem = fs::read(path).ok()?;
    let der = CertificateDer::from_pem_slice(&pem).ok()?;
    certificate_expiry(&der)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_known_by_its_beginning() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(100);
        let day = |days: i64| DateTime::UNIX_EPOCH + TimeDelta::days(days);
        let ends = |secrets: &[(Option<&str>, i64)]| {
            let secrets = secrets
                .iter()
                .map(|(hint, days)| json!({ "hint": hint, "endDateTime": day(*days) }));
            let application = json!({ "passwordCredentials": secrets.collect::<Vec<_>>() });
            let application: Application = serde_json::from_value(application).unwrap();
            application.end_of(&"Qx~abc".into(), now)
        };
        assert_eq!(ends(&[(Some("abc"), 110), (Some("Qx~"), 120)]), Some(day(120)));
        // One that has ended is not the one that is taken.
        assert_eq!(
            ends(&[(Some("Qx~"), 130), (Some("Qx~"), 120), (Some("Qx~"), 90)]),
            Some(day(120))
        );
        assert_eq!(ends(&[(None, 120)]), Some(day(120)));
        assert_eq!(ends(&[(None, 120), (None, 130)]), None);
        assert_eq!(ends(&[(Some("abc"), 120)]), None);
        assert_eq!(ends(&[]), None);
    }
}
