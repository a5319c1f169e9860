//! Whose pages may change things at an application with the cookies of whoever looks at them.

use http::{HeaderMap, Method, header};
use url::Url;

/// The origins whose pages an application takes changes from: its own, and some others.
///
/// `SameSite` keeps cookies from pages of other *sites*. This is the second line, and tells *origins*
/// apart: `wiki.example.com` is another one than `jira.example.com`, and the same site.
#[derive(Clone, Debug)]
pub struct Origins {
    own: String,
    others: Vec<String>,
}

impl Origins {
    /// An application's own origin, by its URL, and the others that it takes changes from.
    #[must_use]
    pub fn new<'a>(own: &Url, others: impl Iterator<Item = &'a Url>) -> Self {
        let origin = |url: &Url| url.origin().ascii_serialization();
        Self { own: origin(own), others: others.map(origin).collect() }
    }

    /// Whether a request that comes with somebody's cookies may be passed on. What changes nothing may,
    /// apart from a `WebSocket`, which browsers open for every page (RFC 6455 section 10.2).
    #[must_use]
    pub fn admit(&self, method: &Method, headers: &HeaderMap) -> bool {
        let harmless = method.is_safe() && !headers.contains_key(header::UPGRADE);
        harmless || self.admit_page(headers)
    }

    /// Whether the page that a request comes from may send it. Browsers say which it is, in headers that
    /// no page can change. Who says nothing of pages is no browser of today.
    fn admit_page(&self, headers: &HeaderMap) -> bool {
        match (only(headers, "sec-fetch-site"), only(headers, header::ORIGIN.as_str())) {
            // Pages with `Referrer-Policy: no-referrer` do not say their name even at home.
            (None | Some("same-origin" | "none"), None)
            | (Some("same-origin" | "none"), Some("null")) => true,
            (None | Some("same-origin" | "none"), Some(page)) if self.is_own(page) => true,
            (_, Some(page)) => self.others.iter().any(|other| other.eq_ignore_ascii_case(page)),
            _ => false,
        }
    }

    fn is_own(&self, page: &str) -> bool {
        self.own.eq_ignore_ascii_case(page)
    }
}

/// A header's text. One that is there twice, or is no text, says nothing that anybody knows.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    Some(first.to_str().ok().filter(|_| values.next().is_none()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(method: &Method, pairs: &[(&'static str, &'static str)]) -> bool {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let others = [url("https://wiki.example.com")];
        let origins = Origins::new(&url("https://jira.example.com/jira"), others.iter());
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap());
        }
        origins.admit(method, &headers)
    }

    #[test]
    fn changes_are_taken_from_pages_that_may_send_them() {
        let (own, wiki) = ("https://jira.example.com", "https://wiki.example.com");
        let evil = "https://evil.example";
        for (pairs, expected) in [
            (vec![], true),
            (vec![("origin", own)], true),
            (vec![("origin", "HTTPS://JIRA.example.com")], true),
            (vec![("sec-fetch-site", "same-origin"), ("origin", own)], true),
            (vec![("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "same-site"), ("origin", wiki)], true),
            (vec![("origin", wiki)], true),
            (vec![("sec-fetch-site", "same-site"), ("origin", "https://x.example.com")], false),
            (vec![("sec-fetch-site", "same-site"), ("origin", "null")], false),
            (vec![("sec-fetch-site", "cross-site"), ("origin", evil)], false),
            (vec![("sec-fetch-site", "cross-site"), ("origin", own)], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-origin"), ("origin", evil)], false),
            (vec![("origin", evil)], false),
            (vec![("origin", "null")], false),
            (vec![("origin", "http://jira.example.com")], false),
            (vec![("origin", "https://jira.example.com:8443")], false),
            (vec![("origin", own), ("origin", evil)], false),
            (vec![("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "new-word")], false),
        ] {
            assert_eq!(admits(&Method::POST, &pairs), expected, "{pairs:?}");
        }
    }

    #[test]
    fn what_changes_nothing_is_taken_from_everywhere_but_for_websockets() {
        let evil = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert!(admits(&method, &evil), "{method}");
        }
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(!admits(&method, &evil), "{method}");
        }
        let socket = [("upgrade", "websocket"), ("origin", "https://evil.example")];
        assert!(!admits(&Method::GET, &socket));
        assert!(admits(&Method::GET, &[("upgrade", "websocket")]));
    }
}
