//! A form as it is kept.

use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header, request::Parts};
use serde::{Deserialize, Serialize};

use crate::{
    http::{Body, Place},
    secrets::Sealer,
};

/// What forms are sealed for.
const PURPOSE: &str = "saved form";

/// How many bytes say how long the head is.
const LENGTH: usize = 4;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the application has to see of a form besides its body, and what the gateway has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The application.
    pub(super) app: String,
    /// Path and query.
    pub(super) target: String,
    /// Whether a page of the application itself has sent it.
    pub(super) own: bool,
    /// When.
    pub(super) saved_at: DateTime<Utc>,
    content_type: Option<String>,
    /// The page, as the browser said it: the application looks at that as well.
    pub(super) origin: Option<String>,
    referer: Option<String>,
    fetch_site: Option<String>,
}

impl Head {
    pub(super) fn of(
        headers: &HeaderMap,
        place: &Place,
        target: &str,
        own: bool,
        now: DateTime<Utc>,
    ) -> Self {
        let text = |name: HeaderName| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        Self {
            app: place.name.clone(),
            target: target.to_owned(),
            own,
            saved_at: now,
            content_type: text(header::CONTENT_TYPE),
            origin: text(header::ORIGIN),
            referer: text(header::REFERER),
            fetch_site: text(FETCH_SITE),
        }
    }
}

/// A form, with every byte of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SavedForm {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

/// Headers that are about the request that comes for the form, and not about the form.
const OTHERS: [HeaderName; 7] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    header::TRANSFER_ENCODING,
];

impl SavedForm {
    /// Length of the head, head and body, sealed.
    pub(super) fn seal(&self, sealer: &Sealer) -> Vec<u8> {
        // A head of strings and times is always JSON, and shorter than a request.
        let head = serde_json::to_vec(&self.head).unwrap_or_default();
        let length = u32::try_from(head.len()).unwrap_or_default().to_be_bytes();
        sealer.seal(PURPOSE, &[length.as_slice(), &head, &self.body].concat())
    }

    pub(super) fn open(sealer: &Sealer, bytes: &[u8]) -> Option<Self> {
        let plain = sealer.open(PURPOSE, bytes).ok()?;
        let (length, rest) = plain.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (head, body) = rest.split_at_checked(length)?;
        Some(Self { head: serde_json::from_slice(head).ok()?, body: body.to_vec() })
    }

    /// The form, in the place of the request that came for it.
    pub(super) fn into_request(self, asked: Parts) -> Option<Request<Body>> {
        let mut parts = asked;
        parts.method = Method::POST;
        parts.uri = self.head.target.parse::<Uri>().ok()?;
        for name in OTHERS {
            parts.headers.remove(name);
        }
        for (name, value) in [
            (header::CONTENT_TYPE, self.head.content_type),
            (header::ORIGIN, self.head.origin),
            (header::REFERER, self.head.referer),
            (FETCH_SITE, self.head.fetch_site),
        ] {
            match value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                Some(value) => parts.headers.insert(name, value),
                None => parts.headers.remove(name),
            };
        }
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        Some(Request::from_parts(parts, Body::from(self.body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> SavedForm {
        let head = Head {
            app: "jira".to_owned(),
            target: "/secure/Create.jspa?a=b".to_owned(),
            own: true,
            saved_at: DateTime::UNIX_EPOCH,
            content_type: Some("text/plain".to_owned()),
            origin: Some("https://jira.example.com".to_owned()),
            referer: None,
            fetch_site: Some("same-origin".to_owned()),
        };
        SavedForm { head, body: (0..=255).collect() }
    }

    #[test]
    fn is_opened_as_it_was_sealed_and_not_when_changed() {
        let sealer = Sealer::new(&"k".repeat(32).into(), &[]).unwrap();
        let mut kept = form().seal(&sealer);
        assert_eq!(SavedForm::open(&sealer, &kept), Some(form()));
        assert!(!kept.windows(4).any(|part| part == b"jira"));
        *kept.last_mut().unwrap() ^= 1;
        assert_eq!(SavedForm::open(&sealer, &kept), None);
        assert_eq!(SavedForm::open(&sealer, &sealer.seal("login flow", b"x")), None);
    }

    #[test]
    fn takes_the_place_of_the_request_that_comes_for_it() {
        let asked = Request::get("/secure/Create.jspa?a=b&gatehouse-form=x")
            .header("sec-fetch-site", "cross-site")
            .header("referer", "https://login.example.com/")
            .header("if-none-match", "x")
            .header("user-agent", "y");
        let (parts, ()) = asked.body(()).unwrap().into_parts();
        let request = form().into_request(parts).unwrap();
        assert_eq!(
            (request.method(), request.uri().to_string()),
            (&Method::POST, "/secure/Create.jspa?a=b".to_owned())
        );
        let mut headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        assert_eq!(
            headers,
            [
                "content-length: 256",
                "content-type: text/plain",
                "origin: https://jira.example.com",
                "sec-fetch-site: same-origin",
                "user-agent: y"
            ]
        );
    }
}
