//! The gateway's cookies: their names, and reading, setting and hiding them.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

/// What the gateway's cookies are called on a site.
#[derive(Clone, Copy, Debug)]
pub struct CookieNames {
    /// The session on this host.
    pub session: &'static str,
    /// The parent session, on the login host only.
    pub login: &'static str,
    /// Tells a browser from others while it logs in.
    pub browser: &'static str,
    /// The same on the login host, where an identity provider's page posts to.
    pub saml: &'static str,
    /// That a ticket has been asked for in vain.
    pub no_ticket: &'static str,
    secure: bool,
}

/// A name that begins so can only have been set by this very host, over TLS (RFC 6265bis 4.1.3).
const PREFIX: &str = "__Host-";

/// What all of the gateway's names begin with, after the prefix.
const STEM: &str = "gatehouse-";

impl CookieNames {
    pub(super) fn new(secure: bool) -> Self {
        if secure {
            Self {
                session: "__Host-gatehouse-session",
                login: "__Host-gatehouse-login",
                browser: "__Host-gatehouse-browser",
                saml: "__Host-gatehouse-saml",
                no_ticket: "__Host-gatehouse-no-ticket",
                secure,
            }
        } else {
            Self {
                session: "gatehouse-session",
                login: "gatehouse-login",
                browser: "gatehouse-browser",
                saml: "gatehouse-saml",
                no_ticket: "gatehouse-no-ticket",
                secure,
            }
        }
    }

    /// Sets a cookie until the browser closes. Scripts cannot read it, and other sites' pages do not
    /// send it, links apart.
    #[must_use]
    pub fn set(&self, name: &str, value: &str) -> HeaderValue {
        self.header(name, value, "; SameSite=Lax")
    }

    /// Sets a cookie for some seconds.
    #[must_use]
    pub fn set_for(&self, name: &str, value: &str, seconds: u32) -> HeaderValue {
        self.header(name, value, &format!("; SameSite=Lax; Max-Age={seconds}"))
    }

    /// What marks the cookies of an application of that name.
    #[must_use]
    pub(super) fn marker(&self, app: &str) -> String {
        let prefix = if self.secure { PREFIX } else { "" };
        format!("{prefix}{STEM}app-{app}")
    }

    /// What says at which address of an application of that name somebody has been.
    #[must_use]
    pub fn node(&self, app: &str) -> String {
        let prefix = if self.secure { PREFIX } else { "" };
        format!("{prefix}{STEM}node-{app}")
    }

    /// Sets a cookie that comes back with a form that another site's page posts.
    ///
    /// Browsers take `SameSite=None` over TLS only; without it and over plain http, they send a cookie
    /// that says nothing of `SameSite` for two minutes.
    #[must_use]
    pub fn set_for_posts(&self, name: &str, value: &str) -> HeaderValue {
        self.header(name, value, if self.secure { "; SameSite=None" } else { "" })
    }

    /// Removes a cookie.
    #[must_use]
    pub fn remove(&self, name: &str) -> HeaderValue {
        self.header(name, "", "; SameSite=Lax; Max-Age=0")
    }

    fn header(&self, name: &str, value: &str, attributes: &str) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly{secure}{attributes}");
        // Names are ours, and values base64.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// Every cookie of a request: names and values.
pub(super) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    // Several headers are what HTTP/2 makes of one (RFC 9113 8.2.3). Applications set cookies with letters
    // beyond ASCII, which must not hide ours.
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';'));
    pairs.filter_map(|pair| {
        let middle = pair.iter().position(|byte| *byte == b'=')?;
        Some((pair[..middle].trim_ascii(), pair[middle + 1..].trim_ascii()))
    })
}

/// The value of a request's cookie.
#[must_use]
pub fn find_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let found = cookies(headers).find(|(found, _)| *found == name.as_bytes());
    found.and_then(|(_, value)| str::from_utf8(value).ok())
}

/// Whether a cookie is the gateway's, and nobody else's business. Names differ in case for us, but not
/// for everybody.
fn is_own(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    let name = strip(name, PREFIX).unwrap_or(name);
    strip(name, STEM).is_some()
}

/// What comes behind a beginning, in whatever case that is.
fn strip<'a>(name: &'a [u8], beginning: &str) -> Option<&'a [u8]> {
    let (head, rest) = name.split_at_checked(beginning.len())?;
    head.eq_ignore_ascii_case(beginning.as_bytes()).then_some(rest)
}

/// The request's cookies for an application: without the gateway's and others that it must not get, in one
/// line.
#[must_use]
pub fn foreign_cookies(
    headers: &HeaderMap,
    is_withheld: impl Fn(&[u8]) -> bool,
) -> Option<HeaderValue> {
    let mut lines = headers.get_all(header::COOKIE).iter();
    let first = lines.next()?;
    let (mut kept, mut are_all) = (Vec::with_capacity(first.len()), lines.next().is_none());
    let lines = headers.get_all(header::COOKIE).iter();
    for pair in lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')) {
        if is_own_pair(pair) || is_withheld(pair) {
            are_all = false;
        } else if !pair.trim_ascii().is_empty() {
            if !kept.is_empty() {
                kept.extend(b"; ");
            }
            kept.extend(pair.trim_ascii());
        }
    }
    if are_all {
        return Some(first.clone());
    }
    if kept.is_empty() { None } else { HeaderValue::from_maybe_shared(Bytes::from(kept)).ok() }
}

fn is_own_pair(pair: &[u8]) -> bool {
    is_own(name_of(pair))
}

/// The name in what a request or an answer says of a cookie.
pub(super) fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii()
}

/// Whether an application tries to set one of the gateway's cookies.
#[must_use]
pub fn sets_own_cookie(set_cookie: &HeaderValue) -> bool {
    is_own_pair(set_cookie.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let lines = lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line)));
        lines.collect()
    }

    #[test]
    fn finds_cookies_in_every_line() {
        let headers = headers(&["a=1; b=2", "c=3;d;e=4=5"]);
        assert_eq!(find_cookie(&headers, "b"), Some("2"));
        assert_eq!(find_cookie(&headers, "e"), Some("4=5"));
        assert_eq!(find_cookie(&headers, "d"), None);
        let beyond =
            HeaderValue::from_bytes("name=Müller; ours=1; x=\u{1F600}".as_bytes()).unwrap();
        let beyond = HeaderMap::from_iter([(header::COOKIE, beyond)]);
        assert_eq!(find_cookie(&beyond, "ours"), Some("1"));
    }

    #[test]
    fn applications_never_see_the_gateways_cookies() {
        for (lines, kept) in [
            (vec!["a=1; b=2"], Some("a=1; b=2")),
            (vec!["a=1", "b=2"], Some("a=1; b=2")),
            (vec!["a=1; __Host-gatehouse-session=x;b=2"], Some("a=1; b=2")),
            (vec!["gatehouse-login=x"], None),
            (vec!["__host-Gatehouse-Session=x; c=3"], Some("c=3")),
            (vec!["__Host-gatehouse-session"], None),
            (vec!["my-gatehouse-login=x"], Some("my-gatehouse-login=x")),
            (vec![], None),
        ] {
            let kept = kept.map(HeaderValue::from_static);
            assert_eq!(foreign_cookies(&headers(&lines), |_| false), kept, "{lines:?}");
        }
        let withheld = |pair: &[u8]| pair.starts_with(b"b=");
        assert_eq!(foreign_cookies(&headers(&["b=1"]), withheld), None);
        let kept = foreign_cookies(&headers(&["a=1;b=1", "c=2"]), withheld);
        assert_eq!(kept, Some(HeaderValue::from_static("a=1; c=2")));
        assert!(sets_own_cookie(&HeaderValue::from_static("__Host-gatehouse-session=x; Path=/")));
        assert!(!sets_own_cookie(&HeaderValue::from_static("JSESSIONID=x; Path=/")));
    }

    #[test]
    fn cookies_are_as_tight_as_the_site_allows() {
        let secure = CookieNames::new(true);
        assert_eq!(
            secure.set(secure.session, "v"),
            "__Host-gatehouse-session=v; Path=/; HttpOnly; Secure; SameSite=Lax"
        );
        assert!(
            secure.set_for_posts(secure.saml, "v").to_str().unwrap().ends_with("SameSite=None")
        );
        let plain = CookieNames::new(false);
        assert_eq!(plain.set_for_posts(plain.saml, "v"), "gatehouse-saml=v; Path=/; HttpOnly");
    }
}
