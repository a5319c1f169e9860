//! Where an application shows that it runs, and whom it takes somebody for.

use http::HeaderMap;

use crate::config::AppKind;

/// The page that says whether an application runs, below its own path.
#[must_use]
pub fn health_path(kind: AppKind) -> &'static str {
    kind.status_path().unwrap_or("/")
}

/// A page that is answered quickly, and differently for everybody.
#[must_use]
pub fn sight_path(kind: AppKind) -> &'static str {
    match kind {
        AppKind::Jira => "/rest/api/2/myself",
        AppKind::Confluence => "/rest/api/user/current",
        AppKind::Bitbucket => "/plugins/servlet/applinks/whoami",
        AppKind::Bamboo => "/rest/api/latest/currentUser",
        AppKind::Fisheye | AppKind::Generic => "/",
    }
}

/// Whom an application takes the asker for: by its `X-AUSERNAME`, which applications of Atlassian's put into every
/// answer, else by the username in the page, if it is there.
#[must_use]
pub fn user_seen(headers: &HeaderMap, page: &str, expected: &str) -> Option<String> {
    if let Some(name) = headers.get("x-ausername") {
        let name = String::from_utf8_lossy(name.as_bytes());
        let decoded = percent_encoding::percent_decode_str(&name).decode_utf8_lossy();
        return Some(decoded.into_owned()).filter(|name| name != "anonymous");
    }
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    page.split(|c| !is_part(c)).find(|word| *word == expected).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_header_counts_more_than_a_page() {
        let mut headers = HeaderMap::new();
        assert_eq!(user_seen(&headers, "{\"name\":\"alice\"}", "alice").as_deref(), Some("alice"));
        assert_eq!(user_seen(&headers, "malice alice2", "alice"), None);
        headers.insert("x-ausername", HeaderValue::from_static("anonymous"));
        assert_eq!(user_seen(&headers, "alice", "alice"), None);
        headers.insert("x-ausername", HeaderValue::from_static("zo%C3%AB"));
        assert_eq!(user_seen(&headers, "", "x").as_deref(), Some("zoë"));
    }
}
