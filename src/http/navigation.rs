//! What a request is for: a page that somebody wants to see, or something else.

use http::{HeaderMap, HeaderName, Method, header};

static MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static DESTINATION: HeaderName = HeaderName::from_static("sec-fetch-dest");
static SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
static BY_USER: HeaderName = HeaderName::from_static("sec-fetch-user");
static SCRIPTED: HeaderName = HeaderName::from_static("x-requested-with");

/// In one or the other browsers say that nobody has asked yet.
static AHEAD: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a browser goes to a page: the only requests that are sent to a login.
///
/// Browsers of today say so (`Sec-Fetch-Mode`); of others, those that ask for HTML and do not say that
/// a script asks.
#[must_use]
pub fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && is_for_a_page(headers)
}

/// Like [`is_navigation`], for forms too.
#[must_use]
pub fn is_for_a_page(headers: &HeaderMap) -> bool {
    !is_ahead(headers) && asks_for_a_page(headers)
}

/// Whether a browser fetches something that nobody has asked for yet.
fn is_ahead(headers: &HeaderMap) -> bool {
    AHEAD.iter().any(|name| headers.contains_key(name))
}

fn asks_for_a_page(headers: &HeaderMap) -> bool {
    match text(headers, &MODE) {
        Some(mode) => {
            let destination = text(headers, &DESTINATION);
            mode == "navigate" && matches!(destination, None | Some("document" | "empty"))
        }
        None => wants_html(headers) && !headers.contains_key(&SCRIPTED),
    }
}

/// Whether an answer is read by somebody, rather than by a script.
#[must_use]
pub fn wants_html(headers: &HeaderMap) -> bool {
    text(headers, &header::ACCEPT).is_some_and(|accept| accept.contains("text/html"))
}

/// Whether a page of this very site sent the request, by a button or a script of its own.
///
/// Without `Sec-Fetch-Site`, which browsers have sent since 2023, a form's `Origin` says it.
#[must_use]
pub fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    match text(headers, &SITE) {
        Some(site) => site == "same-origin",
        None => text(headers, &header::ORIGIN) == Some(origin),
    }
}

/// Whether somebody has clicked a link of this very site: no picture, no frame, nothing fetched ahead.
#[must_use]
pub fn is_own_link(method: &Method, headers: &HeaderMap, origin: &str) -> bool {
    *method == Method::GET
        && is_same_origin(headers, origin)
        && text(headers, &MODE) == Some("navigate")
        && text(headers, &DESTINATION) == Some("document")
        && text(headers, &BY_USER) == Some("?1")
        && !is_ahead(headers)
}

/// Whether a page of this very site sends a request on purpose: somebody goes there, or a script or a form
/// sends it. Pictures and frames do not count, which others can have put into the page.
#[must_use]
pub fn is_own_request(method: &Method, headers: &HeaderMap, origin: &str) -> bool {
    let how = (text(headers, &MODE), text(headers, &DESTINATION));
    let on_purpose = match how {
        (Some("navigate"), destination) => destination == Some("document"),
        (Some("cors" | "same-origin"), destination) => destination == Some("empty"),
        _ => !method.is_safe(),
    };
    on_purpose && is_same_origin(headers, origin) && !is_ahead(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap())
            })
            .collect()
    }

    #[test]
    fn only_pages_are_navigations() {
        let html = ("accept", "text/html,*/*;q=0.8");
        for (pairs, navigation) in [
            (vec![html], true),
            (vec![html, ("x-requested-with", "XMLHttpRequest")], false),
            (vec![html, ("sec-fetch-mode", "navigate"), ("sec-purpose", "prefetch")], false),
            (vec![html, ("purpose", "prefetch")], false),
            (vec![("accept", "*/*")], false),
            (vec![html, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], true),
            (vec![html, ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], false),
            (vec![html, ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")], false),
            (vec![("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")], false),
            (vec![], false),
        ] {
            assert_eq!(is_navigation(&Method::GET, &headers(&pairs)), navigation, "{pairs:?}");
        }
        assert!(!is_navigation(&Method::POST, &headers(&[html])));
        assert!(is_for_a_page(&headers(&[html])));
    }

    #[test]
    fn other_sites_are_told_from_this_one() {
        let origin = "https://jira.example.com";
        assert!(is_same_origin(&headers(&[("sec-fetch-site", "same-origin")]), origin));
        assert!(is_same_origin(&headers(&[("origin", "https://jira.example.com")]), origin));
        assert!(!is_same_origin(&headers(&[("sec-fetch-site", "same-site")]), origin));
        assert!(!is_same_origin(
            &headers(&[("sec-fetch-site", "cross-site"), ("origin", origin)]),
            origin
        ));
        assert!(!is_same_origin(&headers(&[("origin", "null")]), origin));
        assert!(!is_same_origin(&headers(&[]), origin));
    }

    #[test]
    fn pictures_and_frames_are_nobodys_purpose() {
        let own = ("sec-fetch-site", "same-origin");
        let how = |mode, dest| [own, ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
        let origin = "https://jira.example.com";
        let is_own = |method: &Method, pairs: &[(&'static str, &'static str)]| {
            is_own_request(method, &headers(pairs), origin)
        };
        let (get, post) = (&Method::GET, &Method::POST);
        for (mode, dest, expected) in [
            ("navigate", "document", true),
            ("cors", "empty", true),
            ("same-origin", "empty", true),
            ("navigate", "iframe", false),
            ("no-cors", "image", false),
            ("cors", "image", false),
            ("no-cors", "empty", false),
        ] {
            assert_eq!(is_own(get, &how(mode, dest)), expected, "{mode} {dest}");
        }
        assert!(is_own(post, &how("navigate", "document")));
        assert!(!is_own(post, &how("navigate", "iframe")));
        assert!(is_own(post, &[("origin", origin)]), "a browser that says nothing else");
        assert!(!is_own(get, &[("origin", origin)]));
        for site in ["cross-site", "same-site", "none"] {
            let other = [("sec-fetch-site", site), ("sec-fetch-mode", "navigate")];
            assert!(!is_own(get, &[other[0], other[1], ("sec-fetch-dest", "document")]), "{site}");
            assert!(!is_own(post, &other), "{site}");
        }
        let ahead = [
            own,
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
            ("sec-purpose", "prefetch"),
        ];
        assert!(!is_own(get, &ahead));
    }
}
