//! Webhooks: JSON that is posted, and signed.

use std::{path::Path, time::Duration};

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, header::CONTENT_TYPE};
use reqwest::{Certificate, Client, Proxy, redirect::Policy};
use secrecy::ExposeSecret as _;

use super::{NotifyError, error::reason};
use crate::{config::WebhookConfig, secrets::hmac_sha256};

/// Who takes a message takes it soon.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What a message can be known by if it comes twice.
const DELIVERY: HeaderName = HeaderName::from_static("x-gatehouse-delivery");

/// When it was sent, in seconds since 1970.
pub const TIMESTAMP: HeaderName = HeaderName::from_static("x-gatehouse-timestamp");

/// `sha256=` and the HMAC of the timestamp, a dot and the body.
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-gatehouse-signature");

const USER_AGENT: &str = concat!("gatehouse/", env!("CARGO_PKG_VERSION"));

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// What it can be known by if it comes twice.
    pub id: &'a str,
    /// When it is sent.
    pub at: DateTime<Utc>,
    /// What it says (JSON).
    pub body: &'a str,
}

/// Posts a message. The address is read each time, the secret as well; a redirect is a refusal, for nobody has said that
/// what it leads to may know.
pub async fn post_webhook(config: &WebhookConfig, post: Post<'_>) -> Result<(), NotifyError> {
    let url = config.url.read().map_err(|problem| setting("webhook.url", &problem))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let mut call = client(config)?
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(DELIVERY, post.id)
        .header(TIMESTAMP, post.at.timestamp());
    if let Some(signature) = signature(config, post)? {
        call = call.header(SIGNATURE, signature);
    }
    let answer = call.body(post.body.to_owned()).send().await;
    let status = answer
        .map_err(|error| NotifyError::Unreachable {
            host: host.clone(),
            // The path may be a secret.
            reason: reason(&error.without_url()),
        })?
        .status();
    if status.is_success() {
        Ok(())
    } else {
        Err(NotifyError::Status { host, status: status.as_u16() })
    }
}

fn setting(key: &'static str, problem: &dyn std::fmt::Display) -> NotifyError {
    NotifyError::Setting { key, problem: problem.to_string() }
}

fn signature(config: &WebhookConfig, post: Post<'_>) -> Result<Option<HeaderValue>, NotifyError> {
    let Some(source) = &config.secret else { return Ok(None) };
    let secret = source.read().map_err(|error| setting("webhook.secret", &error))?;
    if secret.expose_secret().is_empty() {
        return Err(setting("webhook.secret", &"is empty: anybody could sign with that"));
    }
    let signed = format!("{}.{}", post.at.timestamp(), post.body);
    let signature = hmac_sha256(secret.expose_secret().as_bytes(), signed.as_bytes());
    let value = HeaderValue::from_str(&format!("sha256={signature}"));
    value.map(Some).map_err(|error| setting("webhook.secret", &error))
}

fn client(config: &WebhookConfig) -> Result<Client, NotifyError> {
    let mut client = Client::builder()
        .user_agent(USER_AGENT)
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        .no_proxy();
    if let Some(proxy) = &config.proxy {
        let proxy = Proxy::all(proxy.clone());
        client = client.proxy(proxy.map_err(|error| setting("webhook.proxy", &reason(&error)))?);
    }
    if let Some(ca) = &config.ca {
        let trusted = certificates(ca).map_err(|problem| setting("webhook.ca", &problem))?;
        client = client.tls_certs_merge(trusted);
    }
    client.build().map_err(|error| setting("webhook.ca", &reason(&error)))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(format!("{shown} has no certificate (PEM)")),
    }
}
