//! The application that asks, as an object of the directory: `api/application-get`, `resources/application`,
//! `resources/passwordcredential`, `resources/keycredential`.

use std::fmt::Write as _;

use chrono::TimeDelta;
use openssl::{hash::MessageDigest, x509::X509};
use serde_json::{Value, json};

use super::{context, error, options::Options};
use crate::support::clouds::{
    asked::{Answer, Asked, Outcome},
    cloud::Cloud,
    ids::Sort,
    time::in_seconds,
};

pub const PROPERTIES: &[&str] = &[
    "id",
    "appId",
    "displayName",
    "createdDateTime",
    "signInAudience",
    "keyCredentials",
    "passwordCredentials",
];

/// Days from the beginning at which the secret ends that is taken.
pub const SECRET_DAYS: i64 = 180;

/// `GET /applications(appId='…')`; by its id it is another one's to ask for.
pub fn one(cloud: &Cloud, asked: &Asked, key: &str) -> Outcome {
    let options = Options::read(asked, "application", PROPERTIES)?;
    let registration = &cloud.credentials.graph;
    if key.strip_prefix("appId=") != Some(&*registration.client) {
        return Err(error::not_found(asked, key));
    }
    let mut object = options.cut(&render(cloud), PROPERTIES);
    let selected = options.select.as_ref().map(|names| format!("({})", names.join(",")));
    let of = format!("applications{}/$entity", selected.unwrap_or_default());
    object.insert("@odata.context".to_owned(), context(asked, cloud, &of));
    Ok(Answer::json(Value::Object(object)))
}

fn render(cloud: &Cloud) -> Value {
    let registration = &cloud.credentials.graph;
    let tenant = cloud.tenant();
    let since = tenant.since;
    let secret = |no: u32, name: &str, secret: &str, begins: i64, ends: i64| {
        json!({
            "customKeyIdentifier": null,
            "displayName": name,
            "endDateTime": in_seconds(since + TimeDelta::days(ends)),
            "hint": secret.chars().take(3).collect::<String>(),
            "keyId": tenant.ids.guid(Sort::Rule, no),
            // It is said once, when it is made.
            "secretText": null,
            "startDateTime": in_seconds(since + TimeDelta::days(begins)),
        })
    };
    json!({
        "id": tenant.ids.guid(Sort::App, 9_001),
        "appId": registration.client,
        "displayName": "Gatehouse",
        "createdDateTime": in_seconds(since),
        "signInAudience": "AzureADMyOrg",
        "passwordCredentials": [
            secret(9_002, "gatehouse", &registration.secret, 0, SECRET_DAYS),
            secret(9_003, "last year's", &registration.expired_secret, -365, -1),
        ],
        "keyCredentials": [{
            "customKeyIdentifier": thumbprint(&registration.certificate),
            "displayName": "CN=Gatehouse connector",
            "endDateTime": in_seconds(since + TimeDelta::days(365)),
            // Only who asks for exactly this property is told it.
            "key": null,
            "keyId": tenant.ids.guid(Sort::Rule, 9_004),
            "startDateTime": in_seconds(since),
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
        }],
    })
}

/// Forty characters: SHA-1, in hexadecimal.
fn thumbprint(certificate: &X509) -> String {
    let mut text = String::new();
    if let Ok(digest) = certificate.digest(MessageDigest::sha1()) {
        for byte in digest.iter() {
            let _ = write!(text, "{byte:02X}");
        }
    }
    text
}
