//! Requests with credentials of their own.

use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, CONNECTION},
};

/// Credentials that Atlassian's applications check themselves.
const SCHEMES: [&str; 3] = ["basic", "bearer", "oauth"];

/// Whether a request brings credentials that the application checks itself. Two of them are none: nobody
/// knows which of them it would look at. Those that `Connection` names never reach it.
pub fn has_credentials(headers: &HeaderMap) -> bool {
    let name = AUTHORIZATION.as_str().as_bytes();
    let spares = |value: &HeaderValue| {
        let mut parts = value.as_bytes().windows(name.len());
        !parts.any(|part| part.eq_ignore_ascii_case(name))
    };
    if !headers.get_all(CONNECTION).iter().all(spares) {
        return false;
    }
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else {
        return false;
    };
    let words = only.to_str().ok().and_then(|value| value.split_once(' '));
    words.is_some_and(|(scheme, rest)| {
        SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) && !rest.trim().is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_never_reach_the_application_are_none() {
        for (connection, expected) in
            [("close", true), ("x, Authorization", false), ("keep-alive, AUTHORIZATION", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
            headers.insert(CONNECTION, HeaderValue::from_static(connection));
            assert_eq!(has_credentials(&headers), expected, "{connection}");
        }
    }
}
