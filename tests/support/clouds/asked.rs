//! A request and its answer, as the clouds see them: without a web framework, so that a batch can ask too.

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{faults::Trouble, time::Moment};

#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    /// `https://127.0.0.1:1234`: links are made with it.
    pub origin: String,
    /// As it was written.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub troubles: Vec<Trouble>,
    /// When it was asked.
    pub now: Moment,
}

impl Asked {
    /// Reads a path with a query.
    pub fn at(method: Method, origin: &str, path_and_query: &str, now: Moment) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self {
            method,
            origin: origin.to_owned(),
            path: path.to_owned(),
            query,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            troubles: Vec::new(),
            now,
        }
    }

    /// The parts of the path, decoded.
    pub fn segments(&self) -> Vec<String> {
        let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        self.path.split('/').filter(|part| !part.is_empty()).map(decode).collect()
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A form's fields.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The credentials of one scheme.
    pub fn authorization(&self, scheme: &str) -> Option<&str> {
        let (found, credentials) = self.header("authorization")?.split_once(' ')?;
        found.eq_ignore_ascii_case(scheme).then_some(credentials)
    }
}

/// One field of a form.
pub fn field<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub enum Body {
    Json(Value),
    Text(String),
    Nothing,
}

impl Answer {
    pub fn json(value: Value) -> Self {
        Self::new(200, value)
    }

    pub fn new(status: u16, value: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(value) }
    }

    pub fn text(text: String) -> Self {
        Self { status: 200, headers: Vec::new(), body: Body::Text(text) }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// An error is an answer as well.
pub type Outcome = Result<Answer, Answer>;
