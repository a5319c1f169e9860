//! `[alarm.webhook]`.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use url::Url;

use super::{Problems, SecretSource, urls};

/// Where messages are posted to, as JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct WebhookConfig {
    /// The address; `{ file = … }` or `{ env = … }` if who knows it may post there.
    pub url: WebhookUrl,
    /// What messages are signed with, so that the receiver knows whose they are. Default: they are not.
    pub secret: Option<SecretSource>,
    /// A file with certificates (PEM) that are trusted there, beside the system's.
    pub ca: Option<PathBuf>,
    /// The proxy that leads there, such as `http://proxy.example.com:3128`. Default: none.
    pub proxy: Option<Url>,
}

/// An address, or where it is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum WebhookUrl {
    /// For everybody to see.
    Plain(Url),
    /// A secret.
    Secret(SecretSource),
}

impl WebhookUrl {
    /// The address. What is wrong with one that is a secret does not show it.
    pub fn read(&self) -> Result<Url, String> {
        let url = match self {
            Self::Plain(url) => url.clone(),
            Self::Secret(source) => {
                let text = source.read().map_err(|error| error.to_string())?;
                Url::parse(text.expose_secret()).map_err(|_| "is no URL".to_owned())?
            }
        };
        let is_safe =
            url.scheme() == "https" || (url.scheme() == "http" && urls::is_loopback(&url));
        if !is_safe {
            return Err("must begin with https:// (http:// only for localhost)".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not have a user or a password in it".to_owned());
        }
        Ok(url)
    }
}

impl WebhookConfig {
    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        // A file is for those to say who read it.
        if let WebhookUrl::Plain(_) = &self.url {
            problems.check(format!("{key}.url"), self.url.read());
        }
        if let Some(proxy) = &self.proxy {
            let is_plain = proxy.username().is_empty() && proxy.password().is_none();
            if !matches!(proxy.scheme(), "http" | "https") || proxy.host().is_none() || !is_plain {
                let problem = "must begin with http:// or https://, without a user or a password";
                problems.add(format!("{key}.proxy"), problem);
            }
        }
    }
}
