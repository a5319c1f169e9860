//! What is asked.

use std::fmt;

use http::{HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

/// A request, whoever may be asked with whatever credential. It is only ever a question, or asks to be told something by
/// itself: asking twice does no harm.
pub(in crate::cloud) struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Option<Zeroizing<Vec<u8>>>,
    /// What it asks for, such as `users`, for those who read errors.
    pub what: &'static str,
    /// The permission that it needs, for those who can grant it.
    pub needs: &'static str,
    /// Whose share of the cloud's limits it uses up, where the cloud has several.
    pub limit: &'static str,
    /// Whether somebody at a browser waits for it: it is not waited for long, nor does it wait for its turn.
    pub urgent: bool,
}

impl Request {
    pub(in crate::cloud) fn get(url: Url, what: &'static str) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: Vec::new(),
            body: None,
            what,
            needs: "",
            limit: "",
            urgent: false,
        }
    }

    pub(in crate::cloud) fn post_json(url: Url, body: &Value, what: &'static str) -> Self {
        let body = Some(Zeroizing::new(body.to_string().into_bytes()));
        Self { method: Method::POST, body, ..Self::get(url, what) }
            .with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    pub(in crate::cloud) fn post_form(
        url: Url,
        fields: &[(&str, &str)],
        what: &'static str,
    ) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let body = Some(Zeroizing::new(form.finish().into_bytes()));
        Self { method: Method::POST, body, ..Self::get(url, what) }
            .with(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
    }

    pub(in crate::cloud) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(in crate::cloud) fn needing(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    pub(in crate::cloud) fn limited_as(self, limit: &'static str) -> Self {
        Self { limit, ..self }
    }

    pub(in crate::cloud) fn urgent(self) -> Self {
        Self { urgent: true, ..self }
    }
}

/// Without the body, which may hold a credential.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method, self.url.path(), self.what)
    }
}
