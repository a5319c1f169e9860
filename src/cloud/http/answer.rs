//! What was answered.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

/// An answer is never larger than this; pages of clouds have a few hundred kilobytes.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// No cloud is left alone for longer because of what one answer says: a wrong number would be for ever.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// The headers by which clouds say what their support asks for.
const REQUEST_IDS: [&str; 4] =
    ["request-id", "x-okta-request-id", "x-ms-request-id", "x-goog-request-id"];

/// An answer that came completely.
#[derive(Debug)]
pub(in crate::cloud) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why an answer did not come completely.
#[derive(Debug)]
pub(super) enum Broken {
    /// No answer, or half of it.
    Transport(String),
    /// More than anybody wants to read.
    TooLarge,
}

impl Answer {
    /// Reads an answer to its end, piece by piece, so that no more of it than is taken is ever in memory.
    pub(super) async fn read(mut response: reqwest::Response) -> Result<Self, Broken> {
        let broken = |error: reqwest::Error| Broken::Transport(reason(error));
        let announced = response.content_length().unwrap_or_default();
        if announced > MOST_BYTES as u64 {
            return Err(Broken::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(Broken::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Self { status: response.status(), headers, body })
    }

    pub(in crate::cloud) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header that is a number.
    pub(in crate::cloud) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.header(name)?.trim().parse().ok()
    }

    /// The body. Why it is not what it should be is said without quoting it: it may hold a credential.
    pub(in crate::cloud) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            match error.classify() {
                serde_json::error::Category::Data => {
                    format!("is not what it should be at line {line}, column {column}")
                }
                _ => format!("is no whole JSON at line {line}, column {column}"),
            }
        })
    }

    /// What the cloud's clock says.
    pub(in crate::cloud) fn date(&self) -> Option<DateTime<Utc>> {
        date(self.header(header::DATE.as_str())?)
    }

    /// How long is asked to wait (RFC 9110 section 10.2.3): a number of seconds, or a time by the cloud's own clock.
    pub(in crate::cloud) fn retry_after(&self) -> Option<Duration> {
        let text = self.header(header::RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds).min(LONGEST_PAUSE));
        }
        Some(self.until(date(text)?))
    }

    /// How long it is until a time of the cloud's clock, as far as anybody waits for it.
    pub(in crate::cloud) fn until(&self, at: DateTime<Utc>) -> Duration {
        let time = self.date().and_then(|now| (at - now).to_std().ok()).unwrap_or_default();
        time.min(LONGEST_PAUSE)
    }

    /// What the cloud's support asks for.
    pub(in crate::cloud) fn request_id(&self) -> Option<&str> {
        REQUEST_IDS.iter().find_map(|name| self.header(name)).filter(|id| id.len() <= 100)
    }

    /// A reason, with what the cloud's support asks for.
    pub(in crate::cloud) fn with_id(&self, reason: &str) -> String {
        let reason = super::excerpt(reason);
        match self.request_id() {
            Some(id) => format!("{reason} (request {id})"),
            None => reason,
        }
    }
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
}

/// Why there is no answer, down to the cause, without the address.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    super::excerpt(&text)
}
